"""Results of a build and of a repair."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from czcheck.building.equivalence import Equivalence
    from czcheck.building.framework import FrameworkEquivalence
    from czcheck.building.process import Lowering
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.metadata.processing import Operation
    from czcheck.planned.ends import Binary
    from czcheck.report.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An archive that was written.

    Attributes:
        path: The archive.
        model_id: GUID that its members' names carry.
        metadata: What it says about the model.
        tile: (height, width) of the network's tile in pixels.
        source_tile: The same of the source; None where the source leaves it open.
        equivalence: How far its outputs are from the source's.
        nodes_before: Nodes of the source's graph, those of functions included.
        nodes_after: Nodes of the archive's graph.
        dropped: Attributes that TensorFlow 2.0.0 does not know and that stood at their default:
            how many, by `Operation.attribute`.
        rewritten: Operations replaced by ones that TensorFlow 2.0.0 has: how many, by
            `old -> new`.
        report: The verdict on the archive; None if not requested.
    """

    path: Path
    model_id: str
    metadata: ModelMetadata
    tile: tuple[int, int]
    source_tile: tuple[int, int] | None
    equivalence: Equivalence
    nodes_before: int
    nodes_after: int
    dropped: tuple[tuple[str, int], ...]
    rewritten: tuple[tuple[str, int], ...]
    report: Report | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult(Written):
    """An archive that was built.

    Attributes:
        preprocessing: Operations that were put in front of the network, the first one first.
        postprocessing: Operations that were put behind it.
        binary: Which class gets the probability p that the network's one channel gives, and which
            1 - p; None where no channel was made two.
        warnings: What is odd about the result though it is as requested.
        framework: Comparison with the framework that wrote the source; None if not requested.
    """

    preprocessing: tuple[Operation, ...]
    postprocessing: tuple[Operation, ...]
    binary: Binary | None
    warnings: tuple[str, ...]
    framework: FrameworkEquivalence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairResult(Written):
    """An archive that was written anew. Its model id is the one in the source's metadata.

    Attributes:
        source: The archive that it was made from.
        changes: What differs from the source, one line each; empty where the two archives are
            byte for byte the same.
    """

    source: Path
    changes: tuple[str, ...]


def fields_of(lowering: Lowering) -> dict[str, Any]:
    """The fields of `Written` that a lowering gives.

    Args:
        lowering: The lowered network.
    """
    names = ("tile", "source_tile", "nodes_before", "nodes_after", "dropped", "rewritten")
    return {name: getattr(lowering, name) for name in names}
