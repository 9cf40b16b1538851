"""What is written of an image, and in which formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from czcheck.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from czcheck.images.image import Plane
    from czcheck.metadata.classes import SegmentationClass

Kind = Literal["labels", "probabilities", "confidence"]
KINDS: tuple[Kind, ...] = ("labels", "probabilities", "confidence")
TIFF_ENDINGS = (".tif", ".tiff")
CZI_ENDINGS = (".czi",)
ZARR_ENDINGS = (".zarr",)
PNG_ENDINGS = (".png",)
MOST_BYTE_LABEL = 255
# Where files say what their numbers mean, and what they were made of.
CLASSES, SOURCE = "czcheck/classes", "czcheck/source"


@dataclass(frozen=True, slots=True)
class Content:
    """What is written.

    Attributes:
        kind: `labels`: 0 where the confidence is too low, else the `LabelValue` of a class;
            `probabilities`: a channel for each class, 0..1; `confidence`: the highest probability.
        planes: The planes, as the image names them.
        classes: The model's classes in the order of the output channels.
        pixel_size: (height, width) of a pixel in micrometres, if known.
        source: What it was made of and how, for resuming: the model's id, the image, the options.
            JSON values. A store made of something else is not resumed.
    """

    kind: Kind
    planes: tuple[Plane, ...]
    classes: tuple[SegmentationClass, ...]
    pixel_size: tuple[float, float] | None = None
    source: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 for labels up to 255 and uint16 beyond; float32 for the others."""
        import numpy as np  # noqa: PLC0415

        if self.kind != "labels":
            return np.dtype(np.float32)
        highest = max((each.label_value for each in self.classes), default=0)
        return np.dtype(np.uint8 if highest <= MOST_BYTE_LABEL else np.uint16)

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels: the classes for probabilities, else one."""
        if self.kind == "probabilities":
            return tuple(each.name for each in self.classes)
        return (self.kind,)


def check_format(path: str | Path, kind: Kind, planes: int) -> None:
    """Refuse what cannot be written in the format that a name says.

    Args:
        path: The file or the store.
        kind: What is to be written.
        planes: Number of planes.

    Raises:
        UsageError: A name that says no format, or a PNG of fractions or of several planes.
    """
    ending = Path(str(path)).suffix
    known = (*TIFF_ENDINGS, *ZARR_ENDINGS, *CZI_ENDINGS, *PNG_ENDINGS)
    if ending.lower() not in known:
        raise UsageError(
            f"{path}: cannot be written in the format of that name; name a {', '.join(known)} file"
        )
    if ending.lower() not in PNG_ENDINGS:
        return
    other = f"{str(path)[: -len(ending)]}.ome.tif"
    if kind != "labels":
        raise UsageError(f"{path}: PNG holds no fractions, as {kind} are; write {other}")
    if planes > 1:
        raise UsageError(
            f"{path}: PNG holds one plane, the image has {planes}; write {other}, or select one "
            "with --scene, --time and --z"
        )
