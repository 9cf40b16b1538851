"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from czcheck.cli.groups import (
    CHECKED,
    CONFIGURATION,
    IMAGES,
    RUN,
    SCALE,
    Number,
    WholeNumber,
    group,
)
from czcheck.limits import LARGEST_SIDE

LEVELS = ("archive", "metadata", "network", "run")
SEVERITIES = ("error", "warning", "note")
BACKENDS = ("auto", "python")


def tile_size(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Read `HEIGHTxWIDTH`, or one number for both.

    Args:
        ctx: The call.
        param: The option.
        value: What the user wrote.

    Returns:
        (height, width) in pixels.

    Raises:
        click.BadParameter: It is no size.
    """
    if value is None:
        return None
    parts = value.lower().replace("\u00d7", "x").split("x")
    # Never int() on long text.
    digits = all(part.isascii() and part.isdigit() and len(part) < 8 for part in parts)
    if len(parts) > 2 or not digits:  # height and width
        hint = "write HEIGHTxWIDTH, such as 1024x1024"
        raise click.BadParameter(f"{value!r} is not a tile size; {hint}", ctx, param)
    height, width = int(parts[0]), int(parts[-1])
    if not (1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE):
        hint = f"each side has to be 1 to {LARGEST_SIDE} pixels"
        raise click.BadParameter(f"{value!r} is not a tile size: {hint}", ctx, param)
    return height, width


def output_file(_: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """Check, before anything is run, that the file of `--output` can be written.

    Args:
        param: The option.
        value: What the user wrote.

    Raises:
        UsageError: It is `-`, a folder, or in a folder that does not exist or cannot be written.
    """
    if value is None:
        return None
    from czcheck.errors import UsageError
    from czcheck.files import check_writable

    if str(value) == "-":
        raise UsageError(
            f"{param.opts[-1]} -: cannot be standard output; name a file (./- for one of that name)"
        )
    check_writable(value)
    return value


allow_op = click.option(
    "--allow-op",
    multiple=True,
    metavar="NAME",
    help="Allow an operation that is not on the allowlist, and run it; repeatable.",
)
verify_or_not = click.option(
    "--verify/--no-verify",
    default=True,
    help="Verify the archive before it appears under its name.",
)


def codes(_: click.Context, __: click.Parameter, value: Sequence[str]) -> tuple[str, ...]:
    """Codes of an option that may be given more than once, with commas between them."""
    return tuple(code.strip() for each in value for code in each.split(",") if code.strip())


def given_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the options of `policy`; None if not given, so that a configuration can set it.

    Args:
        given: All of them, as click passes them.
    """
    return {name: None if value == () else value for name, value in given.items()}


def keyed(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given of the options of `policy`, by the names of a configuration's keys.

    Args:
        given: All of them, as click passes them.
    """
    return {name.replace("_", "-"): value for name, value in given_values(given).items()}


def complete_codes(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    """The rules whose codes begin so, with their titles, for completion in a shell.

    Args:
        incomplete: What has been written.
    """
    from czcheck.rules.catalogue import catalogue

    return [
        click.shell_completion.CompletionItem(rule.code, help=rule.title)
        for rule in catalogue().values()
        if rule.code.startswith(incomplete.upper())
    ]


_positive = Number(min=0, min_open=True)

fail_on = click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    help="Lowest severity that fails the verdict.  [default: error]",
)
# None of them has a default, so that a configuration can set them: their names are its keys.
judging = group(
    CHECKED,
    click.option(
        "--target",
        help="Runtime that the network must work in; `any` switches this off.  [default: tf-2.0.0]",
    ),
    fail_on,
    click.option(
        "--select",
        multiple=True,
        metavar="CODES",
        callback=codes,
        shell_complete=complete_codes,
        help="Check only these rules; codes or prefixes, such as CZ2, separated by commas.",
    ),
    click.option(
        "--ignore",
        multiple=True,
        metavar="CODES",
        callback=codes,
        shell_complete=complete_codes,
        help="Leave these rules out; codes or prefixes, separated by commas.",
    ),
    allow_op,
)
limiting = group(
    RUN,
    click.option(
        "--timeout",
        type=_positive,
        metavar="SECONDS",
        help="Time limit for loading the network, and for each tile.  [default: 120]",
    ),
    click.option(
        "--memory",
        type=_positive,
        metavar="GIB",
        help="Memory limit of the network's process.  [default: 8]",
    ),
    click.option(
        "--backend",
        type=click.Choice(BACKENDS),
        help="`python` imports TensorFlow, instead of using its C library where that can run the"
        " network.  [default: auto]",
    ),
    click.option(
        "--require-sandbox/--no-require-sandbox",
        default=None,
        help="Refuse to run a network without a sandbox (exit code 3).",
    ),
)
policy = group(
    RUN,
    group(
        CHECKED,
        click.option(
            "--level",
            type=click.Choice(LEVELS),
            help="How deep to check; each level includes the ones before it.  [default: run]",
        ),
        judging,
    ),
    click.option(
        "--tiles",
        multiple=True,
        metavar="FILE|FOLDER",
        type=click.Path(path_type=Path),
        help="Images (PNG, TIFF, CZI, Zarr) to run as well as the built-in test tiles; repeatable.",
    ),
    click.option(
        "--thorough/--no-thorough",
        default=None,
        help="Load the network in a second process as well, and compare its outputs (takes"
        " seconds longer).",
    ),
    click.option(
        "--runtime",
        metavar="PYTHON",
        help="Another interpreter with TensorFlow, in which the outputs have to be the same.",
    ),
    click.option(
        "--baseline",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Reference outputs, made by `czcheck baseline`, that the outputs have to match.",
    ),
    click.option(
        "--max-load-seconds",
        type=_positive,
        metavar="SECONDS",
        help="Budget for loading the network; more is an error (CZ422).",
    ),
    click.option(
        "--max-tile-seconds",
        type=_positive,
        metavar="SECONDS",
        help="Budget for a tile: the median over the test tiles except the first.",
    ),
    click.option(
        "--max-memory",
        type=_positive,
        metavar="GIB",
        help="Budget for the peak memory of the network's process.",
    ),
    limiting,
    group(
        SCALE,
        click.option(
            "--jobs",
            "-j",
            type=WholeNumber(min=1),
            metavar="N",
            help="Number of files to check at a time.  [default: 1]",
        ),
        click.option(
            "--cache/--no-cache",
            default=None,
            envvar="CZCHECK_CACHE",
            help="Use the verdict of an earlier run if nothing has changed.  [default: cache]",
        ),
    ),
)
images = group(
    IMAGES,
    click.option("--scene", metavar="WHICH", help="Scenes by number or by name: 2, 0-3, A1,B4."),
    click.option("--channel", metavar="WHICH", help="Channels, likewise, in the model's order."),
    click.option("--time", metavar="WHICH", help="Time points, likewise."),
    click.option("--z", metavar="WHICH", help="Sections, likewise."),
    click.option(
        "--allow-missing",
        is_flag=True,
        help="Accept images with missing pixels, such as an OME-TIFF without one of its files;"
        " missing pixels are 0, and the result names them.",
    ),
    click.option(
        "--intensities",
        type=click.Choice(("exact", "keep", "scale")),
        default="exact",
        show_default=True,
        help="Pixels of another depth than the model's: refuse them, keep their values, or scale.",
    ),
)
tiling = group(
    IMAGES,
    click.option(
        "--align",
        is_flag=True,
        help="Begin tiles at multiples of the network's stride, unlike ZEN.",
    ),
    click.option(
        "--stride",
        type=WholeNumber(min=1),
        metavar="PIXELS",
        help="The network's stride, if it cannot be read from the graph.",
    ),
    click.option(
        "--pad",
        type=click.Choice(("reflect", "zeros")),
        default="reflect",
        show_default=True,
        help="How to pad an image smaller than a tile.",
    ),
    click.option(
        "--border",
        type=WholeNumber(min=0),
        metavar="PIXELS",
        help="Border to use instead of the model's BorderSize.",
    ),
    click.option(
        "--tile",
        callback=tile_size,
        metavar="HxW",
        help="Tile size, for networks that do not fix it.",
    ),
)
configuration = group(
    CONFIGURATION,
    click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Configuration file to use instead of the one that is found.",
    ),
    click.option(
        "--isolated",
        is_flag=True,
        help="Do not search for a configuration; `--config` still counts.",
    ),
    click.option(
        "--profile",
        metavar="NAME",
        help="`release` (fails on warnings, thorough), `quick` (level network), or one of the"
        " configuration's own.",
    ),
)
