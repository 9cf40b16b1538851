"""What operations around a network have to compute, by numpy: the check on what was attached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.metadata.processing import Operation

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUM_TOLERANCE = 1e-3
FLOAT32_STEP = 6e-8
STEADY = 1e-5
"""A standardised value that rounding of the mean alone can move by more is not steady."""


@dataclass(frozen=True, slots=True)
class Added:
    """What a build puts around a network.

    Attributes:
        before: Operations in front, the first one first.
        after: Operations behind, the first one first.
        maximum: Largest intensity of the pixel type, by which `Scale` divides.
    """

    before: tuple[Operation, ...] = ()
    after: tuple[Operation, ...] = ()
    maximum: float = 1


NOTHING = Added()


def before(
    operations: Sequence[Operation], pixels: NDArray[Any], maximum: float
) -> tuple[NDArray[Any], bool]:
    """What a network behind the operations is given.

    Args:
        operations: Operations in front, the first one first.
        pixels: A tile, (height, width, channels).
        maximum: Largest intensity of the pixel type, by which `Scale` divides.

    Returns:
        The tile behind them, float32; and whether it is steady. It is not where a tile all but
        constant is standardised: there rounding in float32 decides what comes out.
    """
    values: NDArray[Any] = pixels.astype(np.float64)
    steady = True
    for operation in operations:
        if operation.name == "RgbToBgr":
            values = values[..., ::-1]
        elif operation.name == "RgbaToBgra":
            values = np.concatenate([values[..., 2::-1], values[..., 3:]], axis=-1)
        elif operation.name == "PerImageStandardization":
            deviation = max(values.std(), 1 / np.sqrt(values.size))
            mean = values.mean()
            rounding = FLOAT32_STEP * float(np.abs(values).max(initial=0)) / deviation
            steady = steady and rounding <= STEADY
            values = (values - mean) / deviation
        elif operation.name == "Normalization":
            values = (values - np.array(operation.mean)) / np.array(operation.std)
        elif operation.factor is not None:
            values = values * operation.factor
        else:
            values = values / maximum
    return values.astype(np.float32), steady


def after(operations: Sequence[Operation], answer: NDArray[Any]) -> NDArray[Any]:
    """What comes out behind the operations.

    Args:
        operations: Operations behind the network, the first one first.
        answer: The network's own answer, (batch, height, width, channels).

    Returns:
        The answer behind them, float32.
    """
    values: NDArray[Any] = answer.astype(np.float64)
    for operation in operations:
        if operation.name == "Softmax":
            values = np.exp(values - values.max(axis=-1, keepdims=True))
            values = values / values.sum(axis=-1, keepdims=True)
        elif operation.name == "Sigmoid":
            values = (1 + np.tanh(values / 2)) / 2  # 1 / (1 + exp(-x)), which would overflow
        else:
            values = np.concatenate([values, 1 - values], axis=-1)
    return values.astype(np.float32)


def doubt(operations: Sequence[Operation], answer: NDArray[Any]) -> str | None:
    """What is odd about putting the operations behind an answer; None if nothing is.

    Args:
        operations: Operations behind the network, the first one first.
        answer: The network's own answer to a tile, (batch, height, width, channels).
    """
    values = answer
    for number, operation in enumerate(operations):
        lowest, highest = float(values.min(initial=0)), float(values.max(initial=0))
        if operation.name == "Softmax":
            sums = values.sum(axis=-1)
            if lowest >= 0 and np.abs(sums - 1).max(initial=0) <= SUM_TOLERANCE:
                return (
                    "Softmax was put behind scores that already sum to one; it makes them more "
                    "alike and changes no label: remove it unless that is meant"
                )
        elif operation.name != "Sigmoid" and (lowest < 0 or highest > 1):
            return (
                f"SigmoidToSoftmaxScores was put behind values from {lowest:.3g} to {highest:.3g};"
                " it takes probabilities, 0 to 1: put Sigmoid in front of it, or end the network "
                "with one"
            )
        values = after(operations[number : number + 1], values)
    return None
