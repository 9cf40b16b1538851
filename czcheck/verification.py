"""Facts to rules to report, level by level."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import czcheck
from czcheck.archive.container import Payload, PayloadKind
from czcheck.comparisons import Comparisons
from czcheck.errors import IncompleteError, InputError, UnavailableError, UsageError
from czcheck.evidence import check_folder
from czcheck.limits import DEFAULT_LIMITS, GIB, Limits
from czcheck.model import CzModel
from czcheck.report.report import FileReport, Options, Report
from czcheck.rules.catalogue import Level, UnknownRuleError, catalogue, matching
from czcheck.rules.container import Archives
from czcheck.rules.engine import Facts, evaluate
from czcheck.rules.finding import Severity
from czcheck.runtime.limits import Budgets
from czcheck.runtime.source import WorkerSource, in_order
from czcheck.specification import inapplicable, open_checked, placed, specification_of, test_images

if TYPE_CHECKING:
    from czcheck.evidence import Spool
    from czcheck.network.facts import Network, TensorSpec
    from czcheck.rules.finding import Finding
    from czcheck.runtime.asking import Keep
    from czcheck.runtime.baseline import Baseline
    from czcheck.runtime.limits import RunnerLimits
    from czcheck.runtime.process import Worker
    from czcheck.runtime.record import RunRecord
    from czcheck.tiles.patterns import Tile

OPERATION = re.compile(r"[A-Za-z][A-Za-z0-9_>.]{0,199}", re.ASCII)
ENDINGS = (".czmodel", ".czseg")
# Called with the file, the number of tiles that have run, and the number of all.
Progress = Callable[[Path, int, int], None]


def verify(  # noqa: PLR0913 - options of the command, all by name
    path: str | Path | Iterable[str | Path],
    *,
    level: str = "run",
    target: str = "tf-2.0.0",
    fail_on: str = "error",
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    allow_op: Sequence[str] = (),
    tiles: Sequence[str | Path] = (),
    python: str | None = None,
    thorough: bool = False,
    evidence: str | Path | None = None,
    max_load_seconds: float | None = None,
    max_tile_seconds: float | None = None,
    max_memory: float | None = None,
    limits: Limits = DEFAULT_LIMITS,
    runner_limits: RunnerLimits | None = None,
    progress: Progress | None = None,
    runtime: str | None = None,
    baseline: str | Path | None = None,
    keep: Keep | None = None,
    jobs: int = 1,
    require_sandbox: bool = False,
) -> Report:
    """Check archives level by level.

    Args:
        path: One archive or folder, or several. A folder stands for the archives in it.
        level: Deepest level: `archive`, `metadata`, `network` or `run`. The last one runs the
            network in a process of its own.
        target: Runtime that the network is held to: `tf-2.0.0`, or `any`.
        fail_on: Mildest severity that fails the verdict: `error`, `warning` or `note`.
        select: Codes or prefixes to check; empty for all.
        ignore: Codes or prefixes to leave out.
        allow_op: Operations to admit though they are not on the allowlist. They are run.
        tiles: Images (PNG, TIFF) or folders of them to run beside the built-in test tiles.
        python: Interpreter that runs the network; this one if left out.
        thorough: Load the network in a second process as well and compare the answers, which takes
            another import of TensorFlow.
        evidence: Folder to keep tile, answer and a picture in for each finding that has a tile.
        max_load_seconds: Budget for loading the network, in seconds; above it is an error.
        max_tile_seconds: Budget for a tile, in seconds.
        max_memory: Budget for the most memory that the network's process has in use, in GiB.
        limits: Limits on everything that is read.
        runner_limits: Limits on time and memory of the network's process.
        progress: Called after each tile; with several `jobs` from several threads, as is `keep`.
        runtime: Another interpreter with TensorFlow, in which the answers have to be the same.
        baseline: File of golden answers, which the answers have to be; see `write_baseline`.
        keep: Called with the name of each tile, the batch it was asked in, and the answer, or None
            where the network failed.
        jobs: Files to work on at a time, from 1. The order of the report is that of the files.
        require_sandbox: Load no network where it cannot be shut in; the verdict is incomplete then.

    Returns:
        The report: outcomes of all rules, verdict and exit code.

    Raises:
        UsageError: No such path, an empty folder, an unknown level, target, severity or rule, a
            file that is no baseline, or less than one job.
    """
    options = _options(level, target, fail_on, select, ignore)
    options = dataclasses.replace(options, allow_op=admitted(allow_op))
    paths = archives_in([path] if isinstance(path, (str, Path)) else path)
    for image in tiles:
        if not Path(image).exists():
            raise UsageError(f"{image}: no such image")
    chosen = _chosen(options)
    kept_in = None if evidence is None else Path(evidence)
    if kept_in is not None:
        check_folder(kept_in)
    budgets = Budgets(
        max_load_seconds, max_tile_seconds, None if max_memory is None else int(max_memory * GIB)
    )
    golden = None if baseline is None else _golden(Path(baseline))
    if jobs < 1:
        raise UsageError(f"{jobs} jobs: at least one file has to be worked on")
    source = WorkerSource(
        python, runner_limits, require_sandbox=require_sandbox, many=len(paths) > 1
    )

    def one(path: Path) -> FileReport:
        with open_checked(path, limits) as model:
            run = _Run(model, tiles, source, progress, options.allow_op)
            run.thorough = thorough
            run.budgets = budgets
            run.evidence = kept_in
            run.comparisons = Comparisons(model, runtime, golden, run.another, keep)
            try:
                return _verify_one(model, options, chosen, run)
            finally:
                run.close()

    with source:
        reports = in_order(paths, one, jobs, source.close)
    return Report(czcheck.__version__, options, tuple(reports))


def archives_in(paths: Iterable[str | Path]) -> list[Path]:
    """The files that the paths stand for.

    Args:
        paths: Files, and folders that stand for the archives in them (not below).

    Returns:
        Files in the order given, those of a folder by name.

    Raises:
        UsageError: No such path, or a folder without archives.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            if not path.exists():
                raise UsageError(f"{path}: no such file")
            found.append(path)
            continue
        inside = sorted(
            each for each in path.iterdir() if each.suffix.lower() in ENDINGS and each.is_file()
        )
        if not inside:
            raise UsageError(f"{path}: the folder holds no archive ({', '.join(ENDINGS)})")
        found.extend(inside)
    if not found:
        raise UsageError("nothing to verify: name at least one archive")
    return found


