"""Objects in pairs."""

from __future__ import annotations

import numpy as np
import pytest

from czcheck.figures import ObjectFigures, match


def squares(*corners: tuple[int, int], side: int = 6, numbers: int = 1) -> np.ndarray:
    image = np.zeros((40, 40), np.uint16)
    for number, (row, column) in enumerate(corners, numbers):
        image[row : row + side, column : column + side] = number
    return image


def test_objects_that_overlap_by_half_and_more_are_pairs() -> None:
    true = squares((2, 2), (2, 20), (20, 2), numbers=7)
    # Moved by 1: IoU 0.71; by 2: 0.5 exactly; the third one is missed, one is invented.
    predicted = squares((2, 3), (2, 22), (30, 30))
    figures = match(true, predicted)
    assert figures == ObjectFigures(true=3, predicted=3, matched=2)
    assert figures.precision == figures.recall == figures.f1 == pytest.approx(2 / 3)


def test_an_object_is_in_one_pair_only() -> None:
    true = squares((2, 2), side=8)
    predicted = np.zeros_like(true)
    predicted[2:10, 2:6], predicted[2:10, 6:10] = 1, 2  # halves: IoU 0.5 each
    assert match(true, predicted).matched == 1


def test_two_that_grew_together_are_one() -> None:
    true = squares((2, 2), (2, 8))
    predicted = (true > 0).astype(np.uint8)
    assert match(true, predicted) == ObjectFigures(true=2, predicted=1, matched=1)


@pytest.mark.parametrize("empty", ["true", "predicted", "both"])
def test_nothing_there(empty: str) -> None:
    there, nothing = squares((2, 2), (12, 12)), np.zeros((40, 40), np.uint16)
    figures = {
        "true": match(nothing, there),
        "predicted": match(there, nothing),
        "both": match(nothing, nothing),
    }[empty]
    assert figures.matched == 0
    assert figures.f1 == (None if empty == "both" else 0)


def test_figures_add_up() -> None:
    total = ObjectFigures(3, 4, 2) + ObjectFigures(1, 0, 0)
    assert total == ObjectFigures(4, 4, 2)
    assert total.f1 == pytest.approx(0.5)
