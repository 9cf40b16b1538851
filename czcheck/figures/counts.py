"""Counts of pixels by true class, predicted class and confidence, and of objects.

All figures follow from them. Only these counts are stored of an image, so any number of images of
any size can be counted.
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
LEAST_IOU = 0.5
"""Intersection over union from which a predicted object counts as a true one."""


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
        """Count nothing yet."""
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
        """Add the counts of another object."""
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


@dataclass(frozen=True, slots=True)
class ObjectFigures:
    """How many objects are found.

    Attributes:
        true: Objects in the masks.
        predicted: Objects in the predictions.
        matched: Pairs of a true and a predicted object with an intersection over union of at least
            0.5, each in one pair at most.
    """

    true: int = 0
    predicted: int = 0
    matched: int = 0

    def __add__(self, other: ObjectFigures) -> ObjectFigures:
        return ObjectFigures(
            self.true + other.true,
            self.predicted + other.predicted,
            self.matched + other.matched,
        )

    @property
    def precision(self) -> float | None:
        """Share of the predicted objects that are right; None without any."""
        return self.matched / self.predicted if self.predicted else None

    @property
    def recall(self) -> float | None:
        """Share of the true objects that are found; None without any."""
        return self.matched / self.true if self.true else None

    @property
    def f1(self) -> float | None:
        """F1 of the objects, 0 to 1; None where there are neither true nor predicted ones."""
        both = self.true + self.predicted
        return 2 * self.matched / both if both else None


def match(true: NDArray[Any], predicted: NDArray[Any]) -> ObjectFigures:
    """Pair predicted objects with true ones.

    Args:
        true: Number of the true object at each pixel, `(height, width)`, 0 for none.
        predicted: Number of the predicted object, of the same shape, 0 for none.

    Returns:
        How many there are, and how many pairs: as many as can be made.
    """
    from scipy.sparse.csgraph import maximum_bipartite_matching  # noqa: PLC0415 - slow
    from skimage.metrics import contingency_table  # noqa: PLC0415 - slow
    from skimage.segmentation import relabel_sequential  # noqa: PLC0415 - slow

    true, predicted = (relabel_sequential(each)[0] for each in (true, predicted))
    counts = (int(true.max(initial=0)), int(predicted.max(initial=0)))
    if 0 in counts:
        return ObjectFigures(*counts, 0)
    shared = contingency_table(true, predicted, sparse_type="array").tocsr()
    sizes = [np.asarray(shared.sum(axis=axis)).ravel() for axis in (1, 0)]
    both = shared[1:, 1:].tocoo()
    union = sizes[0][1:][both.row] + sizes[1][1:][both.col] - both.data
    both.data = (both.data >= LEAST_IOU * union).astype(np.int8)
    pairs = both.tocsr()
    pairs.eliminate_zeros()
    partners = maximum_bipartite_matching(pairs, perm_type="column")
    return ObjectFigures(*counts, int(np.count_nonzero(partners >= 0)))