def _options(
    level: str, target: str, fail_on: str, select: Sequence[str], ignore: Sequence[str]
) -> Options:
    from czcheck.network.target import TARGETS  # noqa: PLC0415

    def one_of(what: str, value: str, choices: Collection[str]) -> None:
        if value not in choices:
            raise UsageError(f"{what} {value!r} is unknown; choose from: {', '.join(choices)}")

    one_of("level", level, [each.value for each in Level])
    one_of("severity", fail_on, [each.value for each in Severity])
    one_of("target", target, list(TARGETS))
    return Options(Level(level), target, Severity(fail_on), tuple(select), tuple(ignore))


def admitted(allow_op: Sequence[str]) -> tuple[str, ...]:
    """Operations that the user admits, as options keep them.

    Args:
        allow_op: Their names.

    Raises:
        UsageError: A name is none that an operation in a file may have.
    """
    for name in allow_op:
        if not OPERATION.fullmatch(name):
            raise UsageError(f"{name!r} is no operation that can be admitted")
    return tuple(dict.fromkeys(allow_op))


def _chosen(options: Options) -> set[str]:
    rules = catalogue()
    try:
        chosen = set(matching(options.select, rules)) if options.select else set(rules)
        return chosen - set(matching(options.ignore, rules))
    except UnknownRuleError as error:
        raise UsageError(
            f"no rule begins with {str(error)!r}; `czcheck rules` lists them all"
        ) from None


def _golden(path: Path) -> Baseline:
    from czcheck.runtime.baseline_file import read_baseline  # noqa: PLC0415

    return read_baseline(path)


def _verify_one(model: CzModel, options: Options, chosen: Collection[str], run: _Run) -> FileReport:
    if options.level is Level.RUN:
        run.start_early()
    outcomes = tuple(
        evaluate(
            catalogue(),
            facts_of(
                model,
                options.target,
                run.record,
                options.allow_op,
                run.budgets,
                run.comparisons,
            ),
            level=options.level,
            chosen=chosen,
        )
    )
    report = FileReport(
        path=str(model.path),
        size=model.path.stat().st_size,
        sha256=model.sha256,
        fail_on=options.fail_on,
        outcomes=placed(model, outcomes),
        looked_at=_looked_at(model, options.level, run.done, run.comparisons),
    )
    evidence = run.keep_evidence(report.findings)
    if not evidence:
        return report
    return dataclasses.replace(report, looked_at={**report.looked_at, "evidence": evidence})


