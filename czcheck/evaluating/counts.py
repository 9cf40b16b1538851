"""Counts of pixels by true class, predicted class and confidence: all figures follow from them.

Only these counts are stored of an image, so any number of images of any size can be counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNLABELLED = -1
"""Number of the true class where it is unknown; such pixels do not count."""

PERCENTS = 101
"""Whole percents of confidence, 0 to 100."""

BINS = 20
"""Bins of the reliability curve, each of 5 percents of confidence."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """How well one class is found. A figure without any pixel to count is None.

    Attributes:
        pixels: Pixels that truly are of the class.
        predicted: Pixels that the network assigns to it.
        iou: Intersection over union (Jaccard index), 0 to 1.
        dice: Dice coefficient (F1 of the pixels), 0 to 1.
        precision: Share of the predicted pixels that are right.
        recall: Share of the true pixels that are found.
    """

    pixels: int
    predicted: int
    iou: float | None
    dice: float | None
    precision: float | None
    recall: float | None


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Pixels of similar confidence.

    Attributes:
        low: Smallest confidence of the bin, 0 to 1.
        high: Largest confidence.
        pixels: Number of pixels.
        confidence: Their mean confidence; None without pixels.
        accuracy: Share of them whose class is right; None without pixels.
    """

    low: float
    high: float
    pixels: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class ThresholdFigures:
    """The effect of one minimum confidence.

    Attributes:
        percent: The minimum confidence; pixels below it lose their class.
        kept: Share of the pixels at or above the minimum confidence.
        accuracy: Share of these pixels whose class is right; None if there are none.
        iou: Intersection over union of each class, lost pixels counted as missed; None for a class
            that is neither there nor predicted.
    """

    percent: int
    kept: float
    accuracy: float | None
    iou: tuple[float | None, ...]


