"""`czcheck repair`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from czcheck.cli import options
from czcheck.cli.build import spinner
from czcheck.cli.printing import print_lines

if TYPE_CHECKING:
    from czcheck.building.results import RepairResult
    from czcheck.text import Line


@click.command("repair")
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    callback=options.output_file,
    required=True,
    type=click.Path(path_type=Path),
    metavar="NEW",
    help="The archive to write; not MODEL itself.",
)
@click.option(
    "--tile",
    callback=options.tile_size,
    metavar="HxW",
    help="Height and width of the tile in pixels, for a network that does not fix them.",
)
@click.option("--name", metavar="NAME", help="New name of the model.")
@options.verify_or_not
@options.allow_op
@click.option("--quiet", "-q", is_flag=True, help="Print nothing unless it fails.")
def command(
    model: Path,
    output: Path,
    tile: tuple[int, int] | None,
    name: str | None,
    verify: bool,
    allow_op: tuple[str, ...],
    quiet: bool,
) -> int:
    """Rewrite the archive MODEL in a canonical form that TensorFlow 2.0.0 loads.

    Id, metadata, licence and other members stay the same; the network is lowered, and its output is
    compared with the source's. MODEL itself is never changed, and a failed repair leaves no file.
    """
    from czcheck.building.repairing import repair

    with spinner(enabled=not quiet) as progress:
        result = repair(
            model,
            output,
            tile=tile,
            name=name,
            verify=verify,
            allow_op=allow_op,
            progress=progress,
        )
    if not quiet:
        print_lines(_lines(result))
    return 0


def _lines(result: RepairResult) -> Iterator[Line]:
    from czcheck.cli.build import precision_lines
    from czcheck.report.text import report_lines
    from czcheck.text import Line, printable, size_text

    size = size_text(result.path.stat().st_size)
    path = printable(str(result.path))
    yield Line(f"repaired {path} ({size}), id {result.model_id}", "heading")
    if not result.changes:
        yield Line("  nothing to change: the archive is byte for byte the same")
    for change in result.changes:
        yield Line(f"  changed   {printable(change)}")
    found = result.equivalence
    yield Line(
        f"  compared  labels equal to the source's on tiles of {found.tile[0]} x {found.tile[1]}"
        + (f", except for {found.ties} ties;" if found.ties else ";")
    )
    yield Line(
        f"            probabilities within {found.scaled:.1e} on intensities 0 to 1,"
        f" within {found.raw:.1e} on the raw range"
    )
    yield from precision_lines(found)
    if result.report is not None:
        yield Line("")
        yield from report_lines(result.report)
