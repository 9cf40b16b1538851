"""Phrases about what a file does not hold of an image."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import prod
from typing import NamedTuple

from czcheck.images.selection import spans
from czcheck.text import first_of

_FEW = 3


class PlaneOf(NamedTuple):
    """A plane of one channel, by its numbers in the file."""

    scene: int
    time: int
    z: int
    channel: int


def missing_planes(selected: Sequence[PlaneOf], absent: Collection[PlaneOf]) -> str:
    """Which of the selected planes a file does not hold, such as `2 of 6 planes: time 1`.

    Args:
        selected: All planes that are selected.
        absent: Those that are missing, one at least.
    """
    noun = "plane" if len(selected) == 1 else "planes"
    return f"{len(absent)} of {len(selected)} {noun}: {_named(selected, absent)}"


def _named(selected: Sequence[PlaneOf], absent: Collection[PlaneOf]) -> str:
    """The missing planes by the numbers in which the selected ones differ."""
    differ = [
        name for name in PlaneOf._fields if len({getattr(each, name) for each in selected}) > 1
    ]
    if not differ:
        return "the only one"
    values = {name: sorted({getattr(each, name) for each in absent}) for name in differ}
    if len(absent) == prod(map(len, values.values())):
        every = {name: {getattr(each, name) for each in selected} for name in differ}
        # A dimension along which all are missing tells nothing.
        parts = [name for name in differ if len(values[name]) < len(every[name])] or differ
        return ", ".join(f"{name} {spans(values[name])}" for name in parts)
    texts = [
        ", ".join(f"{name} {getattr(each, name)}" for name in differ) for each in sorted(absent)
    ]
    return first_of(texts, _FEW, "; ")
