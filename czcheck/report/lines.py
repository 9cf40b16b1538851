"""Lines of text, with styles that a terminal can show as colours."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from czcheck.text import printable

WIDTH = 100


class _Line(NamedTuple):
    text: str
    style: str = ""
    swatch: str = ""


class Line(_Line):
    """A line of a report, safe to print whatever went into it.

    Attributes:
        text: The line.
        style: What it is: a verdict, a severity, a fix, ...; empty for plain text.
        swatch: Colour `#rrggbb` to show at the line's beginning, where colours can be shown.
    """

    __slots__ = ()

    def __new__(cls, text: str, style: str = "", swatch: str = "") -> Line:  # noqa: PYI034
        """Make the text printable: a name that was broken over two lines may have become unsafe."""
        return super().__new__(cls, printable(text), style, swatch)


def wrapped(text: str, indent: str, style: str = "") -> Iterator[Line]:
    """A long text as lines of at most `WIDTH` characters, each after the indent.

    Args:
        text: The text.
        indent: Blanks before each line.
        style: Style of the lines.
    """
    for line in textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=" " * len(indent),
        break_long_words=False,
        break_on_hyphens=False,
    ):
        yield Line(line, style)
