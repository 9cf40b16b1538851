"""Colours for classes that were given none."""

from __future__ import annotations

import pytest

from czcheck.metadata import distinct_colours


def test_the_first_three_are_the_reference_librarys() -> None:
    assert distinct_colours(3) == ((255, 0, 0), (0, 255, 0), (0, 0, 255))


@pytest.mark.parametrize("count", [0, 1, 4, 12, 60, 1000])
def test_no_two_are_alike(count: int) -> None:
    colours = distinct_colours(count)
    assert len(colours) == len(set(colours)) == count
    assert all(0 <= part <= 255 for colour in colours for part in colour)


def test_more_classes_do_not_change_the_first_ones() -> None:
    assert distinct_colours(60)[:7] == distinct_colours(7)


def test_neighbours_can_be_told_apart_on_a_screen() -> None:
    colours = distinct_colours(24)
    for index, first in enumerate(colours):
        for second in colours[:index]:
            assert max(abs(a - b) for a, b in zip(first, second, strict=True)) >= 100


def test_none_is_grey() -> None:
    assert all(max(colour) - min(colour) >= 100 for colour in distinct_colours(60))


@pytest.mark.parametrize("count", [-1, 1001])
def test_absurd_counts_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="colours for"):
        distinct_colours(count)
