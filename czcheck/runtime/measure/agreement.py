"""How far two answers to what should be one question agree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.runtime.output_statistics import most_probable

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two answers, compared.

    Attributes:
        pixels: Pixels of the first answer.
        labels_equal: Pixels with the same most probable class in both.
        difference: Largest difference of a probability, 0 where the answers are bit-identical;
            infinite where shapes differ or one of the two is not a number.
        won: For each class the number of pixels of the second answer where it is the most probable
            one.
    """

    pixels: int
    labels_equal: int
    difference: float
    won: tuple[int, ...]

    @property
    def share(self) -> float:
        """Part of the pixels with equal labels, 0..1."""
        return self.labels_equal / self.pixels

    def to_json(self) -> dict[str, Any]:
        """Plain data, as the report holds it."""
        finite = math.isfinite(self.difference)
        return {"labels": self.share, "difference": self.difference if finite else None}


def agreement_of(first: NDArray[Any], second: NDArray[Any]) -> Agreement:
    """Compare two answers.

    Args:
        first: Probabilities, `(height, width, classes)`.
        second: What it is held against.

    Returns:
        How far they agree.
    """
    pixels = first[..., 0].size
    if first.shape != second.shape:
        return Agreement(pixels, 0, math.inf, ())
    largest = 0.0
    for channel in range(first.shape[-1]):
        with np.errstate(invalid="ignore", over="ignore"):
            apart = np.abs(first[..., channel] - second[..., channel])
        largest = max(largest, float(apart.max()))
        if not math.isfinite(largest) or np.isnan(apart).any():
            return Agreement(pixels, 0, math.inf, ())
    labels, _ = most_probable(second)
    won = np.bincount(labels.ravel(), minlength=first.shape[-1])
    equal = int(np.count_nonzero(most_probable(first)[0] == labels))
    return Agreement(pixels, equal, largest, tuple(int(count) for count in won))
