"""The most probable class of each pixel: the one place that says how ties are broken."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def most_probable(
    probabilities: NDArray[Any], values: NDArray[Any] | None = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The most probable class of each pixel, and its probability; of equal ones the first class.

    Args:
        probabilities: `(..., classes)`, of any real type. A NaN is never larger than another value,
            but the first class keeps a pixel where it is NaN.
        values: The label of each class, `(classes,)`; their numbers from 0 unless given.

    Returns:
        Labels, `(...)`, in the dtype of `values`, or in the smallest unsigned one that holds the
        number of every class; and probabilities, `(...)`, in their own dtype.
    """
    classes = probabilities.shape[-1]
    if values is None:
        values = np.arange(classes, dtype=np.min_scalar_type(classes - 1))
    # Class by class: much quicker than `argmax` over a last axis this short.
    best = probabilities[..., 0].copy()
    labels = np.full(best.shape, values[0])
    for channel in range(1, classes):
        candidate = probabilities[..., channel]
        better = candidate > best
        np.copyto(labels, values[channel], where=better)
        np.copyto(best, candidate, where=better)
    return labels, best


def lead(probabilities: NDArray[Any], labels: NDArray[Any], best: NDArray[Any]) -> NDArray[Any]:
    """How far the most probable class of each pixel is ahead of the next one.

    Args:
        probabilities: `(..., classes)`.
        labels: Numbers of the most probable classes from 0, `(...)`; see `most_probable`.
        best: Their probabilities, `(...)`.

    Returns:
        `(...)`; infinite where there is one class, NaN where a value is NaN.
    """
    second = np.full(best.shape, -np.inf, best.dtype)
    for channel in range(probabilities.shape[-1]):
        others = np.where(labels == channel, -np.inf, probabilities[..., channel])
        np.maximum(second, others, out=second)
    with np.errstate(invalid="ignore"):
        ahead: NDArray[Any] = best - second
    return ahead