def facts_of(
    model: CzModel,
    target: str,
    run: Callable[[], Any],
    allow_op: Collection[str] = (),
    budgets: Budgets | None = None,
    comparisons: Comparisons | None = None,
) -> Facts:
    """The facts that rules may name as parameters.

    Args:
        model: The opened archive.
        target: Runtime that the network is held to.
        run: Yields the record of the run.
        allow_op: Operations that the user admits.
        budgets: What the network may cost.
        comparisons: What its answers are held against.

    Returns:
        Facts, none of them worked out yet.
    """

    def archives() -> Archives:
        both = [("", model.archive)]
        payload = _payload_of(model)
        if payload is not None and payload.files is not None:
            both.append((payload.member, payload.files.archive))
        return tuple(both)

    def target_runtime() -> Any:
        from czcheck.network.target import load_target  # noqa: PLC0415

        return load_target(target)

    def network() -> Network:
        if model.network.beyond_limits:
            raise UnavailableError("the graph is too large, or runs in circles")
        return model.network

    comparisons = comparisons or Comparisons(model)
    not_asked = comparisons.not_asked
    if budgets is None or not budgets.given:
        not_asked["budgets"] = "no budget was given"
    return Facts(
        {
            "archive": lambda: model.archive,
            "archives": archives,
            "container": lambda: model.container,
            "payload": lambda: model.payload,
            "model_payload": lambda: _payload_of(model),
            "document": lambda: model.document,
            "metadata": lambda: model.metadata,
            "saved_model": lambda: model.network,
            "network": network,
            "safety": lambda: model.safety,
            "static_cost": lambda: model.cost,
            "allow_op": lambda: allow_op,
            "target": target_runtime,
            "run": run,
            "budgets": lambda: budgets,
            "specification": lambda: specification_of(model),
            **comparisons.sources,
        },
        not_asked,
        inapplicable(model, catalogue()),
    )


def _payload_of(model: CzModel) -> Payload | None:
    try:
        return model.payload
    except UnavailableError:
        return None


