"""`czcheck baseline`."""

from __future__ import annotations

from pathlib import Path

import click

from czcheck.cli import options
from czcheck.cli.groups import Number
from czcheck.cli.printing import print_lines


@click.command("baseline")
@click.argument("path", metavar="MODEL", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    callback=options.output_file,
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The baseline to write (.npz).",
)
@click.option(
    "--max-change",
    metavar="VALUE",
    type=Number(min=1e-4, max=1),
    default=1e-3,
    show_default=True,
    help="Largest change of a probability that is tolerated.",
)
@click.option(
    "--min-agreement",
    metavar="VALUE",
    type=Number(min=0, max=1),
    default=0.9999,
    show_default=True,
    help="Smallest share of pixels in any tile whose label has to stay the same.",
)
@click.option(
    "--min-dice",
    metavar="VALUE",
    type=Number(min=0, max=1),
    default=0.99,
    show_default=True,
    help="Smallest Dice coefficient of a class over all tiles.",
)
@options.allow_op
def command(
    path: Path,
    output: Path,
    max_change: float,
    min_agreement: float,
    min_dice: float,
    allow_op: tuple[str, ...],
) -> int:
    """Store a model's outputs for the test tiles, to compare later models with.

    The network is run. `czcheck verify --baseline FILE` compares: a model passes while its labels,
    the Dice coefficient of each class and its probabilities stay within the tolerances, which are
    stored in the file.
    """
    from czcheck.cli.printing import progress_bar
    from czcheck.text import Line, printable, size_text
    from czcheck.verifying.baselines import write_baseline

    with progress_bar(enabled=True) as progress:
        golden = write_baseline(
            path,
            output,
            max_change=max_change,
            min_agreement=min_agreement,
            min_dice=min_dice,
            allow_op=allow_op,
            progress=progress,
        )
    text = (
        f"{output}: outputs of {golden.model_name} ({golden.model_id}) for {len(golden.tiles)} "
        f"tiles in TensorFlow {golden.tensorflow}, {size_text(output.stat().st_size)}"
    )
    print_lines([Line(printable(text))])
    return 0
