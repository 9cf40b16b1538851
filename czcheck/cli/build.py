"""`czcheck build`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from czcheck.progress import StepProgress

from czcheck.cli import options
from czcheck.cli.printing import print_lines

if TYPE_CHECKING:
    from czcheck.building.equivalence import Equivalence
    from czcheck.building.results import BuildResult
    from czcheck.text import Line


@click.command("build")
@click.argument("spec", metavar="SPEC.json", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    callback=options.output_file,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The archive to write.  [default: <Name>.czmodel in this folder]",
)
@click.option(
    "--tile",
    callback=options.tile_size,
    metavar="HxW",
    help="Height and width of the network's tile in pixels; overrides the spec's SpatialDims.",
)
@click.option(
    "--preprocess",
    multiple=True,
    metavar="NAME[:key=value,...]",
    help="Add an operation before the network: RgbToBgr, RgbaToBgra, "
    "PerImageStandardization, Normalization:mean=M,std=S or Scale:factor=F|max; repeatable, in "
    "order; overrides the spec's Preprocessing.",
)
@click.option(
    "--postprocess",
    multiple=True,
    metavar="NAME",
    help="Add an operation after the network: Softmax, SigmoidToSoftmaxScores (for one channel p) "
    "or Sigmoid before that; repeatable, in order; overrides the spec's Postprocessing.",
)
@click.option(
    "--custom-objects",
    metavar="MODULE",
    help="Module or .py file with the classes of a Keras file that are not Keras's own.",
)
@click.option(
    "--runtime",
    metavar="PYTHON",
    help="Another interpreter, with the framework that wrote the source; the archive's output has"
    " to equal the source's output there.",
)
@options.verify_or_not
@options.allow_op
@click.option("--quiet", "-q", is_flag=True, help="Print nothing unless it fails.")
def command(  # noqa: PLR0913 - one for each option
    spec: Path,
    output: Path | None,
    tile: tuple[int, int] | None,
    preprocess: tuple[str, ...],
    postprocess: tuple[str, ...],
    custom_objects: str | None,
    runtime: str | None,
    verify: bool,
    allow_op: tuple[str, ...],
    quiet: bool,
) -> int:
    """Build a conformant archive from the SavedModel or Keras file that SPEC.json describes.

    The network is lowered to TensorFlow 2.0.0, and its output is compared with its source's. A
    failed build leaves no file, and does not change an existing one.
    """
    from czcheck.building.builder import build

    with spinner(enabled=not quiet) as progress:
        result = build(
            spec,
            output,
            tile=tile,
            preprocessing=preprocess or None,
            postprocessing=postprocess or None,
            custom_objects=custom_objects,
            runtime=runtime,
            verify=verify,
            allow_op=allow_op,
            progress=progress,
        )
    if not quiet:
        print_lines(_lines(result))
    return 0


@contextmanager
def spinner(*, enabled: bool) -> Iterator[StepProgress | None]:
    """Show the current step on standard error, if that is a terminal.

    Args:
        enabled: Whether to show it at all.

    Yields:
        The function to call before each step, or None.
    """
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("starting") as status:
        yield lambda text: status.update(f"{text} ...")


def precision_lines(found: Equivalence) -> Iterator[Line]:
    """A line on the tolerances of a comparison in half precision."""
    from czcheck.text import Line
    from czcheck.tolerances import HALF

    if found.precision in HALF:
        scaled, raw = HALF[found.precision]
        yield Line(
            f"            allowed: {scaled:g} and {raw:g}, as the network computes in "
            f"{found.precision}"
        )


def _lines(result: BuildResult) -> Iterator[Line]:
    from czcheck.report.text import report_lines
    from czcheck.text import Line, printable, size_text

    metadata = result.metadata
    size = size_text(result.path.stat().st_size)
    yield Line(f"built {printable(str(result.path))} ({size}), id {result.model_id}", "heading")
    tile = f"{result.tile[0]} x {result.tile[1]} pixels, {metadata.pixel_types[0]}"
    if result.source_tile is not None and result.source_tile != result.tile:
        tile += f" (the source's own: {result.source_tile[0]} x {result.source_tile[1]})"
    yield Line(f"  tile      {tile}")
    classes = ", ".join(printable(each.name) for each in metadata.classes)
    yield Line(f"  classes   {classes}")
    if result.binary is not None:
        p, rest = map(printable, (result.binary.p, result.binary.rest))
        yield Line(f"  p         {p} gets the one channel's probability p, {rest} gets 1 - p")
    yield Line(f"  lowered   {result.nodes_before} nodes to {result.nodes_after}, no variables")
    if result.dropped:
        names = ", ".join(f"{name} x{count}" for name, count in result.dropped)
        yield Line(f"  dropped   {printable(names)}")
    if result.rewritten:
        names = ", ".join(f"{name} x{count}" for name, count in result.rewritten)
        yield Line(f"  rewritten {printable(names)}")
    for label, operations in (
        ("in front", result.preprocessing),
        ("behind", result.postprocessing),
    ):
        if operations:
            yield Line(f"  {label:<9} {', '.join(map(str, operations))}")
    found = result.equivalence
    whose = "the archive's outputs" if found.of_archive else "the lowered network's outputs"
    ties = f", except for {found.ties} ties" if found.ties else ""
    yield Line(
        f"  compared  {whose} with the source's on tiles of {found.tile[0]} x {found.tile[1]}:"
        f" labels equal{ties};"
    )
    yield Line(
        f"            probabilities within {found.scaled:.1e} on intensities 0 to 1,"
        f" within {found.raw:.1e} on the raw range"
    )
    yield from precision_lines(found)
    if found.unsteady:
        names = ", ".join(found.unsteady)
        yield Line(f"            not compared: {names}; standardised, they contain only rounding")
    if result.framework is not None:
        yield Line(
            f"  framework {printable(result.framework.framework)} (Python "
            f"{printable(result.framework.python)}) computes the same: labels equal; probabilities"
        )
        yield Line(
            f"            within {result.framework.scaled:.1e} on intensities 0 to 1, within "
            f"{result.framework.raw:.1e} on the raw range"
        )
    for warning in result.warnings:
        yield Line(f"  warning   {printable(warning)}", "warning")
    if result.report is not None:
        yield Line("")
        yield from report_lines(result.report)
