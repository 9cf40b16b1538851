"""From an archive that is not quite right to one in canonical, portable form."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.building.equivalence import check_equivalence
from czcheck.building.options import BuildOptions
from czcheck.building.packing import pack, verified
from czcheck.building.plan import check_border, check_harmless
from czcheck.building.process import BuildProcess
from czcheck.building.results import RepairResult, fields_of
from czcheck.errors import IncompleteError, InputError, UnavailableError
from czcheck.files import digest, digest_of, replacing
from czcheck.limits import DEFAULT_LIMITS, MIB, Limits
from czcheck.metadata.model_metadata import to_xml
from czcheck.model import Model
from czcheck.progress import StepProgress
from czcheck.runtime.unpack import unpack
from czcheck.sources import Sources
from czcheck.targets import Target, check_targets
from czcheck.text import count

if TYPE_CHECKING:
    from czcheck.building.process import Lowering
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.rules.finding import Finding
    from czcheck.runtime.limits import RunnerLimits


# What writing the archive anew fixes. Whether an operation has an equal in the target (CZ315,
# CZ325, CZ326) and whether the tile that is given for an open one fits (CZ307) shows when the
# network is lowered.
FIXED = frozenset(
    {"CZ109", "CZ111", "CZ112", "CZ113", "CZ114", "CZ115", "CZ205", "CZ306"}
    | {"CZ307", "CZ315", "CZ316", "CZ321", "CZ325", "CZ326"}
)
# Without these there is nothing to write anew, whether or not the result is to be verified.
NEEDED = frozenset(
    {f"CZ1{number:02}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 10, 16, 17, 18)}
    | {"CZ201", "CZ202", "CZ203", "CZ301", "CZ302", "CZ303", "CZ304", "CZ305", "CZ309", "CZ310"}
    | {"CZ317"}
)
SAFETY = "CZ33"
SAVED_MODEL = "saved_model.pb"
CHECKPOINT = ("variables/variables.data-00000-of-00001", "variables/variables.index")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SIGNATURE = "serving_default"
SHOWN = 5


def repair(  # noqa: PLR0913 - each is a choice of its own
    model: str | Path,
    output: str | Path,
    *,
    tile: tuple[int, int] | None = None,
    name: str | None = None,
    verify: bool = True,
    allow_op: Sequence[str] = (),
    limits: Limits = DEFAULT_LIMITS,
    runner_limits: RunnerLimits | None = None,
    progress: StepProgress | None = None,
) -> RepairResult:
    """Write a Model 3.0.0 archive anew: canonical names and XML, the network lowered.

    The id in the metadata, the metadata with whatever is unknown in it, licence and other members
    stay. The network is lowered as in a build, and has to give the source's outputs. The source is
    only read. An archive that `build` or `repair` wrote comes out byte for byte the same.

    Args:
        model: The archive to repair.
        output: The archive to write; not the source itself.
        tile: (height, width) of the network's tile where the source leaves it open; a tile that is
            fixed stays.
        name: Name to give to the model; None to keep its own.
        verify: Whether to verify the archive, level `run`, before it is put in place.
        allow_op: Operations to admit though they are not on the allowlist. They are run.
        limits: Limits on everything that is read.
        runner_limits: Limits on time and memory of the networks' process.
        progress: Called before each step.

    Returns:
        What was written, and what was changed.

    Raises:
        UsageError: There is no such archive, the output is the source, the tile is no size, or the
            name is none.
        InputError: The source cannot be read or repaired, its tile is fixed to another size, or
            the new archive fails. No file is left behind, and an older one stays as it was.
        IncompleteError: TensorFlow could not be started or did not survive, or an archive could
            not be checked whole.
    """
    options = BuildOptions.of(
        tile=tile,
        name=name,
        verify=verify,
        allow_op=allow_op,
        limits=limits,
        runner_limits=runner_limits,
    )
    return repair_with(options, Path(model), Path(output), progress)


def repair_with(
    options: BuildOptions, source: Path, target: Path, progress: StepProgress | None = None
) -> RepairResult:
    """Write an archive anew, see `repair`.

    Args:
        options: The options, checked.
        source: The archive to repair.
        target: The archive to write.
        progress: Called before each step.
    """
    step = progress or (lambda _: None)
    sources = Sources()
    sources.model(source, "the archive to repair")
    check_targets([Target(f"--output {target}", target)], sources)
    with Model(source, options.limits) as model:
        step("reading the archive")
        _check(model, options)
        _check_tile(model, options.tile)
        others = _other_members(model)
        with (
            replacing(target) as temporary,
            tempfile.TemporaryDirectory(prefix="czcheck-") as name,
        ):
            folder = unpack(model.files, Path(name) / "source", model.limits)
            spooled = _spool(model, others, Path(name))
            with BuildProcess(model.path, options.runner_limits) as process:
                step("lowering the network")
                multiple = model.reach.stride
                lowering = process.lower(folder, model.network, options.tile, multiple=multiple)
                metadata = _metadata(model, options.name, lowering)
                check_border(*lowering.tile, metadata, model.path)
                pack(temporary, lowering, metadata, others=spooled)
                step("comparing the outputs with the source's")
                pixel_type = metadata.pixel_types[0]
                equivalence = check_equivalence(
                    process, lowering, temporary, pixel_type, model.limits
                )
            report = None
            if options.verify:
                step("verifying the archive")
                report = verified(temporary, target, model.path, options)
            same = digest_of(temporary) == model.sha256
            listed = () if same else tuple(changes(model, metadata, lowering))
    return RepairResult(
        path=target,
        source=source,
        model_id=metadata.model_id,
        metadata=metadata,
        changes=listed,
        equivalence=equivalence,
        **fields_of(lowering),
        report=report,
    )


def _check(model: Model, options: BuildOptions) -> None:
    """Check that there is a model to write anew, and none that does harm, without running it."""
    from czcheck.rules.engine import Status  # noqa: PLC0415
    from czcheck.rules.finding import Severity  # noqa: PLC0415
    from czcheck.verifying.verification import verify as check  # noqa: PLC0415

    report = check(model.path, level="network", allow_op=options.allow_op, limits=model.limits)
    crashed = [o for f in report.files for o in f.outcomes if o.status is Status.CRASHED]
    if crashed:
        raise IncompleteError(f"{model.path}: {crashed[0].code} crashed: {crashed[0].reason}")

    def forbids(finding: Finding) -> bool:
        if not options.verify:
            return finding.code in NEEDED
        fixed = finding.code in FIXED or finding.code.startswith(SAFETY)
        return finding.severity is Severity.ERROR and not fixed

    faults = [finding for finding in report.findings if forbids(finding)]
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InputError(
            f"{model.path}: cannot be repaired: {faults[0].code} {faults[0].message}{more}"
        )
    try:
        check_harmless(model.network, model.files, options.allow_op, model.path)
    except UnavailableError as error:
        raise InputError(f"{model.path}: cannot be repaired: {error}") from None


def _check_tile(model: Model, tile: tuple[int, int] | None) -> None:
    """Check that the tile requested fills in what is open, and changes nothing."""
    network = model.network
    shape = None if network.input is None else network.input.shape
    own = (None, None) if shape is None else (shape[1], shape[2])
    if tile is None:
        if None in own:
            multiple = model.reach.stride
            hint = f", each a multiple of {multiple} for this network" if multiple > 1 else ""
            raise InputError(
                f"{model.path}: the network takes tiles of any size, and ZEN needs a fixed one: "
                f"give --tile HxW{hint}"
            )
        return
    if any(fixed not in {None, requested} for fixed, requested in zip(own, tile, strict=True)):
        height, width = ("open" if size is None else size for size in own)
        raise InputError(
            f"{model.path}: the network's tile is fixed, {height} x {width} pixels, and a repair "
            "does not change what a model computes: leave --tile out; or make another model of it "
            "with `czcheck init MODEL -o spec.json` and `czcheck build spec.json --tile HxW`"
        )


def _other_members(model: Model) -> dict[str, str]:
    r"""Members that are no part of the model, such as a licence, by the name as stored.

    Returns:
        The name to give each: `/` as separator, no folder around everything.

    Raises:
        InputError: One of them stands where a part of the model goes.
    """
    wrapper = model.container.wrapper
    prefix = "" if wrapper is None else wrapper + "/"
    others = {name: name.replace("\\", "/").removeprefix(prefix) for name in model.container.others}
    model_id = model.metadata.model_id.lower()
    parts = {f"modelid={model_id}", f"{model_id}.xml", f"{model_id}.model"}
    for stored, name in others.items():
        if name.casefold() in parts:
            raise InputError(
                f"{model.path}: cannot be repaired: the member {stored} stands where a part of "
                f"the model belongs, whose id is {model_id}; rename or remove it"
            )
    return others


def _metadata(model: Model, name: str | None, lowering: Lowering) -> ModelMetadata:
    """The source's metadata; a tile size that they give is the network's own."""
    metadata = model.metadata
    if name is not None:
        metadata = dataclasses.replace(metadata, name=name)
    given = zip(metadata.total_tile, lowering.tile, strict=True)
    height, width = (None if old is None else size for old, size in given)
    return dataclasses.replace(
        metadata, model_id=metadata.model_id.lower(), total_tile=(height, width)
    )


def _spool(model: Model, others: dict[str, str], folder: Path) -> list[tuple[str, Path]]:
    """Write the other members to files of our own naming, since they may be large."""
    members = []
    for number, (stored, name) in enumerate(others.items()):
        path = folder / f"member-{number}"
        with path.open("xb", buffering=MIB) as stream:
            for piece in model.archive.chunks(stored):
                stream.write(piece)
        members.append((name, path))
    return members


def changes(model: Model, metadata: ModelMetadata, lowering: Lowering) -> Iterator[str]:
    """What is different in a repaired archive, in words.

    Args:
        model: The source.
        metadata: The metadata of the repaired archive.
        lowering: The lowered network.

    Yields:
        One line for each change, at least one.
    """
    listed = [
        *_of_names(model, metadata.model_id),
        *_of_metadata(model, metadata),
        *_of_network(model, lowering),
    ]
    yield from listed or ["members packed anew, in the order and with the dates of every build"]


def _of_names(model: Model, model_id: str) -> Iterator[str]:
    container = model.container
    if container.wrapper is not None:
        yield f"members taken out of the folder {container.wrapper}, which held all of them"
    if container.backslashes:
        yield f"backslashes in {count(len(container.backslashes), 'name')} made into slashes"
    if container.literal_payload:
        yield f"payload {container.payload_member} renamed {model_id}.model"
    ids = {
        "marker": container.marker_id if len(container.markers) == 1 else model_id,
        "metadata": container.metadata_id,
        "payload": container.payload_id,
    }
    other = [f"{role} {found}" for role, found in ids.items() if found != model_id]
    if other:
        yield f"names that carried another id ({', '.join(other)}) given the metadata's, {model_id}"
    # Where there is no marker, a payload named `modelid=<guid>.model` stands in for it.
    stands_in = container.literal_payload and container.markers == container.payloads
    if not container.markers or stands_in:
        yield f"missing marker modelid={model_id} added"
    elif len(container.markers) > 1:
        markers = len(container.markers)
        yield f"one marker, modelid={model_id}, in the place of {markers}"
    elif size := model.archive.member(container.markers[0]).size:
        yield f"content of the marker ({size} bytes) taken out: it is an empty member"


def _of_metadata(model: Model, metadata: ModelMetadata) -> Iterator[str]:
    name = model.container.metadata_member
    assert name is not None
    stored = model.archive.read(name, model.limits.xml_bytes)
    if stored.startswith(BYTE_ORDER_MARK):
        yield "byte order mark taken out of the metadata XML"
    old, new = model.metadata, metadata
    if stored.removeprefix(BYTE_ORDER_MARK) != to_xml(dataclasses.replace(new, name=old.name)):
        yield "metadata XML written anew in canonical form, with the same content"
    if old.name != new.name:
        before = f"'{old.name}'" if old.name else "an empty name"
        yield f"name changed from {before} to '{new.name}'"
    if old.model_id != new.model_id:
        yield f"id {old.model_id} written in small letters"
    if old.total_tile != new.total_tile:
        tile = " x ".join(str(size) for size in new.total_tile if size is not None)
        yield f"tile size in the metadata corrected to {tile}, the network's own"


def _of_network(model: Model, lowering: Lowering) -> Iterator[str]:
    files = model.files
    payload = model.payload.files
    assert payload is not None
    if payload.wrapper is not None:
        yield f"SavedModel taken out of the folder {payload.wrapper} in the payload"
    if payload.backslashes:
        names = count(len(payload.backslashes), "name")
        yield f"backslashes in {names} of the payload made into slashes"
    same = digest(files.chunks(SAVED_MODEL)) == lowering.sha256
    if not same:
        yield (
            f"network lowered to TensorFlow 2.0.0: {lowering.nodes_before} nodes to "
            f"{lowering.nodes_after}"
        )
    serving = model.network.serving
    if serving is not None and serving.name != SIGNATURE:
        yield f"signature {serving.name} renamed {SIGNATURE}"
    frozen = sum(variable.captured for variable in model.network.variables)
    if frozen:
        yield f"{count(frozen, 'variable')} made into constants"
    if lowering.tile != lowering.source_tile:
        height, width = lowering.tile
        yield f"tile set to {height} x {width} pixels"
    # A lowered network has a checkpoint, too, without a variable in it.
    stays = {SAVED_MODEL, *CHECKPOINT} if same else {SAVED_MODEL}
    left_out = [name for name in files.names if name not in stays]
    if left_out:
        more = ", ..." if len(left_out) > SHOWN else ""
        yield f"no longer needed in the payload: {', '.join(left_out[:SHOWN])}{more}"
