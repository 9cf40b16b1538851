"""Facts to rules to report, level by level."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import czcheck
from czcheck.comparisons import Comparisons
from czcheck.errors import UsageError
from czcheck.evidence import check_folder
from czcheck.gathering import facts_of, looked_at
from czcheck.limits import DEFAULT_LIMITS, GIB, Limits
from czcheck.report.report import FileReport, Options, Report
from czcheck.rules.catalogue import Level, UnknownRuleError, catalogue, matching
from czcheck.rules.engine import evaluate
from czcheck.rules.finding import Severity
from czcheck.rules.plugins import no_such_rule
from czcheck.running import FileRun
from czcheck.runtime.limits import Budgets
from czcheck.runtime.source import WorkerSource, in_order
from czcheck.specification import open_checked, placed

if TYPE_CHECKING:
    from czcheck.model import CzModel
    from czcheck.running import Progress
    from czcheck.runtime.asking import Keep
    from czcheck.runtime.baseline import Baseline
    from czcheck.runtime.limits import RunnerLimits

OPERATION = re.compile(r"[A-Za-z][A-Za-z0-9_>.]{0,199}", re.ASCII)
ENDINGS = (".czmodel", ".czseg")


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
            run = FileRun(model, tiles, source, progress, options.allow_op)
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
        raise no_such_rule(str(error)) from None


def _golden(path: Path) -> Baseline:
    from czcheck.runtime.baseline_file import read_baseline  # noqa: PLC0415

    return read_baseline(path)


def _verify_one(
    model: CzModel, options: Options, chosen: Collection[str], run: FileRun
) -> FileReport:
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
        looked_at=looked_at(model, options.level, run.done, run.comparisons),
    )
    evidence = run.keep_evidence(report.findings)
    if not evidence:
        return report
    return dataclasses.replace(report, looked_at={**report.looked_at, "evidence": evidence})
