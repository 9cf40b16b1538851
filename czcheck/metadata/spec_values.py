"""Checks of the values in a specification: each returns the value or raises a `Fault`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from czcheck.metadata.json_text import JsonValue
from czcheck.metadata.pixel_types import COLOR_HANDLINGS, PIXEL_TYPES

_MOST_PIXELS = 999_999_999
_MOST_CLASSES = 1000
_BRIGHTEST = 255
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LONGEST_SAID = 40


class Fault(Exception):  # a fault of the text, never seen outside
    """One wrong value.

    Attributes:
        reason: What is wrong and how to fix it.
        offset: Where, as an index into the text.
        is_missing: Whether something is not there, so that no place in the text is at fault.
    """

    def __init__(self, reason: str, offset: int, *, is_missing: bool = False) -> None:
        """Keep reason and place."""
        super().__init__(reason)
        self.reason = reason
        self.offset = offset
        self.is_missing = is_missing


def quoted(value: JsonValue) -> str:
    """A value as a message shows it: what kind it is, and the beginning of a text or number."""
    content = value.value
    if isinstance(content, str):
        short = content if len(content) <= _LONGEST_SAID else content[:_LONGEST_SAID] + "..."
        return repr(short)
    if isinstance(content, bool):
        return "true" if content else "false"
    if content is None:
        return "null"
    if isinstance(content, dict):
        return "an object"
    return "a list" if isinstance(content, list) else str(content)


def wrong(key: str, value: JsonValue, expected: str) -> Fault:
    """The fault that a value is not what was expected."""
    return Fault(f"{key} is {quoted(value)}; give {expected}", value.offset)


def string(key: str, value: JsonValue, what: str) -> str:
    """A text with a visible character and without control characters."""
    text = value.value
    if not isinstance(text, str):
        raise wrong(key, value, f"{what} as a text in double quotes")
    if not text.strip():
        raise Fault(f"{key} is empty; give {what}", value.offset)
    if bad := UNPRINTABLE.search(text):
        reason = f"{key} holds the character U+{ord(bad[0]):04X}; remove it"
        raise Fault(reason, value.offset)
    return text


def _whole(value: JsonValue) -> int | None:
    """The value as whole number; JSON does not tell 8 from 8.0. None for anything else."""
    number = value.value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return None
    if isinstance(number, float):
        return int(number) if number.is_integer() else None
    return number


def border(key: str, value: JsonValue) -> int:
    """`BorderSize`: a whole number of pixels from 0."""
    number = _whole(value)
    if number is None or not 0 <= number <= _MOST_PIXELS:
        raise wrong(key, value, "a whole number of pixels, 0 or more, such as 8")
    return number


def color_handling(key: str, value: JsonValue) -> str:
    """`ColorHandling`: one of the two known values."""
    if value.value not in COLOR_HANDLINGS or not isinstance(value.value, str):
        raise wrong(key, value, f'"{COLOR_HANDLINGS[0]}" or "{COLOR_HANDLINGS[1]}"')
    return value.value


def pixel_types(key: str, value: JsonValue) -> tuple[str, ...]:
    """`PixelType`: one real pixel type, or a list of one."""
    names = [name for name, kind in PIXEL_TYPES.items() if kind.usable]
    item = value
    if isinstance(value.value, list):
        if len(value.value) != 1:
            count = len(value.value)
            raise Fault(f"{key} lists {count} types; Model 3.0.0 has exactly one", value.offset)
        item = value.value[0]
    if not isinstance(item.value, str) or item.value not in names:
        complex_one = isinstance(item.value, str) and item.value in PIXEL_TYPES
        why = "no network takes complex pixels; " if complex_one else ""
        raise Fault(f"{key} is {quoted(item)}; {why}give one of {', '.join(names)}", item.offset)
    return (item.value,)


def classes(key: str, value: JsonValue) -> tuple[str, ...]:
    """`Classes`: names, each once."""
    if not isinstance(value.value, list):
        raise wrong(key, value, 'a list of names, such as ["Background", "Nucleus"]')
    if not 1 <= len(value.value) <= _MOST_CLASSES:
        count = len(value.value)
        reason = f"{key} has {count} names; give one for each output channel of the network"
        raise Fault(reason, value.offset)
    names: list[str] = []
    for index, item in enumerate(value.value, start=1):
        name = string(f"{key}, item {index},", item, "a name")
        if name in names:
            reason = f"{key} has the name {quoted(item)} twice; give each class its own"
            raise Fault(reason, item.offset)
        names.append(name)
    return tuple(names)


def name(key: str, value: JsonValue) -> str:
    """`Name`, without white space around it."""
    return string(key, value, "a name").strip()


def guid(key: str, value: JsonValue) -> str:
    """`Id`: a GUID, in small letters."""
    if not isinstance(value.value, str) or not _GUID.fullmatch(value.value):
        raise wrong(key, value, "a GUID such as 3f1c7a52-9d0b-4c36-8f5e-2b7d64a0c911")
    return value.value.lower()


def spatial_dims(key: str, value: JsonValue) -> tuple[int, int]:
    """`SpatialDims`: (height, width) in pixels."""
    sizes = [_whole(item) for item in value.value] if isinstance(value.value, list) else []
    good = [size for size in sizes if size is not None and 1 <= size <= _MOST_PIXELS]
    if len(sizes) != 2 or len(good) != 2:  # height and width
        raise Fault(f"{key} must be [height, width] in pixels, such as [1024, 1024]", value.offset)
    return good[0], good[1]


def colors(key: str, value: JsonValue) -> tuple[tuple[int, int, int], ...]:
    """`Colors`: red, green, blue (0 to 255) of each class."""
    if not isinstance(value.value, list) or not 1 <= len(value.value) <= _MOST_CLASSES:
        raise wrong(key, value, 'a list with a colour for each class, such as ["#ff0000"]')
    return tuple(_color(key, item) for item in value.value)


def _color(key: str, item: JsonValue) -> tuple[int, int, int]:
    if isinstance(item.value, str) and _HEX_COLOUR.fullmatch(item.value):
        red, green, blue = bytes.fromhex(item.value[1:])
        return red, green, blue
    parts = [_whole(part) for part in item.value] if isinstance(item.value, list) else []
    good = [part for part in parts if part is not None and 0 <= part <= _BRIGHTEST]
    if len(parts) != 3 or len(good) != 3:  # red, green, blue
        raise Fault(
            f'{key} holds {quoted(item)}; give each colour as "#rrggbb" or [red, green, blue] with '
            "numbers from 0 to 255",
            item.offset,
        )
    return good[0], good[1], good[2]


CHECKS: dict[str, Callable[[str, JsonValue], Any]] = {
    "BorderSize": border,
    "ColorHandling": color_handling,
    "PixelType": pixel_types,
    "Classes": classes,
    "Name": name,
    "Id": guid,
    "SpatialDims": spatial_dims,
    "Colors": colors,
}
"""The check of each key whose value is neither a path nor a list of operations."""
