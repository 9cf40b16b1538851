"""Formatted numbers, each with the exact value and its place in the JSON report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup, escape

from czcheck.text import rounded_percent, shape_text, size_text

_UNITS = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))
_WHOLE = 100
TIMES, DASH = "\u00d7", "\u2013"
_CODE = re.compile("`([^`]+)`")


def count(value: float) -> str:
    """`1,234`."""
    return f"{value:,}"


def percent(part: float) -> str:
    """`12.3 %` for 0.123; what is neither nothing nor all is not shown as either."""
    return rounded_percent(part, 1, below="< ", above="> ")


def share(part: float) -> str:
    """`0.9876`; what is neither nothing nor all is not shown as either."""
    if 0 < part < 0.00005:  # would be rounded to nothing
        return "< 0.0001"
    if 0.99995 <= part < 1:  # would be rounded to all
        return "> 0.9999"
    return f"{part:.4f}"


def seconds(value: float) -> str:
    """`54 ms`, `1.23 s`."""
    return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s"


def small(value: float | str) -> str:
    """`0.437`, `1e-05`, `57,012`; text, which JSON has for infinities, as it is."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def short(value: float) -> str:
    """`78.6 M`."""
    for size, unit in _UNITS:
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return str(value)


def plainly(value: Any) -> str:
    """A setting in words."""
    if isinstance(value, Mapping):
        text = ", ".join(f"{name}: {plainly(each)}" for name, each in value.items())
        return text or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(plainly(each) for each in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def prose(text: str) -> Markup:
    """Text in which words between backticks become code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


FORMS: dict[str, Callable[[Any], str]] = {
    "count": count,
    "percent": percent,
    "share": share,
    "seconds": seconds,
    "small": small,
    "bytes": size_text,
}
FILTERS: dict[str, Callable[[Any], str]] = {
    **FORMS,
    "short": short,
    "plainly": plainly,
    "prose": prose,
    "shape": shape_text,
}


def at(plain: Any, name: str) -> Any:
    """A value in plain data.

    Args:
        plain: Objects and lists.
        name: Keys and numbers of items, with dots between.
    """
    for part in name.split("."):
        plain = plain[int(part) if isinstance(plain, list) else part]
    return plain


def figure(value: Any, path: str, form: str, missing: str) -> Markup:
    """A value of the JSON report as an element that names its place.

    Args:
        value: The value.
        path: Its place in the report.
        form: A name in `FORMS`.
        missing: Text to show if it is None.
    """
    if value is None:
        return Markup('<span class="missing" data-json="{}" data-null>{}</span>').format(
            path, missing
        )
    text = FORMS[form](value)
    return Markup('<data value="{}" data-json="{}">{}</data>').format(json.dumps(value), path, text)
