"""Text for people: numbers in words, suggestions, lines, and text from files made safe to print.

What is printable cannot steer a terminal or a log parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

WIDTH = 100
"""Characters of a line of text."""

_MANY_TILES = 4
# Explicit direction marks can make a name read as another one; so can characters that show nothing.
_BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
_UNSEEN = {
    *(0xAD, 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x200B, 0x2060, 0x3164, 0xFEFF, 0xFFA0),
    *range(0x2061, 0x2066),
    *range(0x206A, 0x2070),
    *range(0xFFF9, 0xFFFC),
    *(0xFFFE, 0xFFFF),  # no characters, and none that XML can hold
    *range(0xE0000, 0xE0080),
}
_UNSAFE = {*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *_BIDI, *_UNSEEN}


def _escaped(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


_TABLE = {code: _escaped(code) for code in _UNSAFE}
# Comparing takes the square of the length.
_LONGEST_WORD = 80
# Spreadsheets compute cells that begin so; the last four are their wide forms.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Servers that run builds take commands out of what a program prints: `::name::` at the beginning of
# a line, `##[name]`, `##vso[name]` and `##teamcity[name]` anywhere.
_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\w*\[)")


def is_unseen(char: str) -> bool:
    """Whether a character shows nothing, or turns the direction of the text around it."""
    return ord(char) in _UNSEEN or ord(char) in _BIDI


def printable(text: str) -> str:
    r"""The text with everything escaped that steers a terminal or a log, as `\x..` or `\u....`.

    Control characters, line breaks, direction marks and characters that show nothing; lone
    surrogates, which no output encoding takes; and the first character of what servers that run
    builds read as a command. What has been escaped once stays as it is.
    """
    safe = text.translate(_TABLE).encode("utf-8", "backslashreplace").decode("utf-8")
    return _COMMAND.sub(lambda found: f"{found[1] or ''}\\x{ord(found[0][-1]):02x}", safe)


def cell(text: str) -> str:
    """A text for a table that spreadsheets open: printable, and no formula.

    What begins as a formula does gets an apostrophe before it, as people write it by hand.
    """
    safe = printable(text)
    return f"'{safe}" if safe.lstrip().startswith(_FORMULA) else safe


def printable_lines(text: str) -> str:
    """Text of several lines, each made printable."""
    return "\n".join(printable(line) for line in text.splitlines())


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: `1 file`, `2 classes`.

    Args:
        number: How many.
        noun: What, where there is one.
        plural: What, otherwise; the noun and an s if left out.
    """
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


_UNITS = ("bytes", "KiB", "MiB", "GiB")


def size_text(size: int) -> str:
    """A size for people: `1.4 MiB`.

    Args:
        size: Bytes.
    """
    value = float(size)
    for unit in _UNITS[:-1]:
        if value < 1024:
            return f"{size} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} {_UNITS[-1]}"


def sizes(shape: Iterable[int | None], between: str = "x") -> str:
    """Sizes with something between them: `512x512`; an open one is `?`.

    Args:
        shape: The sizes.
        between: What stands between them.
    """
    return between.join("?" if size is None else str(size) for size in shape)


def shape_text(shape: Iterable[int | None] | None) -> str:
    """A shape for people: `? x 1024 x 1024 x 1`.

    Args:
        shape: Sizes, None for an open one; None for an open rank.
    """
    if shape is None:
        return "of open rank"
    return sizes(shape, " x ")


def listed(names: Sequence[str]) -> str:
    """Names, at least one: `a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def first_of(names: Sequence[str], most: int, between: str = ", ") -> str:
    """The first names, and how many more there are: `a, b and 3 more`.

    Args:
        names: The names.
        most: How many to show.
        between: What stands between them.
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def percent(part: float, digits: int = 3) -> str:
    """A part of 1 in percent: `12.3 %`, `0.00012 %`.

    Args:
        part: The part.
        digits: Most digits that count.
    """
    return f"{100 * part:.{digits}g} %"


def rounded_percent(
    part: float, decimals: int = 0, *, below: str = "less than ", above: str = "more than "
) -> str:
    """A part of 1 in percent, rounded; what is neither nothing nor all is not shown as either.

    Args:
        part: The part.
        decimals: Digits behind the point; nothing and all are shown without.
        below: What to put before the smallest number that is shown, for what is smaller.
        above: What to put before the largest number that is shown, for what is larger.
    """
    value, step = 100 * part, 10.0**-decimals
    if 0 < value < step:
        return f"{below}{step:.{decimals}f} %"
    if 100 - step < value < 100:
        return f"{above}{100 - step:.{decimals}f} %"
    return f"{value:.{0 if value in {0, 100} else decimals}f} %"


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word that was probably meant; None if none is near. Capitals do not count.

    Args:
        word: What was written.
        known: What could have been.
        cutoff: How near it has to be, 0 to 1.
    """
    import difflib  # noqa: PLC0415 - only where a word is wrong

    folded = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word[:_LONGEST_WORD].lower(), folded, n=1, cutoff=cutoff)
    return folded[near[0]] if near else None


def tiles_in_words(tiles: Iterable[str]) -> str:
    """Names of tiles in words; of many, the first ones.

    Args:
        tiles: Names, at least one; those that occur again are left out.
    """
    names = [f"`{name}`" for name in dict.fromkeys(tiles)]
    what = "the tile" if len(names) == 1 else "the tiles"
    return f"{what} {listed(names) if len(names) <= _MANY_TILES else first_of(names, _MANY_TILES)}"


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
    import textwrap  # noqa: PLC0415 - many commands print no long text

    for line in textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=" " * len(indent),
        break_long_words=False,
        break_on_hyphens=False,
    ):
        yield Line(line, style)
