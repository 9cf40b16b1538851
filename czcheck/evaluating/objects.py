"""Objects: predicted ones compared with true ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_IOU = 0.5
"""Intersection over union from which a predicted object counts as a true one."""


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
