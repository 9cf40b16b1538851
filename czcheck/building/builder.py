"""From a specification and a SavedModel to a conformant archive."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.building.checks import check_folder, check_harmless, check_licence, check_network
from czcheck.building.proof import Proof
from czcheck.building.stride import multiple_of
from czcheck.building.verifying import verified
from czcheck.errors import UsageError
from czcheck.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from czcheck.building.process import Lowering
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.metadata.spec import ModelSpec
    from czcheck.report.report import Report
    from czcheck.runtime.limits import RunnerLimits

Progress = Callable[[str], None]
"""Called with what is about to be done, a few words."""

NO_ID = str(uuid.UUID(int=0))
EXTENSION = ".czmodel"
UNSAFE_IN_FILE_NAMES = '<>:"/\\|?*'


@dataclass(frozen=True, slots=True)
class BuildResult:
    """An archive that was built.

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
    report: Report | None


def build(
    spec: str | Path | ModelSpec,
    output: str | Path | None = None,
    *,
    tile: tuple[int, int] | None = None,
    verify: bool = True,
    allow_op: Sequence[str] = (),
    limits: Limits = DEFAULT_LIMITS,
    runner_limits: RunnerLimits | None = None,
    progress: Progress | None = None,
) -> BuildResult:
    """Build an archive from a SavedModel.

    The network is lowered to one frozen graph that TensorFlow 2.0.0 runs, proved to answer like
    its source as unpacked from the finished archive, and only then put in place. The same input
    gives the same bytes. Unless the spec gives an `Id`, the model's id is made of the SHA-256 of
    the lowered graph and of the metadata without its id, so that equal models share one.

    Args:
        spec: Path of the JSON specification, or the specification itself.
        output: The archive to write; `<Name>.czmodel` in the working directory if left out.
        tile: (height, width) of the network's tile; it goes before the spec's `SpatialDims`.
        verify: Whether to verify the archive, level `run`, before it is put in place.
        allow_op: Operations to admit though they are not on the allowlist. They are run.
        limits: Limits on everything that is read.
        runner_limits: Limits on time and memory of the networks' process.
        progress: Called before each step.

    Returns:
        What was built.

    Raises:
        UsageError: There is no such specification, or the tile is no size.
        InputError: The specification or the network cannot be built, or the archive fails. No file
            is left behind, and an older one stays as it was.
        IncompleteError: TensorFlow could not be started or did not survive, or the archive could
            not be checked whole.
    """
    told = progress or (lambda _: None)
    if tile is not None and min(tile) < 1:
        raise UsageError(f"a tile of {tile[0]} x {tile[1]} pixels is no tile")
    told("reading the specification")
    plan = _Plan.of(_spec_of(spec, limits), tile, limits, allow_op)
    target = _target(output, plan.metadata.name)
    from czcheck.archive.write import replacing  # noqa: PLC0415
    from czcheck.building.process import BuildProcess  # noqa: PLC0415

    with replacing(target) as temporary:
        with BuildProcess(plan.folder, plan.loader, plan.signature, runner_limits) as process:
            told("lowering the network")
            lowering = process.lower(plan.tile)
            plan.check(lowering)
            metadata = plan.identified(lowering)
            process.pack(temporary, metadata, plan.licence)
            told("comparing the answers with the source's")
            proof = process.prove(temporary, metadata.pixel_types[0], limits)
        report = None
        if verify:
            told("verifying the archive")
            image = plan.spec.test_image_file
            report = verified(
                temporary,
                target,
                plan.folder,
                tiles=() if image is None else (image,),
                allow_op=plan.allow_op,
                limits=limits,
                runner_limits=runner_limits,
            )
    source_tile = lowering.source_tile
    return BuildResult(
        path=target,
        model_id=metadata.model_id,
        metadata=metadata,
        tile=lowering.tile,
        source_tile=None if min(source_tile) < 1 else source_tile,
        proof=proof,
        nodes_before=lowering.nodes_before,
        nodes_after=lowering.nodes_after,
        dropped=lowering.dropped,
        rewritten=lowering.rewritten,
        report=report,
    )


