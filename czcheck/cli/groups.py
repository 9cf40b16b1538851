"""Options as commands declare them: in groups, with numbers and formats checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

_COLUMN = 30  # as wide as click makes the first column at most
# What these are for, in the order of help.
CHECKED = "What is checked"
RESULTS = "Results"
GOALS = "Masks and goals"
RUN = "How the network is run"
IMAGES = "Images and tiles"
REPORT = "What is printed and written"
SCALE = "Speed and scale"
CONFIGURATION = "Configuration"
OTHER = "Other options"
_ORDER = (RESULTS, GOALS, CHECKED, IMAGES, RUN, REPORT, SCALE, CONFIGURATION, OTHER)


def group(title: str, *decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options as one decorator, shown under a title by `GroupedCommand`.

    Args:
        title: One of the titles of this module.
        *decorators: The options, in the order in which help shows them. One that has a group of
            its own keeps it.
    """

    def decorate(command: Any) -> Any:
        before = len(getattr(command, "__click_params__", ()))
        for decorator in reversed(decorators):
            command = decorator(command)
        for option in command.__click_params__[before:]:
            option.group = getattr(option, "group", title)
        return command

    return decorate


class GroupedCommand(click.Command):
    """A command whose help shows its options by what they are for."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, each group under its title."""
        groups: dict[str, list[tuple[str, str]]] = {title: [] for title in _ORDER}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if isinstance(param, click.Option) and record is not None:
                groups[getattr(param, "group", OTHER)].append((record[0].ljust(_COLUMN), record[1]))
        for title, records in groups.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


_UNITS = {"SECONDS": "seconds", "GIB": "GiB", "PERCENT": "percent", "PIXELS": "pixels"}


class Number(click.FloatRange):
    """A number within limits; error messages name the unit of the option."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the number.

        Args:
            value: What the user wrote, or a default.
            param: The option.
            ctx: The call.

        Raises:
            click.BadParameter: It is no number, or beyond the limits.
        """
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        # Limits do not exclude NaN, for which every comparison is false.
        if math.isnan(number):
            self.fail(_no_number(value, "number", param), param, ctx)
        return float(super().convert(number, param, ctx))


class WholeNumber(click.IntRange):
    """A whole number within limits, with the same error messages."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number.

        Args:
            value: What the user wrote, or a default.
            param: The option.
            ctx: The call.

        Raises:
            click.BadParameter: It is no whole number, or beyond the limits.
        """
        try:
            number = int(value)
        except (TypeError, ValueError):
            self.fail(_no_number(value, "whole number", param), param, ctx)
        return int(super().convert(number, param, ctx))


def percent(ctx: click.Context, param: click.Parameter, value: float) -> float:
    """Check that a percentage was not given as a fraction.

    Args:
        ctx: The call.
        param: The option.
        value: What the user wrote, 0 to 100.

    Raises:
        click.BadParameter: It is below one percent, and not 0.
    """
    from czcheck.segmenting.job import fraction

    if (reason := fraction(value)) is not None:
        raise click.BadParameter(reason, ctx, param)
    return value


def _no_number(value: Any, what: str, param: click.Parameter | None) -> str:
    unit = _UNITS.get((param.metavar or "") if param is not None else "")
    how = "write the number alone" + (f", in {unit}" if unit else "")
    return f"{str(value)[:40]!r} is not a {what}; {how}"


_JSON_FLAG = "czcheck.json"


def _check(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    ctx.meta[_JSON_FLAG] = value


def with_json(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """The requested format, by `--format` or by `--json`.

    Args:
        ctx: The call.
        param: The option `--format`.
        value: Its value.

    Raises:
        click.BadParameter: Both are given, and they disagree.
    """
    if not ctx.meta.get(_JSON_FLAG):
        return value
    explicit = ctx.get_parameter_source(str(param.name)) is click.core.ParameterSource.COMMANDLINE
    if explicit and value != "json":
        raise click.BadParameter(f"--json and --format {value}: give one of them", ctx, param)
    return "json"


as_json = click.option(
    "--json",
    is_flag=True,
    is_eager=True,  # before `--format`, whose value it may take the place of
    expose_value=False,
    callback=_check,
    help="The same as --format json.",
)
text_or_json = group(
    REPORT,
    click.option(
        "--format",
        "form",
        type=click.Choice(("text", "json")),
        default="text",
        show_default=True,
        callback=with_json,
        help="What to print.",
    ),
    as_json,
)