class PixelCounts:
    """Pixels by true class, predicted class and whole percent of confidence.

    Attributes:
        classes: Number of classes.
        joint: Counts, int64, `(classes, classes, 101)`: true class, predicted class, percent.
    """

    def __init__(self, classes: int) -> None:
        """Count nothing yet.

        Args:
            classes: Number of classes.
        """
        self.classes = classes
        self.joint: NDArray[np.int64] = np.zeros((classes, classes, PERCENTS), np.int64)
        self._sums = np.zeros(PERCENTS)
        # As the minimum confidence is compared: in the type of the outputs.
        self._edges = (np.arange(PERCENTS) / (PERCENTS - 1)).astype(np.float32)

    def add(
        self, truth: NDArray[Any], predicted: NDArray[Any], confidence: NDArray[Any]
    ) -> PixelCounts:
        """Count the pixels of an image, or of a part of one.

        Args:
            truth: Number of the true class, from 0, `(height, width)`; `UNLABELLED` where unknown.
            predicted: Number of the predicted class, from 0, of the same shape.
            confidence: Probability of the predicted class, float32, 0 to 1, of the same shape.

        Returns:
            The counts of this image alone.

        Raises:
            InputError: A confidence is not a number.
        """
        known = truth != UNLABELLED
        known_confidence = np.asarray(confidence, np.float32)[known]
        if not np.isfinite(known_confidence).all():
            raise InputError(
                "the network's output contains values that are not numbers; see czcheck verify"
            )
        # Rounding can make a probability a little more than 1.
        known_confidence = np.minimum(known_confidence, 1)
        percent = np.searchsorted(self._edges, known_confidence, side="right") - 1
        np.clip(percent, 0, PERCENTS - 1, out=percent)
        places = (truth[known].astype(np.int64) * self.classes + predicted[known]) * PERCENTS
        places += percent
        joint = np.bincount(places, minlength=self.joint.size).reshape(self.joint.shape)
        alone = PixelCounts(self.classes)
        alone.joint += joint
        alone._sums += np.bincount(percent, known_confidence, PERCENTS)
        self.merge(alone)
        return alone

    def merge(self, other: PixelCounts) -> None:
        """Add the counts of another object.

        Args:
            other: Counts of as many classes.
        """
        self.joint += other.joint
        self._sums += other._sums

    @property
    def pixels(self) -> int:
        """Number of pixels whose true class is known."""
        return int(self.joint.sum())

    def confusion(self, percent: int = 0) -> NDArray[np.int64]:
        """True class by predicted class.

        Args:
            percent: Minimum confidence; pixels below it are left out.

        Returns:
            Counts, int64, `(classes, classes)`.
        """
        confusion: NDArray[np.int64] = self.joint[..., percent:].sum(axis=-1)
        return confusion

    def accuracy(self, percent: int = 0) -> float | None:
        """Share of the pixels whose class is right; None where there is no pixel.

        Args:
            percent: Minimum confidence; pixels below it are left out.
        """
        confusion = self.confusion(percent)
        return _share(int(np.trace(confusion)), int(confusion.sum()))

    def class_figures(self, percent: int = 0) -> tuple[ClassFigures, ...]:
        """How well each class is found, in the order of the classes.

        Args:
            percent: Minimum confidence; pixels below it count as missed, and as predicted nothing.
        """
        confusion = self.confusion(percent)
        true = self.joint.sum(axis=(1, 2))
        predicted = confusion.sum(axis=0)
        figures = []
        for number in range(self.classes):
            right = int(confusion[number, number])
            there, assigned = int(true[number]), int(predicted[number])
            figures.append(
                ClassFigures(
                    pixels=there,
                    predicted=assigned,
                    iou=_share(right, there + assigned - right),
                    dice=_share(2 * right, there + assigned),
                    precision=_share(right, assigned),
                    recall=_share(right, there),
                )
            )
        return tuple(figures)

    def best_order(self) -> tuple[int, ...]:
        """The assignment of predicted to true classes under which most pixels are right.

        Returns:
            For each predicted class the number of the true class that it fits best, one to one;
            `(0, 1, ...)` where the classes are in order.
        """
        from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - slow, and not for all

        confusion = self.confusion()
        # Of equals the order as it is.
        favoured = confusion * (self.classes + 1) + np.eye(self.classes, dtype=np.int64)
        predicted, true = linear_sum_assignment(favoured.T, maximize=True)
        return tuple(int(true[number]) for number in np.argsort(predicted))

    def accuracy_in_order(self, order: tuple[int, ...]) -> float | None:
        """Share of the pixels that would be right if the classes were in another order.

        Args:
            order: For each predicted class the number of the true class that it stands for.
        """
        confusion = self.confusion()
        right = sum(int(confusion[true, predicted]) for predicted, true in enumerate(order))
        return _share(right, int(confusion.sum()))

    def reliability(self) -> tuple[ReliabilityBin, ...]:
        """Confidence against accuracy, in bins of 5 percents."""
        pixels, right, sums = self._binned()
        return tuple(
            ReliabilityBin(
                low=number / BINS,
                high=(number + 1) / BINS,
                pixels=int(pixels[number]),
                confidence=_share(float(sums[number]), int(pixels[number])),
                accuracy=_share(int(right[number]), int(pixels[number])),
            )
            for number in range(BINS)
        )

    def calibration_error(self) -> float | None:
        """Expected calibration error: the mean distance of confidence and accuracy, 0 to 1."""
        pixels, right, sums = self._binned()
        return _share(float(np.abs(right - sums).sum()), int(pixels.sum()))

    def _binned(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Pixels, right pixels and sums of confidence in each bin."""
        by_percent = self.joint.sum(axis=(0, 1))
        right = np.trace(self.joint)
        bins = np.minimum(np.arange(PERCENTS) * BINS // (PERCENTS - 1), BINS - 1)
        pixels, correct, sums = (
            np.bincount(bins, values, BINS) for values in (by_percent, right, self._sums)
        )
        return pixels, correct, sums

    def thresholds(self) -> tuple[ThresholdFigures, ...]:
        """The effect of each minimum confidence from 0 to 100 percent."""
        total = self.pixels
        return tuple(
            ThresholdFigures(
                percent=percent,
                kept=_share(int(self.confusion(percent).sum()), total) or 0.0,
                accuracy=self.accuracy(percent),
                iou=tuple(each.iou for each in self.class_figures(percent)),
            )
            for percent in range(PERCENTS)
        )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
