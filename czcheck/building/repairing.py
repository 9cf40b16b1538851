"""From an archive that is not quite right to one in canonical, portable form."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.building import changes
from czcheck.building.checks import check_border, check_harmless, size_of_tile
from czcheck.building.process import BuildProcess
from czcheck.building.results import RepairResult, told_of
from czcheck.building.verifying import verified
from czcheck.errors import IncompleteError, InputError, UnavailableError, UsageError
from czcheck.files import digest_of, replacing
from czcheck.limits import DEFAULT_LIMITS, MIB, Limits
from czcheck.metadata import spec_values
from czcheck.metadata.json_text import JsonValue
from czcheck.metadata.spec_values import Fault
from czcheck.model import Model
from czcheck.progress import StepProgress
from czcheck.sources import Sources
from czcheck.targets import Target, check_targets

if TYPE_CHECKING:
    from czcheck.building.results import Lowering
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.network.facts import Network
    from czcheck.rules.finding import Finding
    from czcheck.runtime.limits import RunnerLimits


# What writing the archive anew mends. Whether an operation has an equal in the target (CZ315,
# CZ325, CZ326) and whether the tile that is given for an open one fits (CZ307) shows when the
# network is lowered.
MENDED = frozenset(
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
    are kept. The network is lowered as in a build and proved to answer like the source. The source
    is only read. An archive that `build` or `repair` wrote comes out byte for byte the same.

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
    told = progress or (lambda _: None)
    source, target = Path(model), Path(output)
    tile = size_of_tile("tile", tile)
    sources = Sources()
    sources.model(source, "the archive to repair")
    check_targets([Target(f"--output {target}", target)], sources)
    name = _name(name)
    with Model(source, limits) as opened:
        told("reading the archive")
        _check(opened, verify=verify, allow_op=allow_op)
        return _Repair(opened, target, tile, name, tuple(allow_op)).run(
            told, verify=verify, runner_limits=runner_limits
        )


def _name(given: str | None) -> str | None:
    """A name to give to the model, as a specification may give it."""
    if given is None:
        return None
    if not isinstance(given, str):
        raise UsageError(f"name is of type {type(given).__name__}; give a text")
    try:
        return spec_values.name("the name", JsonValue(given, 0))
    except Fault as fault:
        raise UsageError(fault.reason) from None


def _check(model: Model, *, verify: bool, allow_op: Sequence[str]) -> None:
    """See that there is a model to write anew, and none that does harm, without running it."""
    from czcheck.rules.engine import Status  # noqa: PLC0415
    from czcheck.rules.finding import Severity  # noqa: PLC0415
    from czcheck.verifying.verification import verify as check  # noqa: PLC0415

    report = check(model.path, level="network", allow_op=allow_op, limits=model.limits)
    crashed = [o for f in report.files for o in f.outcomes if o.status is Status.CRASHED]
    if crashed:
        raise IncompleteError(f"{model.path}: {crashed[0].code} crashed: {crashed[0].reason}")

    def forbids(finding: Finding) -> bool:
        if not verify:
            return finding.code in NEEDED
        mends = finding.code in MENDED or finding.code.startswith(SAFETY)
        return finding.severity is Severity.ERROR and not mends

    faults = [finding for finding in report.findings if forbids(finding)]
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InputError(
            f"{model.path}: cannot be repaired: {faults[0].code} {faults[0].message}{more}"
        )
    try:
        check_harmless(model.network, model.files, allow_op, model.path)
    except UnavailableError as error:
        raise InputError(f"{model.path}: cannot be repaired: {error}") from None


class _Repair:
    """The repair of one archive that has been found readable."""

    def __init__(
        self,
        model: Model,
        target: Path,
        tile: tuple[int, int] | None,
        name: str | None,
        allow_op: tuple[str, ...],
    ) -> None:
        self.model = model
        self.target = target
        self.tile = tile
        self.name = name
        self.allow_op = allow_op
        self.others = dict(changes.other_members(model.container))
        self._check_tile(model.network)
        self._check_names()

    def _check_tile(self, network: Network) -> None:
        """See that the tile that was asked for fills in what is open, and changes nothing."""
        shape = None if network.input is None else network.input.shape
        own = (None, None) if shape is None else (shape[1], shape[2])
        if self.tile is None:
            if None in own:
                multiple = self.model.reach.stride
                hint = f", each a multiple of {multiple} for this network" if multiple > 1 else ""
                raise InputError(
                    f"{self.model.path}: the network takes tiles of any size, and ZEN needs a "
                    f"fixed one: give --tile HxW{hint}"
                )
            return
        if any(fixed not in {None, asked} for fixed, asked in zip(own, self.tile, strict=True)):
            height, width = ("open" if size is None else size for size in own)
            raise InputError(
                f"{self.model.path}: the network's tile is fixed, {height} x {width} pixels, and a "
                "repair keeps what a model answers: leave --tile out; or make another model of it "
                "with `czcheck init MODEL -o spec.json` and `czcheck build spec.json --tile HxW`"
            )

    def _check_names(self) -> None:
        """See that no member that is kept stands where a part of the model goes."""
        model_id = self.model.metadata.model_id.lower()
        parts = {f"modelid={model_id}", f"{model_id}.xml", f"{model_id}.model"}
        for stored, name in self.others.items():
            if name.casefold() in parts:
                raise InputError(
                    f"{self.model.path}: cannot be repaired: the member {stored} stands where "
                    f"a part of the model belongs, whose id is {model_id}; rename or remove it"
                )

    def run(
        self,
        told: StepProgress,
        *,
        verify: bool,
        runner_limits: RunnerLimits | None,
    ) -> RepairResult:
        from czcheck.runtime.unpack import unpack  # noqa: PLC0415

        model, network = self.model, self.model.network
        assert network.serving is not None
        with (
            replacing(self.target) as temporary,
            tempfile.TemporaryDirectory(prefix="czcheck-") as name,
        ):
            folder = unpack(model.files, Path(name) / "source", model.limits)
            others = self._spool(Path(name))
            with BuildProcess(
                folder,
                network.loader,
                network.serving.name,
                runner_limits,
                named=model.path,
                precision=network.precision,
            ) as process:
                told("lowering the network")
                lowering = process.lower(self.tile, multiple=model.reach.stride)
                metadata = self._metadata(lowering)
                check_border(*lowering.tile, metadata, model.path)
                process.pack(temporary, metadata, None, others)
                told("comparing the answers with the source's")
                proof = process.prove(temporary, metadata.pixel_types[0], model.limits)
            report = None
            if verify:
                told("verifying the archive")
                report = verified(
                    temporary,
                    self.target,
                    model.path,
                    allow_op=self.allow_op,
                    limits=model.limits,
                    runner_limits=runner_limits,
                )
            same = digest_of(temporary) == model.sha256
            listed = () if same else tuple(changes.changes(model, metadata, lowering))
        return RepairResult(
            path=self.target,
            source=model.path,
            model_id=metadata.model_id,
            metadata=metadata,
            changes=listed,
            proof=proof,
            **told_of(lowering),
            report=report,
        )

    def _metadata(self, lowering: Lowering) -> ModelMetadata:
        """The source's metadata; a tile size that they give is the network's own."""
        metadata = self.model.metadata
        if self.name is not None:
            metadata = dataclasses.replace(metadata, name=self.name)
        given = zip(metadata.total_tile, lowering.tile, strict=True)
        height, width = (None if old is None else size for old, size in given)
        return dataclasses.replace(
            metadata, model_id=metadata.model_id.lower(), total_tile=(height, width)
        )

    def _spool(self, folder: Path) -> list[tuple[str, Path]]:
        """Write the other members to files of our own naming, since they may be large."""
        members = []
        for number, (stored, name) in enumerate(self.others.items()):
            path = folder / f"member-{number}"
            with path.open("xb", buffering=MIB) as stream:
                for piece in self.model.archive.chunks(stored):
                    stream.write(piece)
            members.append((name, path))
        return members
