"""What is measured on an answer, held against plain numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from czcheck.runtime import Pixel, Statistics, statistics_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


def measured(array: NDArray[Any]) -> Statistics:
    statistics = statistics_of(array)
    assert statistics is not None
    return statistics


@settings(max_examples=60)
@given(
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    classes=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_agrees_with_plain_numpy(height: int, width: int, classes: int, seed: int) -> None:
    answer = np.random.default_rng(seed).normal(size=(1, height, width, classes))
    answer = answer.astype(np.float32)
    found = measured(answer)
    image = answer[0]
    for pixel, value in ((found.minimum, image.min()), (found.maximum, image.max())):
        assert pixel is not None
        assert pixel.value == value == image[pixel.row, pixel.column, pixel.channel]
    assert found.worst_sum is not None
    sums = image.astype(np.float64).sum(axis=-1)
    worst = np.abs(sums - 1).max()
    assert abs(sums[found.worst_sum.row, found.worst_sum.column] - 1) == pytest.approx(worst)
    assert found.worst_sum.value == pytest.approx(
        sums[found.worst_sum.row, found.worst_sum.column], abs=1e-5
    )
    won = np.bincount(image.argmax(axis=-1).ravel(), minlength=classes)
    assert found.classes_won == tuple(won)
    assert (found.non_finite, found.first_non_finite) == (0, None)


def test_the_first_of_equals_wins() -> None:
    assert measured(np.full((1, 3, 3, 3), 1 / 3, np.float32)).classes_won == (9, 0, 0)


def test_values_that_are_not_finite_are_counted_and_placed() -> None:
    answer = np.full((1, 4, 5, 2), 0.5, np.float32)
    answer[0, 2, 1, 1] = np.nan
    answer[0, 3, 4, 0] = -np.inf
    answer[0, 3, 0, 0] = 0.25
    answer[0, 0, 3, 1] = 0.75
    found = measured(answer)
    assert found.non_finite == 2
    assert found.first_non_finite is not None
    assert np.isnan(found.first_non_finite.value)
    first = found.first_non_finite
    assert (first.row, first.column, first.channel) == (2, 1, 1)
    assert found.minimum == Pixel(0.25, 3, 0, 0)
    assert found.maximum == Pixel(0.75, 0, 3, 1)
    assert found.worst_sum is None


def test_an_answer_of_nothing_but_nan_has_no_range() -> None:
    found = measured(np.full((1, 2, 2, 2), np.nan, np.float32))
    assert (found.non_finite, found.minimum, found.maximum) == (8, None, None)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int64", "uint8", "bool"])
def test_other_types_are_measured_as_well(dtype: str) -> None:
    answer = np.zeros((1, 200, 400, 2), dtype)
    answer[..., 0] = 1
    found = measured(answer)
    assert found.maximum == Pixel(1.0, 0, 0, 0)
    assert found.minimum == Pixel(0.0, 0, 0, 1)
    assert found.worst_sum == Pixel(1.0, 0, 0)
    assert found.classes_won == (80000, 0)


@pytest.mark.parametrize(
    "answer",
    [
        np.zeros((2, 4, 4, 2), np.float32),
        np.zeros((4, 4, 2), np.float32),
        np.zeros((), np.float32),
        np.zeros((1, 0, 4, 2), np.float32),
        np.zeros((1, 4, 4, 2), np.complex64),
    ],
)
def test_what_is_no_image_is_not_measured(answer: NDArray[Any]) -> None:
    assert statistics_of(answer) is None
