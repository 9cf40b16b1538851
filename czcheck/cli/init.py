"""`czcheck init`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from czcheck.cli import options
from czcheck.cli.printing import print_lines

if TYPE_CHECKING:
    from czcheck.building.starting import Start
    from czcheck.text import Line


@click.command("init")
@click.argument("model", required=False, metavar="[MODEL]", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    callback=options.output_file,
    default="spec.json",
    show_default=True,
    type=click.Path(path_type=Path),
    metavar="SPEC.json",
    help="The specification to write.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing specification.")
def command(model: Path | None, output: Path, force: bool) -> int:
    """Write a specification to start from, for `czcheck build`.

    MODEL is the folder of a SavedModel, or an archive, whose SavedModel is unpacked next to the
    specification. Values that follow from the network are filled in: tile, channels, number of
    classes. Without MODEL, an example is written.
    """
    from czcheck.building.starting import write_start

    print_lines(_lines(write_start(model, output, force=force)))
    return 0


def _lines(start: Start) -> Iterator[Line]:
    from czcheck.text import Line, printable

    yield Line(f"wrote {printable(str(start.path))}", "heading")
    if start.unpacked is not None:
        yield Line(f"  unpacked  {printable(str(start.unpacked))}")
    for sentence in start.guessed:
        yield Line(f"  check     {printable(sentence)}")
