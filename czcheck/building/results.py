"""What a build and a repair have to tell of the archive that they wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.building.proof import Proof

if TYPE_CHECKING:
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.metadata.processing import Operation
    from czcheck.planned.ends import Binary
    from czcheck.report.report import Report


@dataclass(frozen=True, slots=True)
class Lowering:
    """What the child made of the source.

    Attributes:
        sha256: SHA-256 of the lowered `saved_model.pb`, in hexadecimal.
        source_input: Key and tensor of the source's input.
        source_output: Key and tensor of its output.
        input: Key and tensor of the lowered network's input.
        output: Key and tensor of its output.
        tile: (height, width) of the lowered network.
        source_tile: The same of the source, -1 where it is open.
        source_batch: Batch size of the source, -1 where it is open.
        channels: Size of the input's last dimension.
        classes: Size of the output's last dimension.
        resized: Whether a size that the source had was changed.
        nodes_before: Nodes of the source's graph.
        nodes_after: Nodes of the lowered graph.
        dropped: Attributes dropped, with their counts.
        rewritten: Operations rewritten, with their counts.
    """

    sha256: str
    source_input: tuple[str, str]
    source_output: tuple[str, str]
    input: tuple[str, str]
    output: tuple[str, str]
    tile: tuple[int, int]
    source_tile: tuple[int, int]
    source_batch: int
    channels: int
    classes: int
    resized: bool
    nodes_before: int
    nodes_after: int
    dropped: tuple[tuple[str, int], ...]
    rewritten: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class OriginalProof:
    """How far the archive's outputs are from those of the framework that wrote the source.

    Attributes:
        framework: Its name and version, `Keras 2.3.1 in TensorFlow 1.15.5`.
        python: Version of the interpreter.
        scaled: Largest difference of a probability on tiles scaled to [0, 1].
        raw: The same on the raw range of the pixel type.
    """

    framework: str
    python: str
    scaled: float
    raw: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An archive that was written.

    Attributes:
        path: The archive.
        model_id: GUID that its members' names carry.
        metadata: What it says about the model.
        tile: (height, width) of the network's tile in pixels.
        source_tile: The same of the source; None where the source leaves it open.
        proof: How far its answers are from the source's.
        nodes_before: Nodes of the source's graph, those of functions included.
        nodes_after: Nodes of the archive's graph.
        dropped: Attributes that TensorFlow 2.0.0 does not know and that stood at their default:
            how many, by `Operation.attribute`.
        rewritten: Operations replaced by ones that TensorFlow 2.0.0 has: how many, by
            `old -> new`.
        report: The verdict on the archive; None if it was not asked for.
    """

    path: Path
    model_id: str
    metadata: ModelMetadata
    tile: tuple[int, int]
    source_tile: tuple[int, int] | None
    proof: Proof
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
        warnings: What is odd about the result though it is as asked for.
        original: Comparison with the framework that wrote the source; None if there was none.
    """

    preprocessing: tuple[Operation, ...]
    postprocessing: tuple[Operation, ...]
    binary: Binary | None
    warnings: tuple[str, ...]
    original: OriginalProof | None = None


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


def told_of(lowering: Lowering) -> dict[str, Any]:
    """The fields of `Written` that a lowering gives.

    Args:
        lowering: What the child made of the source.
    """
    open_tile = min(lowering.source_tile) < 1
    return {
        "tile": lowering.tile,
        "source_tile": None if open_tile else lowering.source_tile,
        "nodes_before": lowering.nodes_before,
        "nodes_after": lowering.nodes_after,
        "dropped": lowering.dropped,
        "rewritten": lowering.rewritten,
    }
