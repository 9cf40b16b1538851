"""From probabilities to labels. Section 5 of the format, "Labels" and "Minimum Confidence"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.runtime.output_statistics import most_probable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PERCENT = 100


class Labeller:
    """Turns probabilities into labels.

    Attributes:
        dtype: dtype of the labels: uint8 where the label values fit, else uint16.
    """

    def __init__(self, label_values: Sequence[int], min_confidence: float = 0) -> None:
        """Prepare.

        Args:
            label_values: The label of each class, 1 to 65535.
            min_confidence: Percent, 0 to 100.
        """
        self.dtype: np.dtype[Any] = np.min_scalar_type(max(label_values))
        self._values = np.asarray(label_values, self.dtype)
        # In float32, as the probabilities are: 0.9 must not be below 90 %.
        self._least = np.float32(min_confidence / _PERCENT)

    def __call__(self, probabilities: NDArray[np.float32]) -> NDArray[Any]:
        """The label of each pixel.

        Args:
            probabilities: `(height, width, classes)`, finite.

        Returns:
            `(height, width)`: the label of the most probable class, the first of equals; 0 where
            its probability is below the minimum confidence.
        """
        labels, best = most_probable(probabilities, self._values)
        if self._least > 0:
            labels[best < self._least] = 0
        return labels


def confidence(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest probability of each pixel.

    Args:
        probabilities: `(height, width, classes)`.

    Returns:
        `(height, width)`, float32.
    """
    best: NDArray[np.float32] = probabilities.max(axis=-1)
    return best
