"""`czcheck verify`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from czcheck.cli import options, reporting

if TYPE_CHECKING:
    from czcheck.running import Progress

LEVELS = ("archive", "metadata", "network", "run")
SEVERITIES = ("error", "warning", "note")


def _codes(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ARG001
    return tuple(code.strip() for each in value for code in each.split(",") if code.strip())


@click.command("verify")
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
)
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="run",
    show_default=True,
    help="How deep to check; each level includes the ones before it.",
)
@click.option(
    "--target",
    default="tf-2.0.0",
    show_default=True,
    help="Runtime that the network is held to; `any` switches this off.",
)
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    default="error",
    show_default=True,
    help="Mildest severity that fails the verdict.",
)
@click.option(
    "--select",
    multiple=True,
    metavar="CODES",
    callback=_codes,
    help="Check only these rules; codes or prefixes, such as CZ2, separated by commas.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="CODES",
    callback=_codes,
    help="Leave these rules out; codes or prefixes, separated by commas.",
)
@options.allow_op
@click.option(
    "--tiles",
    multiple=True,
    metavar="FILE|FOLDER",
    type=click.Path(path_type=Path),
    help="Images (PNG, TIFF) to run beside the built-in test tiles.",
)
@click.option(
    "--thorough",
    is_flag=True,
    help="Load the network in a second process as well, and compare its answers (seconds more).",
)
@click.option(
    "--evidence",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Keep tile, answer and a picture for each finding that has a tile.",
)
@click.option(
    "--runtime",
    metavar="PYTHON",
    help="Another interpreter with TensorFlow, in which the answers have to be the same.",
)
@click.option(
    "--baseline",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Golden answers, made by `czcheck baseline`, which the answers have to be.",
)
@click.option(
    "--max-load-seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Budget for loading the network; more is an error (CZ422).",
)
@click.option(
    "--max-tile-seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Budget for a tile: the median over the test tiles but the first.",
)
@click.option(
    "--max-memory",
    type=click.FloatRange(min=0, min_open=True),
    metavar="GIB",
    help="Budget for the memory that the network's process has in use at its peak.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Most time for loading the network, and for each tile.  [default: 120]",
)
@click.option(
    "--memory",
    type=click.FloatRange(min=0, min_open=True),
    metavar="GIB",
    help="Most memory of the network's process.  [default: 8]",
)
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Files to work on at a time.",
)
@click.option(
    "--require-sandbox",
    is_flag=True,
    help="Run no network that cannot be shut in; exit code 3 then.",
)
@reporting.form
@reporting.reports
@click.option("--quiet", "-q", is_flag=True, help="Print only what did not pass.")
def command(  # noqa: PLR0913 - one parameter for each option
    paths: tuple[Path, ...],
    level: str,
    target: str,
    fail_on: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    allow_op: tuple[str, ...],
    tiles: tuple[Path, ...],
    thorough: bool,
    evidence: Path | None,
    runtime: str | None,
    baseline: Path | None,
    max_load_seconds: float | None,
    max_tile_seconds: float | None,
    max_memory: float | None,
    timeout: float | None,
    memory: float | None,
    jobs: int,
    require_sandbox: bool,
    form: str,
    reports: tuple[str, ...],
    quiet: bool,
) -> int:
    """Check archives level by level and give a verdict.

    A PATH is an archive, a folder that stands for the archives in it, or a JSON specification,
    which is checked with the SavedModel that it names. At level `run`, the network is loaded in a
    process of its own and test tiles run through it.
    """
    from czcheck.limits import GIB
    from czcheck.verification import archives_in, verify

    telling = reporting.Reporting(form, reports, archives_in(paths))
    runner_limits = None
    if timeout is not None or memory is not None:
        from czcheck.runtime.limits import RunnerLimits

        standard = RunnerLimits()
        runner_limits = RunnerLimits(
            seconds_load=timeout or standard.seconds_load,
            seconds_tile=timeout or standard.seconds_tile,
            memory_bytes=int(memory * GIB) if memory else standard.memory_bytes,
        )
    with progress_bar(enabled=not quiet and level == "run") as progress:
        report = verify(
            paths,
            level=level,
            target=target,
            fail_on=fail_on,
            select=select,
            ignore=ignore,
            allow_op=allow_op,
            tiles=tiles,
            thorough=thorough,
            evidence=evidence,
            runtime=runtime,
            baseline=baseline,
            max_load_seconds=max_load_seconds,
            max_tile_seconds=max_tile_seconds,
            max_memory=max_memory,
            runner_limits=runner_limits,
            jobs=jobs,
            require_sandbox=require_sandbox,
            progress=progress,
        )
    return telling.tell(report, quiet=quiet)


@contextmanager
def progress_bar(*, enabled: bool) -> Iterator[Progress | None]:
    """A progress bar on standard error while tiles run; nothing where that is no terminal.

    Args:
        enabled: Whether it is wanted at all.

    Yields:
        The function to call after each tile, or None.
    """
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from czcheck.report.escape import printable

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("tiles"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        tasks: dict[Path, int] = {}

        def advance(path: Path, done: int, total: int) -> None:
            if path not in tasks:
                tasks[path] = int(bar.add_task(printable(path.name), total=total))
            bar.update(tasks[path], completed=done)  # type: ignore[arg-type]

        yield advance
