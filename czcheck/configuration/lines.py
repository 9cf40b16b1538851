"""On which line of a TOML text each key stands, which no reader of TOML tells."""

from __future__ import annotations

import re
from collections import Counter

_HEAD = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_\-.\s])+?)\s*=""")
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")

Place = tuple[str | int, ...]


def lines_of_keys(text: str) -> dict[Place, int]:
    """Lines of tables and keys, as far as they can be seen without reading values.

    Args:
        text: TOML.

    Returns:
        For each place - names of tables and keys, with the number from 0 of a table in an array -
        the line, from 1, on which it is said first.
    """
    found: dict[Place, int] = {}
    table: Place = ()
    seen: Counter[Place] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        if head := _HEAD.match(line):
            names = _names(head[2])
            table = _counted(names, seen)
            if head[1] == "[[":
                table = (*table, seen[names])
                seen[names] += 1
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_names(key[1])), number)
    return found


def _names(text: str) -> Place:
    return tuple("".join(part) for part in _PART.findall(text))


def _counted(names: Place, seen: Counter[Place]) -> Place:
    """A table's place; of arrays of tables that hold it, the last table."""
    place: Place = ()
    for end in range(1, len(names) + 1):
        place = (*place, names[end - 1])
        if end < len(names) and seen[names[:end]]:
            place = (*place, seen[names[:end]] - 1)
    return place


def line_of(place: Place, lines: dict[Place, int]) -> int | None:
    """The line of a place, or of the nearest thing around it.

    Args:
        place: Names and numbers, from the outside in.
        lines: What `lines_of_keys` found.
    """
    for end in range(len(place), 0, -1):
        if place[:end] in lines:
            return lines[place[:end]]
    return None
