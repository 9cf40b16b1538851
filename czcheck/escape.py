"""Makes text from files safe to print: names must not steer a terminal or a log parser."""

from __future__ import annotations

import re

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
# Spreadsheets compute cells that begin so; the last four are their wide forms.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Servers that run builds take commands out of what a program prints: `::name::` at the beginning of
# a line, `##[name]`, `##vso[name]` and `##teamcity[name]` anywhere.
_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\w*\[)")


def is_unseen(char: str) -> bool:
    """Whether a character shows nothing, or turns the direction of the text around it.

    Args:
        char: One character.
    """
    return ord(char) in _UNSEEN or ord(char) in _BIDI


def printable(text: str) -> str:
    r"""The text with everything escaped that steers a terminal or a log, as `\x..` or `\u....`.

    Control characters, line breaks, direction marks and characters that show nothing; lone
    surrogates, which no output encoding takes; and the first character of what servers that run
    builds read as a command. What has been escaped once stays as it is.

    Args:
        text: Any text.
    """
    safe = text.translate(_TABLE).encode("utf-8", "backslashreplace").decode("utf-8")
    return _COMMAND.sub(lambda found: f"{found[1] or ''}\\x{ord(found[0][-1]):02x}", safe)


def cell(text: str) -> str:
    """A text for a table that spreadsheets open: printable, and no formula.

    What begins as a formula does gets an apostrophe before it, as people write it by hand.

    Args:
        text: Any text.
    """
    safe = printable(text)
    return f"'{safe}" if safe.lstrip().startswith(_FORMULA) else safe


def printable_lines(text: str) -> str:
    """Text of several lines, each made printable.

    Args:
        text: Any text.
    """
    return "\n".join(printable(line) for line in text.splitlines())
