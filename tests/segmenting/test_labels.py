"""Labels from probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from czcheck.segmenting import Labeller

PROBABILITIES = arrays(
    np.float32, st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(2, 5)),
    elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
)  # fmt: skip


@given(PROBABILITIES, st.sampled_from([0, 50, 75, 100]))
def test_the_first_of_the_most_probable_classes_wins(
    probabilities: np.ndarray, percent: float
) -> None:
    values = (7, 2, 300, 4, 5)[: probabilities.shape[-1]]
    expected = np.asarray(values)[probabilities.argmax(axis=-1)]
    expected[probabilities.max(axis=-1) < percent / 100] = 0
    labels = Labeller(values, percent)(probabilities)
    assert labels.dtype == (np.uint16 if 300 in values else np.uint8)
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("percent", [10, 30, 51, 70, 90, 99])
def test_a_probability_that_is_the_threshold_is_not_below_it(percent: int) -> None:
    probabilities = np.array([[[percent / 100, 1 - percent / 100]]], np.float32)
    best = max(percent, 100 - percent)
    assert Labeller((1, 2), best)(probabilities)[0, 0] == (1 if percent > 50 else 2)
