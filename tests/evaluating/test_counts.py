"""Figures from counts, held against scikit-learn's on the same pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import metrics

from czcheck.errors import InputError
from czcheck.figures import UNLABELLED, PixelCounts

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSES = 3


@pytest.fixture(scope="module")
def pixels() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Truth with gaps, answers that are right three times out of four, confidence."""
    rng = np.random.default_rng(5)
    truth = rng.integers(-1, CLASSES, (60, 70))
    wrong = rng.random(truth.shape) < 0.25
    predicted = np.where(wrong | (truth < 0), rng.integers(0, CLASSES, truth.shape), truth)
    confidence = rng.uniform(1 / CLASSES, 1, truth.shape).astype(np.float32)
    return truth, predicted, confidence


@pytest.fixture(scope="module")
def counts(pixels: tuple[NDArray[Any], NDArray[Any], NDArray[Any]]) -> PixelCounts:
    counted = PixelCounts(CLASSES)
    truth, predicted, confidence = pixels
    for rows in (slice(0, 23), slice(23, 60)):
        counted.add(truth[rows], predicted[rows], confidence[rows])
    return counted


def test_figures_are_scikit_learn_s(
    counts: PixelCounts, pixels: tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
) -> None:
    truth, predicted, _ = pixels
    known = truth != UNLABELLED
    true, said = truth[known], predicted[known]
    figures = counts.class_figures()
    labels = list(range(CLASSES))
    assert counts.pixels == known.sum()
    assert counts.confusion().tolist() == metrics.confusion_matrix(true, said).tolist()
    assert counts.accuracy() == pytest.approx(metrics.accuracy_score(true, said))
    for name, values in (
        ("iou", metrics.jaccard_score(true, said, average=None, labels=labels)),
        ("dice", metrics.f1_score(true, said, average=None, labels=labels)),
        ("precision", metrics.precision_score(true, said, average=None, labels=labels)),
        ("recall", metrics.recall_score(true, said, average=None, labels=labels)),
    ):
        assert [getattr(each, name) for each in figures] == pytest.approx(values.tolist())


@pytest.mark.parametrize("percent", [0, 34, 50, 75, 100])
def test_a_minimum_confidence_takes_pixels_from_their_class(
    counts: PixelCounts,
    pixels: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    percent: int,
) -> None:
    truth, predicted, confidence = pixels
    known = truth != UNLABELLED
    true = truth[known]
    kept = confidence[known] >= np.float32(percent) / np.float32(100)
    said = np.where(kept, predicted[known], CLASSES)
    at = counts.thresholds()[percent]
    assert at.kept == pytest.approx(kept.mean())
    values = metrics.jaccard_score(
        true, said, average=None, labels=list(range(CLASSES)), zero_division=0
    )
    assert at.iou == pytest.approx(values.tolist())
    if kept.any():
        assert at.accuracy == pytest.approx((true == said)[kept].mean())
    else:
        assert at.accuracy is None


def test_reliability_of_a_calibrated_network() -> None:
    rng = np.random.default_rng(3)
    confidence = rng.uniform(0.5, 1, (400, 500)).astype(np.float32)
    right = rng.random(confidence.shape) < confidence
    counted = PixelCounts(2)
    counted.add(np.zeros(right.shape, int), np.where(right, 0, 1), confidence)
    error = counted.calibration_error()
    assert error is not None
    assert error < 0.01
    filled = [each for each in counted.reliability() if each.pixels]
    assert [each.low for each in filled] == pytest.approx([0.5 + 0.05 * n for n in range(10)])
    for each in filled:
        assert each.confidence is not None
        assert each.low <= each.confidence <= each.high
        assert each.accuracy == pytest.approx(each.confidence, abs=0.02)


def test_a_network_that_is_sure_and_wrong_half_the_time() -> None:
    counted = PixelCounts(2)
    truth = np.arange(1000).reshape(10, 100) % 2
    counted.add(truth, np.zeros_like(truth), np.full(truth.shape, 1, np.float32))
    assert counted.calibration_error() == pytest.approx(0.5)
    assert counted.reliability()[-1].pixels == 1000


def test_exchanged_classes_are_recognised() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, (40, 40))
    predicted = np.array([2, 0, 1])[truth]  # what is 0 is said to be 2, and so on
    predicted[:4] = 1
    counted = PixelCounts(3)
    counted.add(truth, predicted, np.ones(truth.shape, np.float32))
    order = counted.best_order()
    assert order == (1, 2, 0)
    share = counted.accuracy_in_order(order)
    assert share is not None
    assert share > 0.9


def test_the_order_as_it_is_where_nothing_is_better() -> None:
    counted = PixelCounts(3)
    truth = np.zeros((5, 5), int)
    counted.add(truth, truth + 1, np.ones(truth.shape, np.float32))
    counted.add(truth + 1, truth + 1, np.ones(truth.shape, np.float32))
    assert counted.best_order() == (0, 1, 2)


def test_nothing_labelled() -> None:
    counted = PixelCounts(2)
    counted.add(np.full((3, 3), UNLABELLED), np.zeros((3, 3), int), np.ones((3, 3), np.float32))
    assert counted.pixels == 0
    assert counted.accuracy() is None
    assert counted.calibration_error() is None
    assert all(each.iou is None for each in counted.class_figures())


def test_confidence_that_is_not_a_number() -> None:
    confidence = np.ones((2, 2), np.float32)
    confidence[1, 1] = np.nan
    with pytest.raises(InputError, match="values that are not numbers"):
        PixelCounts(2).add(np.zeros((2, 2), int), np.zeros((2, 2), int), confidence)
