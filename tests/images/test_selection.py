"""Selecting by number, name, range and list."""

from __future__ import annotations

import pytest

from czcheck.errors import UsageError
from czcheck.images import Plane, Selection, named, select

NAMES = ("DAPI", "GFP", "3", "mCherry")


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (None, (0, 1, 2, 3)),
        (2, (2,)),
        ("1", (1,)),
        ("3", (2,)),  # a name before a number
        (3, (3,)),
        ("dapi", (0,)),
        ("GFP,DAPI", (1, 0)),
        ("1-2", (1, 2)),
        ("0, 1-2,1", (0, 1, 2)),
        (["mCherry", 0], (3, 0)),
    ],
)
def test_numbers_names_ranges_and_lists(wanted: Selection, numbers: tuple[int, ...]) -> None:
    assert select("a.czi", "channel", wanted, range(4), NAMES) == numbers


@pytest.mark.parametrize("wanted", [4, -1, "Cy5", "2-7", "1-0", "", ",", []])
def test_what_matches_nothing_says_what_there_is(wanted: Selection) -> None:
    with pytest.raises(UsageError, match=r"a\.czi: --channel.*0 'DAPI', 1 'GFP', 2 '3'"):
        select("a.czi", "channel", wanted, range(4), NAMES)


def test_a_name_that_is_there_twice_needs_the_number() -> None:
    with pytest.raises(UsageError, match="name of 0 and 2"):
        select("a.czi", "scene", "A", range(3), ["A", "B", "A"])


def test_long_lists_are_cut() -> None:
    with pytest.raises(UsageError, match="11 'n11' and 88 more"):
        select("a.czi", "scene", "x", range(100), [f"n{each}" for each in range(100)])
    with pytest.raises(UsageError, match="points in time 0 to 99"):
        select("a.czi", "time", 100, range(100))


def test_planes_are_named_by_what_tells_them_apart() -> None:
    planes = [Plane(1, time, 4, "B", 1, 1) for time in range(2)]
    assert [plane.name for plane in named(planes)] == ["_t0", "_t1"]
    assert [plane.name for plane in named(planes[:1])] == [""]
