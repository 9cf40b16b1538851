"""What numpy expects of the operations around a network."""

from __future__ import annotations

import numpy as np
import pytest

from czcheck.building import after, before, doubt
from czcheck.metadata import Operation

TILE = np.arange(2 * 2 * 4, dtype=np.float32).reshape(2, 2, 4)
SOFTMAX, SIGMOID = Operation("Softmax"), Operation("SigmoidToSoftmaxScores")
STANDARD = Operation("PerImageStandardization")


def test_orders_of_colours() -> None:
    assert before([Operation("RgbaToBgra")], TILE, 255)[0][0, 0].tolist() == [2, 1, 0, 3]
    assert before([Operation("RgbToBgr")], TILE[..., :3], 255)[0][0, 0].tolist() == [2, 1, 0]


def test_operations_come_in_their_order() -> None:
    mean = Operation("Normalization", (1.0, 2.0, 3.0, 4.0), (2.0,))
    scale = Operation("Scale", factor=10.0)
    assert before([scale, mean], TILE, 255)[0][0, 1].tolist() == [19.5, 24, 28.5, 33]
    assert before([mean, scale], TILE, 255)[0][0, 1].tolist() == [15, 15, 15, 15]


def test_scale_divides_by_the_maximum_unless_it_has_a_factor() -> None:
    assert before([Operation("Scale")], TILE, 5)[0][0, 1].tolist() == pytest.approx(
        [0.8, 1, 1.2, 1.4]
    )


def test_standardisation_divides_by_no_less_than_one_over_the_root_of_the_size() -> None:
    values, steady = before([STANDARD], TILE, 255)
    assert (values.mean(), values.std()) == (pytest.approx(0, abs=1e-6), pytest.approx(1))
    assert steady
    flat = np.zeros_like(TILE)
    flat[0, 0, 0] = 0.01
    small, _ = before([STANDARD], flat, 255)
    assert small[0, 0, 0] == pytest.approx((0.01 - 0.01 / 16) * 4)


def test_constant_tiles_are_unsteady_in_front_of_a_standardisation_unless_they_are_zero() -> None:
    assert before([STANDARD], np.zeros_like(TILE), 255)[1]
    assert not before([STANDARD], np.full_like(TILE, 65535), 65535)[1]
    assert before([Operation("Scale")], np.full_like(TILE, 65535), 65535)[1]


def test_scores_behind() -> None:
    answer = np.array([[[[0.25]]]], np.float32)
    assert after([SIGMOID], answer).ravel().tolist() == [0.25, 0.75]
    logits = np.log(np.array([[[[1, 3]]]], np.float32))
    assert after([SOFTMAX], logits + 5000).ravel().tolist() == pytest.approx([0.25, 0.75], abs=1e-3)


def test_a_sigmoid_makes_the_probability_of_scores_of_any_size() -> None:
    scores = np.array([[[[-2000.0]], [[0.0]], [[np.log(3)]], [[2000.0]]]], np.float32)
    chain = [Operation("Sigmoid"), SIGMOID]
    assert after(chain, scores)[..., 0].ravel().tolist() == pytest.approx([0, 0.5, 0.75, 1])
    assert after(chain, scores)[..., 1].ravel().tolist() == pytest.approx([1, 0.5, 0.25, 0])
    assert doubt(chain, scores) is None


def test_doubts() -> None:
    sums = np.array([[[[0.25, 0.75]]]], np.float32)
    assert "already sum to one" in (doubt([SOFTMAX], sums) or "")
    assert doubt([SOFTMAX], sums * 7) is None
    assert "values from -3 to 0" in (doubt([SIGMOID], np.full((1, 1, 1, 1), -3.0)) or "")
    assert doubt([SIGMOID], sums[..., :1]) is None
    assert "already sum to one" in (doubt([SIGMOID, SOFTMAX], sums[..., :1]) or "")
    assert doubt([], sums) is None