def _spec_of(spec: str | Path | ModelSpec, limits: Limits) -> ModelSpec:
    if not isinstance(spec, (str, Path)):
        return spec
    from czcheck.metadata.spec import read_spec  # noqa: PLC0415

    return read_spec(Path(spec), limits)


def _target(output: str | Path | None, name: str) -> Path:
    if output is not None:
        return Path(output)
    plain = "".join("_" if char in UNSAFE_IN_FILE_NAMES or char < " " else char for char in name)
    plain = plain.strip(" .") or "model"
    return Path(plain + EXTENSION)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be built, checked as far as it can be without TensorFlow."""

    spec: ModelSpec
    metadata: ModelMetadata
    folder: Path
    licence: Path | None
    tile: tuple[int, int] | None
    loader: str
    signature: str
    allow_op: tuple[str, ...]

    @classmethod
    def of(
        cls,
        spec: ModelSpec,
        tile: tuple[int, int] | None,
        limits: Limits,
        allow_op: Sequence[str],
    ) -> _Plan:
        from czcheck.network.files import SavedModelFolder  # noqa: PLC0415
        from czcheck.network.saved_model import read_network  # noqa: PLC0415

        folder = Path(spec.model_path)
        check_folder(folder)
        licence = None if spec.license_file is None else Path(spec.license_file)
        if licence is not None:
            check_licence(licence)
        metadata = metadata_of_spec(spec)
        asked = tile or spec.spatial_dims
        files = SavedModelFolder(folder)
        network = read_network(files, limits)
        check_network(network, metadata, asked, folder, multiple_of(network))
        check_harmless(network, files, allow_op, folder)
        signature = "" if network.serving is None else network.serving.name
        loader, admitted = network.loader, tuple(allow_op)
        return cls(spec, metadata, folder, licence, asked, loader, signature, admitted)

    def check(self, lowering: Lowering) -> None:
        """Hold what only TensorFlow could tell against the metadata."""
        from czcheck.building import checks  # noqa: PLC0415

        checks.check_channels(lowering.channels, self.metadata, self.folder)
        checks.check_classes(lowering.classes, self.metadata, self.folder)
        checks.check_border(*lowering.tile, self.metadata, self.folder)

    def identified(self, lowering: Lowering) -> ModelMetadata:
        """The metadata with the model's id."""
        model_id = self.spec.model_id or derived_id(lowering.sha256, self.metadata)
        return dataclasses.replace(self.metadata, model_id=model_id)


def metadata_of_spec(spec: ModelSpec) -> ModelMetadata:
    """The metadata that a specification describes.

    Args:
        spec: The specification.

    Returns:
        The metadata; its id is all zeros if the specification gives none.
    """
    from czcheck.metadata.colours import distinct_colours  # noqa: PLC0415
    from czcheck.metadata.model_metadata import (  # noqa: PLC0415
        ModelMetadata,
        SegmentationClass,
    )

    colours = spec.colors or distinct_colours(len(spec.classes))
    return ModelMetadata(
        model_id=spec.model_id or NO_ID,
        name=spec.name,
        classes=tuple(
            SegmentationClass(label_value=label, name=name, color=(colour[0], colour[1], colour[2]))
            for label, (name, colour) in enumerate(zip(spec.classes, colours, strict=True), start=1)
        ),
        pixel_types=spec.pixel_types,
        color_handling=spec.color_handling,
        border_size=spec.border_size,
    )


def derived_id(graph_sha256: str, metadata: ModelMetadata) -> str:
    """An id that depends on the model alone.

    Args:
        graph_sha256: SHA-256 of the lowered `saved_model.pb`, in hexadecimal.
        metadata: The metadata; its id does not count.

    Returns:
        A UUID, marked as one made from a name (version 5) though its digest is SHA-256.
    """
    import hashlib  # noqa: PLC0415

    from czcheck.metadata.model_metadata import to_xml  # noqa: PLC0415

    digest = hashlib.sha256(bytes.fromhex(graph_sha256))
    digest.update(to_xml(dataclasses.replace(metadata, model_id=NO_ID)))
    return str(uuid.UUID(bytes=digest.digest()[:16], version=5))