class _Run:
    """The network's process for one file: started early, used once, closed in every case."""

    def __init__(
        self,
        model: CzModel,
        tiles: Sequence[str | Path],
        source: WorkerSource,
        progress: Progress | None,
        allow_op: Collection[str] = (),
    ) -> None:
        self._model = model
        self._tiles = [*map(Path, tiles), *test_images(model)]
        self._source = source
        self._progress = progress
        self._allow_op = allow_op
        self._worker: Worker | None = None
        self.thorough = False
        self.budgets = Budgets()
        self.evidence: Path | None = None
        self._spool: Spool | None = None
        self.comparisons = Comparisons(model)
        self.done: RunRecord | None = None

    def start_early(self) -> None:
        """Let TensorFlow's import begin while the static levels run, if there is a network."""
        payload = _payload_of(self._model)
        if payload is not None and payload.kind is PayloadKind.SAVED_MODEL:
            self._start()
            self.comparisons.start_early()

    def _start(self) -> Worker:
        if self._worker is None:
            self._worker = self._source.worker()
            self._worker.start()
        return self._worker

    def another(self, python: str | None = None) -> Worker:
        """A further process, not started yet.

        Args:
            python: Its interpreter; the one that runs the network if left out.
        """
        return self._source.worker(python, fresh=True)

    def record(self) -> RunRecord:
        """Run the test tiles through the network.

        Raises:
            UnavailableError: The static levels found no network that could be run, or one that
                must not be.
            IncompleteError: The process could not be started, or an image cannot be read.
        """
        from czcheck.runtime.run import run_network  # noqa: PLC0415

        model = self._model
        if (objection := model.safety.objection(self._allow_op)) is not None:
            raise UnavailableError(f"the network must not be run: {objection}")
        try:
            tiles = list(self._battery(model.network))
        except UnavailableError:
            raise
        except (InputError, UsageError) as error:  # an image of the user's, not the model
            raise IncompleteError(str(error)) from error
        report = self._progress
        self.done = run_network(
            self._start(),
            model.files,
            model.network,
            model.metadata,
            tiles,
            model.limits,
            None if report is None else lambda done, total: report(model.path, done, total),
            keep=self.comparisons.expect(tiles, self._keep()),
            fresh=self.another if self.thorough else None,
        )
        return self.done

    def _keep(self) -> Keep | None:
        """Where answers go while it is not known yet which of them are evidence."""
        if self.evidence is None:
            return None
        from czcheck.evidence import Spool  # noqa: PLC0415

        self._spool = Spool()
        return self._spool.keep

    def keep_evidence(self, findings: Sequence[Finding]) -> list[str]:
        """Write what findings of the run rest on, if that is asked for.

        Args:
            findings: All findings on the file.

        Returns:
            Names of the files.

        Raises:
            IncompleteError: They cannot be written.
        """
        if self.evidence is None or self._spool is None:
            return []
        from czcheck.evidence import write_evidence  # noqa: PLC0415

        metadata = self._model.metadata
        return write_evidence(
            self.evidence,
            findings,
            self._spool,
            archive=self._model.path.name,
            sha256=self._model.sha256,
            colours=[each.color for each in metadata.classes],
            bgr=metadata.pixel_types[0].startswith("Bgr"),
        )

    def _battery(self, network: Network) -> Iterable[Tile]:
        from czcheck.tiles.images import tiles_from  # noqa: PLC0415
        from czcheck.tiles.patterns import FULL_RANGE, tiles  # noqa: PLC0415

        serving = network.serving
        shape = serving.inputs[0].shape if serving is not None and serving.inputs else None
        if shape is None or len(shape) != 4 or None in shape[1:]:  # noqa: PLR2004 - NHWC
            raise UnavailableError("the network has no fixed tile")
        height, width, channels = (size or 0 for size in shape[1:])
        metadata = self._model.metadata
        pixel_type = metadata.pixel_types[0]
        # Where the metadata says that intensities are scaled, the network gets them so.
        top = FULL_RANGE.get(pixel_type, 1) if metadata.scale_inputs_by_bitdepth else 1
        battery = [tiles(height, width, channels, pixel_type)]
        battery += [tiles_from(path, height, width, channels) for path in self._tiles]
        for tile in chain.from_iterable(battery):
            scaled: Any = tile.pixels if top == 1 else tile.pixels / top
            yield dataclasses.replace(tile, pixels=scaled)

    def close(self) -> None:
        """End the process, whatever it is doing, and drop what was kept."""
        self.comparisons.close()
        if self._spool is not None:
            self._spool.close()
        if self._worker is not None:
            self._worker.close()


def _looked_at(
    model: CzModel, level: Level, run: RunRecord | None, comparisons: Comparisons
) -> dict[str, Any]:
    """What the file holds and what was done with it, as far as it could be read."""
    facts: dict[str, Any] = {}
    with suppress(UnavailableError):  # a specification has none
        facts["members"] = len(model.archive.members)
    if level.depth >= Level.METADATA.depth:
        with suppress(UnavailableError):
            metadata = model.metadata
            facts["metadata"] = {
                "version": metadata.version,
                "name": metadata.name,
                "id": metadata.model_id,
                "classes": len(metadata.classes),
            }
    if level.depth >= Level.NETWORK.depth:
        with suppress(UnavailableError):
            facts["network"] = _network_facts(model.network)
    if run is not None:
        facts["run"] = {
            "tiles": len(run.answers),
            "tile_runs": run.tile_runs,
            "tensorflow": run.environment.tensorflow,
            "python": run.environment.python,
            "isolation": run.environment.isolation,
        }
        if run.behaviour is not None:
            facts["run"]["behaviour"] = run.behaviour.to_json()
        if run.cost is not None:
            facts["run"]["cost"] = run.cost.to_json()
        if run.reach is not None:
            facts["run"]["border"] = run.reach.to_json()
        if run.offsets is not None:
            facts["run"]["offsets"] = run.offsets.to_json()
        facts["run"].update(comparisons.looked_at())
    return facts


def _network_facts(network: Network) -> dict[str, Any]:
    def shape(specs: Sequence[TensorSpec]) -> str:
        if len(specs) != 1 or specs[0].shape is None:
            return "?"
        return "x".join("?" if size is None else str(size) for size in specs[0].shape[1:])

    serving = network.serving
    return {
        "input": shape(serving.inputs if serving is not None else ()),
        "output": shape(serving.outputs if serving is not None else ()),
        "parameters": network.parameters,
        "tensorflow": network.tensorflow_version or "?",
    }
