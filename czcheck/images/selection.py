"""Picking scenes, channels, points in time and sections out of what an image has."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from czcheck.errors import UsageError
from czcheck.text import first_of

if TYPE_CHECKING:
    from czcheck.images.image import Plane

# By number from 0, by name, several of both, or as text: "2", "DAPI", "0,2", "1-3", "DAPI,GFP".
Selection = int | str | Sequence[int | str] | None

_SHOWN = 12
_RANGE = re.compile(r"(\d{1,9})-(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Selections:
    """What of an image is read; None for all.

    Attributes:
        scene: Scenes.
        channel: Channels.
        time: Points in time.
        z: Sections.
        numbers: Whether to give the numbers as they are stored, as of masks: of a PNG with a
            palette or fewer than 8 bits not the colours or grays that they are shown in, and
            integers of any size, which `read` gives in their own dtype.
        allow_missing: Whether to read an image of which the file lacks pixels.
    """

    scene: Selection = None
    channel: Selection = None
    time: Selection = None
    z: Selection = None
    numbers: bool = False
    allow_missing: bool = False


EVERYTHING = Selections()


def select(
    path: str, option: str, selection: Selection, numbers: Sequence[int], names: Sequence[str] = ()
) -> tuple[int, ...]:
    """Numbers of what was selected, in the order in which it was named.

    A text that is a name is that name, whatever it looks like; else it is a list, with commas, of
    names, numbers and ranges of numbers.

    Args:
        path: The image, for the message.
        option: What is selected: `scene`, `channel`, `time` or `z`.
        selection: What to select; None for all.
        numbers: The numbers that there are, in ascending order.
        names: Their names in the same order, as far as they have some.

    Returns:
        Some of `numbers`; none twice.

    Raises:
        UsageError: A part of the selection matches nothing, or more than one; the message says
            what there is.
    """
    if selection is None:
        return tuple(numbers)
    parts = [selection] if isinstance(selection, int | str) else list(selection)
    found: dict[int, None] = {}
    for part in parts:
        found.update(dict.fromkeys(_numbers(path, option, part, numbers, names)))
    if not found:
        raise UsageError(f"{path}: --{option} selects nothing; {there_is(option, numbers, names)}")
    return tuple(found)


def _numbers(
    path: str, option: str, part: int | str, numbers: Sequence[int], names: Sequence[str]
) -> list[int]:
    text = str(part).strip()
    if isinstance(part, str) and (named := _named(path, option, text, numbers, names)) is not None:
        return [named]
    if isinstance(part, str) and "," in text:
        return [
            number
            for each in text.split(",")
            if each.strip()
            for number in _numbers(path, option, each, numbers, names)
        ]
    span = _RANGE.fullmatch(text)
    first, last = (int(span[1]), int(span[2])) if span else (-1, -1)
    if not span and re.fullmatch(r"\d{1,9}", text):
        first = last = int(text)
    chosen = [each for each in numbers if first <= each <= last]
    # A range of which only some exist is most likely a mistake.
    if not chosen or len(chosen) != last - first + 1:
        raise UsageError(
            f"{path}: --{option} {text!r} matches nothing; {there_is(option, numbers, names)}"
        )
    return chosen


def _named(
    path: str, option: str, text: str, numbers: Sequence[int], names: Sequence[str]
) -> int | None:
    """Number of the one that has this name, in the same letters or else in any case."""
    for same in (str, str.casefold):
        pairs = zip(numbers, names, strict=False)  # names may be left out
        found = [number for number, name in pairs if same(name) == same(text) != ""]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(
                f"{path}: --{option} {text!r} is the name of {' and '.join(map(str, found))}; "
                "give the number"
            )
    return None


def there_is(option: str, numbers: Sequence[int], names: Sequence[str] = ()) -> str:
    """A phrase that lists what can be selected.

    Args:
        option: What is selected.
        numbers: The numbers that there are, in ascending order.
        names: Their names in the same order, as far as they have some.
    """
    nouns = {"scene": "scenes", "channel": "channels", "time": "points in time", "z": "sections"}
    if len(numbers) == 1 and not any(names):
        return f"the image has only {option} {numbers[0]}"
    if not any(names):
        return f"the image has {nouns[option]} {spans(numbers)}"
    pairs = zip(numbers, names, strict=True)
    texts = [f"{number} {name!r}" if name else str(number) for number, name in pairs]
    return f"the image has the {nouns[option]} {first_of(texts, _SHOWN)}"


def spans(numbers: Sequence[int]) -> str:
    """Numbers as a few words: `0 to 4`, `5, 7 to 9`.

    Args:
        numbers: In ascending order, none twice.
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [f"{first} to {last}" if last > first else str(first) for first, last in runs]
    return first_of(texts, _SHOWN)


def named(planes: Sequence[Plane]) -> tuple[Plane, ...]:
    """The planes, each with a name by which it differs from the others."""
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
