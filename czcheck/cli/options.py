"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

LEVELS = ("archive", "metadata", "network", "run")
SEVERITIES = ("error", "warning", "note")

allow_op = click.option(
    "--allow-op",
    multiple=True,
    metavar="NAME",
    help="Admit an operation that is not on the allowlist, and run it; repeatable.",
)
verify_or_not = click.option(
    "--verify/--no-verify", default=True, help="Verify the archive before it is put in place."
)


def together(*decorators: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Several options as one decorator.

    Args:
        *decorators: The options, in the order in which help shows them.
    """

    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def _codes(_: click.Context, __: click.Parameter, value: Sequence[str]) -> tuple[str, ...]:
    return tuple(code.strip() for each in value for code in each.split(",") if code.strip())


def said(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given of the options of `policy`; None for what was not, so that a file can say it.

    Args:
        given: All of them, as click passes them.
    """
    return {name: None if value == () else value for name, value in given.items()}


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


_positive = click.FloatRange(min=0, min_open=True)

# None of them has a default, so that a configuration can say them: their names are its keys.
policy = together(
    click.option(
        "--level",
        type=click.Choice(LEVELS),
        help="How deep to check; each level includes the ones before it.  [default: run]",
    ),
    click.option(
        "--target",
        help="Runtime that the network is held to; `any` switches this off.  [default: tf-2.0.0]",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(SEVERITIES),
        help="Mildest severity that fails the verdict.  [default: error]",
    ),
    click.option(
        "--select",
        multiple=True,
        metavar="CODES",
        callback=_codes,
        shell_complete=complete_codes,
        help="Check only these rules; codes or prefixes, such as CZ2, separated by commas.",
    ),
    click.option(
        "--ignore",
        multiple=True,
        metavar="CODES",
        callback=_codes,
        shell_complete=complete_codes,
        help="Leave these rules out; codes or prefixes, separated by commas.",
    ),
    allow_op,
    click.option(
        "--tiles",
        multiple=True,
        metavar="FILE|FOLDER",
        type=click.Path(path_type=Path),
        help="Images (PNG, TIFF, CZI, Zarr) to run beside the built-in test tiles.",
    ),
    click.option(
        "--thorough/--no-thorough",
        default=None,
        help="Load the network in a second process as well, and compare its answers (seconds"
        " more).",
    ),
    click.option(
        "--runtime",
        metavar="PYTHON",
        help="Another interpreter with TensorFlow, in which the answers have to be the same.",
    ),
    click.option(
        "--baseline",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Golden answers, made by `czcheck baseline`, which the answers have to be.",
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
        help="Budget for a tile: the median over the test tiles but the first.",
    ),
    click.option(
        "--max-memory",
        type=_positive,
        metavar="GIB",
        help="Budget for the memory that the network's process has in use at its peak.",
    ),
    click.option(
        "--timeout",
        type=_positive,
        metavar="SECONDS",
        help="Most time for loading the network, and for each tile.  [default: 120]",
    ),
    click.option(
        "--memory",
        type=_positive,
        metavar="GIB",
        help="Most memory of the network's process.  [default: 8]",
    ),
    click.option(
        "--jobs",
        "-j",
        type=click.IntRange(min=1),
        metavar="N",
        help="Files to work on at a time.  [default: 1]",
    ),
    click.option(
        "--require-sandbox/--no-require-sandbox",
        default=None,
        help="Run no network that cannot be shut in; exit code 3 then.",
    ),
)
configuration = together(
    click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Configuration to use, in place of the one that is found.",
    ),
    click.option(
        "--isolated", is_flag=True, help="Look for no configuration; `--config` still counts."
    ),
    click.option(
        "--profile",
        metavar="NAME",
        help="`release` (fails on warnings, thorough), `quick` (level network), or one of the"
        " configuration's own.",
    ),
)
