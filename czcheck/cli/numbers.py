"""Numbers as options take them: alone, without a unit behind them."""

from __future__ import annotations

import math
from typing import Any

import click

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
