"""Makes text from files safe to print: names must not steer a terminal or a log parser."""

from __future__ import annotations

# Explicit direction marks can make a name read as another one.
_BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
_UNSAFE = {*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, *_BIDI}
_TABLE = {code: f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}" for code in _UNSAFE}  # noqa: PLR2004


def printable(text: str) -> str:
    r"""The text with control characters, line breaks and direction marks as `\x..` or `\u....`.

    Lone surrogates, which no output encoding takes, are escaped, too. A leading `::`, which CI logs
    read as a command, gets its first colon escaped.

    Args:
        text: Any text.
    """
    safe = text.translate(_TABLE).encode("utf-8", "backslashreplace").decode("utf-8")
    return "\\x3a" + safe[1:] if safe.lstrip().startswith("::") else safe
