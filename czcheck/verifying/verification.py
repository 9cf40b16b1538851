"""`verify`: checks files one by one, and makes one report of all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import czcheck.cache
import czcheck.report
from czcheck._version import __version__
from czcheck.archive.foreign import about_folder, about_missing, archives_of
from czcheck.configuration.applying import with_waiver_rules
from czcheck.configuration.configuration import Configuration
from czcheck.errors import UsageError
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.report.report import FileReport, Report
from czcheck.rules.declaring import Level
from czcheck.runtime.source import WorkerSource, in_order
from czcheck.targets import Target, Way, check_targets
from czcheck.verifying.checking import FileToCheck, check_file, file_to_check, sources_of
from czcheck.verifying.running import Recording

if TYPE_CHECKING:
    from czcheck.cache.verdicts import Verdicts
    from czcheck.progress import FileProgress
    from czcheck.runtime.limits import Backend, RunnerLimits
    from czcheck.runtime.session import OnOutput

_FEW_FILES = 4


def verify(  # noqa: PLR0913 - options of the command, all by name
    path: str | Path | Iterable[str | Path],
    *,
    level: str | None = None,
    target: str | None = None,
    fail_on: str | None = None,
    select: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
    allow_op: Sequence[str] | None = None,
    tiles: Sequence[str | Path] | None = None,
    python: str | None = None,
    thorough: bool | None = None,
    evidence: str | Path | None = None,
    max_load_seconds: float | None = None,
    max_tile_seconds: float | None = None,
    max_memory: float | None = None,
    timeout: float | None = None,
    memory: float | None = None,
    limits: Limits = DEFAULT_LIMITS,
    runner_limits: RunnerLimits | None = None,
    progress: FileProgress | None = None,
    runtime: str | None = None,
    baseline: str | Path | None = None,
    on_output: OnOutput | None = None,
    jobs: int | None = None,
    backend: Backend | None = None,
    require_sandbox: bool | None = None,
    config: str | Path | None = None,
    profile: str | None = None,
    find_config: bool = False,
    gallery: bool = False,
    cache: bool | None = None,
    cache_dir: str | Path | Callable[[], Path | None] | None = None,
    dask: str | None = None,
    written: Sequence[Target] = (),
) -> Report:
    """Check archives level by level.

    What is left out is taken from the configuration, if there is one, else from the defaults.

    Args:
        path: One archive or folder, or several. A folder stands for the archives in it.
        level: Deepest level: `archive`, `metadata`, `network` or `run`, the default. The last one
            runs the network in a process of its own.
        target: Runtime that the network must work in: `tf-2.0.0`, the default, or `any`.
        fail_on: Mildest severity that fails the verdict: `error`, the default, `warning` or `note`.
        select: Codes or prefixes to check; empty for all.
        ignore: Codes or prefixes to leave out.
        allow_op: Operations to admit though they are not on the allowlist. They are run.
        tiles: Images (PNG, TIFF) or folders of them to run in addition to the built-in test tiles.
        python: Interpreter that runs the network; this one if left out.
        thorough: Load the network in a second process as well and compare the outputs, which takes
            another import of TensorFlow.
        evidence: Folder to store tile, output and a picture in for each finding that has a tile.
        max_load_seconds: Budget for loading the network, in seconds; above it is an error.
        max_tile_seconds: Budget for a tile, in seconds.
        max_memory: Budget for the most memory that the network's process has in use, in GiB.
        timeout: Most time for loading the network, and for each tile, in seconds.
        memory: Most memory of the network's process, in GiB.
        limits: Limits on everything that is read.
        runner_limits: All limits on time and memory of the network's process; `timeout` and
            `memory` do not count then.
        progress: Called after each tile; with several `jobs` from several threads, like
            `on_output`.
        runtime: Another interpreter with TensorFlow, in which the outputs have to be the same.
        baseline: File of reference outputs, which the outputs have to match; see `write_baseline`.
        on_output: Called with the name of each tile, the batch that it was run in, and the output,
            or None where the network failed.
        jobs: Files to work on at a time, from 1. The order of the report is that of the files.
        backend: How networks are run: `auto`, through TensorFlow's C library where that can, or
            `python`.
        require_sandbox: Load no network where it cannot be shut in; the verdict is incomplete then.
        config: Configuration file: `pyproject.toml`, `czcheck.toml` or another TOML file.
        profile: Profile to put above the configuration: `release`, `quick`, or one of its own.
        find_config: Look for a configuration as the command line does, unless `config` names one.
        gallery: Store previews of tiles and outputs, and the data of an inspection, for the
            HTML report.
        cache: Whether to use `cache_dir` at all.
        cache_dir: Folder in which verdicts of level `run` are stored, and from which they are taken
            where nothing has changed, or a function that names it when it is needed; None keeps
            none.
        dask: Address of the scheduler of a Dask cluster, whose workers check; archives are sent to
            them, one at a time to each. Neither cache nor evidence is available then.
        written: What the caller will write; checked against all that is read before anything runs.

    Returns:
        The report: outcomes of all rules, verdict and exit code.

    Raises:
        UsageError: No such path, an empty folder, an unknown level, target, severity, rule or
            profile, a wrong configuration, a file that is no baseline, less than one job, or a
            folder to write to inside what is read.
        IncompleteError: The cluster does not respond.
    """
    given = {
        "level": level,
        "target": target,
        "fail-on": fail_on,
        "select": select,
        "ignore": ignore,
        "allow-op": allow_op,
        "tiles": tiles,
        "thorough": thorough,
        "max-load-seconds": max_load_seconds,
        "max-tile-seconds": max_tile_seconds,
        "max-memory": max_memory,
        "timeout": timeout,
        "memory": memory,
        "runtime": runtime,
        "baseline": baseline,
        "jobs": jobs,
        "backend": backend,
        "require-sandbox": require_sandbox,
        "cache": cache,
    }
    configuration = Configuration(given, config, profile, find=find_config)
    paths = archives_in([path] if isinstance(path, (str, Path)) else path)
    folder = None if evidence is None else Path(evidence)
    if targets := [*written, *_targets(folder, cache_dir)]:
        check_targets(targets, sources_of(paths, configuration, python))
    files = [file_to_check(each, configuration.of(each)) for each in paths]
    options = configuration.call.options
    if folder is not None:
        from czcheck.verifying.evidence import check_folder  # noqa: PLC0415 - seldom

        check_folder(folder)
    runner_limits = runner_limits or options.runner_limits
    shut_in = options.require_sandbox
    recording = Recording(folder, on_output, _preview_side(len(paths)) if gallery else None)
    if dask is not None:
        from czcheck.verifying.cluster import check_on_cluster  # noqa: PLC0415 - slow, and not for all

        reports = check_on_cluster(
            dask, files, limits, runner_limits, require_sandbox=shut_in, recording=recording
        )
    else:
        verdicts = None
        # Previews and outputs can only come from a new run.
        usable = options.cache and not recording.anything
        if usable and any(each.settings.options.level is Level.RUN for each in files):
            verdicts = _verdicts(cache_dir, python, limits, runner_limits, shut_in=shut_in)
        source = WorkerSource(python, runner_limits, require_sandbox=shut_in)

        def one(file: FileToCheck) -> FileReport:
            return check_file(file, limits, source, recording, progress, verdicts)

        with source:
            reports = in_order(files, one, options.jobs, source.close)
    outcomes = with_waiver_rules(
        [(file.settings, each.outcomes) for file, each in zip(files, reports, strict=True)]
    )
    complete = tuple(
        replace(report, outcomes=each) for report, each in zip(reports, outcomes, strict=True)
    )
    return Report(__version__, options, complete)


def _targets(
    evidence: str | Path | None, cache_dir: str | Path | Callable[[], Path | None] | None
) -> list[Target]:
    """Places that a verification writes to, in addition to its reports.

    Args:
        evidence: Folder for what findings rest on; None for none.
        cache_dir: As for `verify`. A function names the user's own folder, where nothing is read.
    """
    targets = []
    if evidence is not None:
        targets.append(Target(f"--evidence {evidence}", Path(evidence), Way.PICTURES))
    if cache_dir is not None and not callable(cache_dir):
        # What is too much in it is removed, so it counts as a whole.
        option, folder = f"--cache-dir {cache_dir}", Path(cache_dir)
        targets += [
            Target(option, folder, Way.FOLDER),
            Target(option, folder / czcheck.cache.FOLDER, Way.STORE),
        ]
    return targets


def _verdicts(
    cache_dir: str | Path | Callable[[], Path | None] | None,
    python: str | None,
    limits: Limits,
    runner_limits: RunnerLimits,
    *,
    shut_in: bool,
) -> Verdicts | None:
    folder = cache_dir() if callable(cache_dir) else cache_dir
    if folder is None:
        return None

    return czcheck.cache.Verdicts(
        Path(folder), python, limits, runner_limits, require_sandbox=shut_in
    )


def archives_in(paths: Iterable[str | Path]) -> list[Path]:
    """The files at the paths, and in folders among them.

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
                raise UsageError(f"{path}: {about_missing(path)}")
            found.append(path)
            continue
        inside = archives_of(path)
        if not inside:
            raise UsageError(f"{path}: {about_folder(path)}")
        found.extend(inside)
    if not found:
        raise UsageError("nothing to verify: name at least one archive")
    return found


def _preview_side(files: int) -> int:
    """Most pixels along a side of a preview, so that one page can hold those of all files."""
    return czcheck.report.SIDE if files <= _FEW_FILES else czcheck.report.SIDE // 2
