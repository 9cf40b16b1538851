"""Picking scenes, channels, points in time and sections out of what an image has."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from czcheck.errors import UsageError
from czcheck.images.image import Plane

# By number from 0, by name, several of both, or as text: "2", "DAPI", "0,2", "1-3", "DAPI,GFP".
Selection = int | str | Sequence[int | str] | None

_SHOWN = 12
_RANGE = re.compile(r"(\d{1,9})-(\d{1,9})")


def select(
    path: str, option: str, wanted: Selection, count: int, names: Sequence[str] = ()
) -> tuple[int, ...]:
    """Numbers of what was selected, in the order in which it was named.

    A text that is a name is that name, whatever it looks like; else it is a list, with commas, of
    names, numbers from 0 and ranges of numbers.

    Args:
        path: The image, for the message.
        option: What is selected: `scene`, `channel`, `time` or `z`.
        wanted: The selection; None for all.
        count: How many there are.
        names: Their names, as far as they have some.

    Returns:
        Numbers from 0; none twice.

    Raises:
        UsageError: A part of the selection matches nothing, or more than one; the message says
            what there is.
    """
    if wanted is None:
        return tuple(range(count))
    parts = [wanted] if isinstance(wanted, int | str) else list(wanted)
    found: dict[int, None] = {}
    for part in parts:
        found.update(dict.fromkeys(_numbers(path, option, part, count, names)))
    if not found:
        raise UsageError(f"{path}: --{option} selects nothing; {there_is(option, count, names)}")
    return tuple(found)


def _numbers(
    path: str, option: str, part: int | str, count: int, names: Sequence[str]
) -> list[int]:
    text = str(part).strip()
    if isinstance(part, str) and (named := _named(path, option, text, names)) is not None:
        return [named]
    if isinstance(part, str) and "," in text:
        return [
            number
            for each in text.split(",")
            if each.strip()
            for number in _numbers(path, option, each, count, names)
        ]
    span = _RANGE.fullmatch(text)
    first, last = (int(span[1]), int(span[2])) if span else (-1, -1)
    if not span and re.fullmatch(r"\d{1,9}", text):
        first = last = int(text)
    if not 0 <= first <= last < count:
        raise UsageError(
            f"{path}: --{option} {text!r} matches nothing; {there_is(option, count, names)}"
        )
    return list(range(first, last + 1))


def _named(path: str, option: str, text: str, names: Sequence[str]) -> int | None:
    """Number of the one that has this name, in the same letters or else in any case."""
    for same in (str, str.casefold):
        found = [number for number, name in enumerate(names) if same(name) == same(text) != ""]
        if len(found) == 1:
            return found[0]
        if found:
            numbers = " and ".join(map(str, found))
            raise UsageError(
                f"{path}: --{option} {text!r} is the name of {numbers}; give the number"
            )
    return None


def there_is(option: str, count: int, names: Sequence[str] = ()) -> str:
    """A phrase that says what can be selected.

    Args:
        option: What is selected.
        count: How many there are.
        names: Their names, as far as they have some.
    """
    nouns = {"scene": "scenes", "channel": "channels", "time": "points in time", "z": "sections"}
    if not any(names):
        return (
            f"the image has {nouns[option]} 0 to {count - 1}"
            if count > 1
            else (f"the image has only {option} 0")
        )
    listed = [f"{number} {name!r}" if name else str(number) for number, name in enumerate(names)]
    more = f" and {count - _SHOWN} more" if count > _SHOWN else ""
    return f"the image has the {nouns[option]} {', '.join(listed[:_SHOWN])}{more}"


def named(planes: Sequence[Plane]) -> tuple[Plane, ...]:
    """The planes, each with a name that tells it from the others.

    Args:
        planes: The selected planes.
    """
    several = {
        letter: len({getattr(plane, field) for plane in planes}) > 1
        for letter, field in (("s", "scene"), ("t", "time"), ("z", "z"))
    }
    return tuple(
        dataclasses.replace(
            plane,
            name="".join(
                f"_{letter}{number}"
                for letter, number in (("s", plane.scene), ("t", plane.time), ("z", plane.z))
                if several[letter]
            ),
        )
        for plane in planes
    )
