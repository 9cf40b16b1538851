"""czcheck: validate, inspect, build and run czmodel files.

The names below are the whole public interface; each is imported when it is first used, so that
`import czcheck` costs next to nothing. Only the layers import Keras, and TensorFlow with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from czcheck._version import __version__
    from czcheck.api import CzModel, open_model
    from czcheck.building.builder import build
    from czcheck.building.repairing import repair
    from czcheck.building.results import BuildResult, RepairResult
    from czcheck.convert import ModelSpec, convert_from_json_spec, convert_from_model_spec
    from czcheck.diffing.comparing import Diff, diff
    from czcheck.errors import CzcheckError, IncompleteError, InputError, UsageError
    from czcheck.evaluating.verdict import evaluate
    from czcheck.layers import (
        Normalization,
        PerImageStandardization,
        RgbaToBgra,
        RgbToBgr,
        SigmoidToSoftmaxScores,
        add_postprocessing_layers,
        add_preprocessing_layers,
    )
    from czcheck.metadata.classes import SegmentationClass
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.report.report import Report
    from czcheck.segmenting.layout import Layout, tiles
    from czcheck.segmenting.results import Segmentation
    from czcheck.segmenting.segmentation import segment
    from czcheck.verifying.baselines import write_baseline
    from czcheck.verifying.verification import verify

    open = open_model  # noqa: A001 - czcheck.open, as in gzip.open

# `open` is public, too, but `from czcheck import *` is not to take the place of Python's own.
__all__ = [
    "BuildResult",
    "CzModel",
    "CzcheckError",
    "Diff",
    "IncompleteError",
    "InputError",
    "Layout",
    "ModelMetadata",
    "ModelSpec",
    "Normalization",
    "PerImageStandardization",
    "RepairResult",
    "Report",
    "RgbToBgr",
    "RgbaToBgra",
    "Segmentation",
    "SegmentationClass",
    "SigmoidToSoftmaxScores",
    "UsageError",
    "__version__",
    "add_postprocessing_layers",
    "add_preprocessing_layers",
    "build",
    "convert_from_json_spec",
    "convert_from_model_spec",
    "diff",
    "evaluate",
    "repair",
    "segment",
    "tiles",
    "verify",
    "write_baseline",
]

_HOMES = {
    "BuildResult": ("czcheck.building.results", "BuildResult"),
    "CzModel": ("czcheck.api", "CzModel"),
    "CzcheckError": ("czcheck.errors", "CzcheckError"),
    "Diff": ("czcheck.diffing.comparing", "Diff"),
    "IncompleteError": ("czcheck.errors", "IncompleteError"),
    "InputError": ("czcheck.errors", "InputError"),
    "Layout": ("czcheck.segmenting.layout", "Layout"),
    "ModelMetadata": ("czcheck.metadata.model_metadata", "ModelMetadata"),
    "ModelSpec": ("czcheck.convert", "ModelSpec"),
    "Normalization": ("czcheck.layers", "Normalization"),
    "PerImageStandardization": ("czcheck.layers", "PerImageStandardization"),
    "RepairResult": ("czcheck.building.results", "RepairResult"),
    "Report": ("czcheck.report.report", "Report"),
    "RgbToBgr": ("czcheck.layers", "RgbToBgr"),
    "RgbaToBgra": ("czcheck.layers", "RgbaToBgra"),
    "Segmentation": ("czcheck.segmenting.results", "Segmentation"),
    "SegmentationClass": ("czcheck.metadata.classes", "SegmentationClass"),
    "SigmoidToSoftmaxScores": ("czcheck.layers", "SigmoidToSoftmaxScores"),
    "UsageError": ("czcheck.errors", "UsageError"),
    "add_postprocessing_layers": ("czcheck.layers", "add_postprocessing_layers"),
    "add_preprocessing_layers": ("czcheck.layers", "add_preprocessing_layers"),
    "build": ("czcheck.building.builder", "build"),
    "convert_from_json_spec": ("czcheck.convert", "convert_from_json_spec"),
    "convert_from_model_spec": ("czcheck.convert", "convert_from_model_spec"),
    "diff": ("czcheck.diffing.comparing", "diff"),
    "evaluate": ("czcheck.evaluating.verdict", "evaluate"),
    "open": ("czcheck.api", "open_model"),
    "repair": ("czcheck.building.repairing", "repair"),
    "segment": ("czcheck.segmenting.segmentation", "segment"),
    "tiles": ("czcheck.segmenting.layout", "tiles"),
    "verify": ("czcheck.verifying.verification", "verify"),
    "write_baseline": ("czcheck.verifying.baselines", "write_baseline"),
}
_VERSION = ("czcheck._version", "__version__")


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    try:
        module, attribute = _VERSION if name == "__version__" else _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'czcheck' has no attribute {name!r}") from None
    import importlib  # noqa: PLC0415 - only when a name is asked for

    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*_HOMES, *__all__})
