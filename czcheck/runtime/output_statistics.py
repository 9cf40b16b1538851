"""What an output shows: its labels and its statistics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from czcheck.runtime.outputs import Output

if TYPE_CHECKING:
    from czcheck.test_tiles.patterns import Tile


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


_AXES = 4


@dataclass(frozen=True, slots=True)
class Pixel:
    """A value and where it stands.

    Attributes:
        value: The value.
        row: Row from the top, from 0.
        column: Column from the left, from 0.
        channel: Output channel, from 0; None where the value is one of all channels.
    """

    value: float
    row: int
    column: int
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the values of one answer are like.

    Attributes:
        non_finite: How many values are NaN or infinite.
        first_non_finite: The first of them in reading order.
        minimum: The smallest finite value; None if there is none.
        maximum: The largest finite value; None if there is none.
        worst_sum: The sum over classes that is farthest from 1; None where a value is not finite.
        classes_won: For each class the number of pixels where it is the most probable one; the
            first of equals wins.
    """

    non_finite: int
    first_non_finite: Pixel | None
    minimum: Pixel | None
    maximum: Pixel | None
    worst_sum: Pixel | None
    classes_won: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TileOutput:
    """What the network answered to one tile.

    Attributes:
        tile: Name of the tile.
        natural: Whether the tile looks like a microscope's image.
        expected: The shape that the format asks for, `(1, height, width, classes)`.
        shape: The shape that came.
        dtype: Type of the values, by numpy's name.
        seconds: Wall-clock seconds that it took.
        statistics: What the values are like; None where the answer is no batch of one image.
    """

    tile: str
    natural: bool
    expected: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: str
    seconds: float
    statistics: Statistics | None

    @property
    def sound(self) -> bool:
        """Whether there is one finite value for each class and pixel."""
        values = self.statistics
        return self.shape == self.expected and values is not None and values.non_finite == 0


def summarise(tile: Tile, answer: Output, classes: int) -> TileOutput:
    """Measure an answer.

    Args:
        tile: The tile that was asked.
        answer: What came.
        classes: Number of classes in the metadata.

    Returns:
        The measurements.
    """
    height, width = tile.pixels.shape[:2]
    return TileOutput(
        tile=tile.name,
        natural=tile.natural,
        expected=(1, height, width, classes),
        shape=answer.shape,
        dtype=answer.dtype,
        seconds=answer.seconds,
        statistics=None if answer.array is None else statistics_of(answer.array),
    )


def statistics_of(answer: NDArray[Any]) -> Statistics | None:
    """Measure values, in few passes: an answer may have a hundred million of them.

    Args:
        answer: Probabilities, `(1, height, width, classes)`, of any type.

    Returns:
        The measurements; None where the array is no batch of one image, or is complex.
    """
    import numpy as np  # noqa: PLC0415

    if answer.ndim != _AXES or answer.shape[0] != 1 or answer.size == 0:
        return None
    if answer.dtype.kind == "c":
        return None
    image = answer[0]
    if image.dtype.kind != "f" or image.dtype.itemsize < 4:
        image = image.astype(np.float32)

    def pixel(values: NDArray[Any], index: Any) -> Pixel:
        place = [int(axis) for axis in np.unravel_index(int(index), values.shape)]
        return Pixel(float(values[tuple(place)]), *place)

    # NaN is the smallest and the largest of all to argmin and argmax.
    lowest, highest = pixel(image, image.argmin()), pixel(image, image.argmax())
    if not (math.isfinite(lowest.value) and math.isfinite(highest.value)):
        finite = np.isfinite(image)
        minimum = maximum = None
        if finite.any():
            minimum = pixel(image, np.where(finite, image, np.inf).argmin())
            maximum = pixel(image, np.where(finite, image, -np.inf).argmax())
        return Statistics(
            non_finite=image.size - int(np.count_nonzero(finite)),
            first_non_finite=pixel(image, finite.argmin()),
            minimum=minimum,
            maximum=maximum,
            worst_sum=None,
            classes_won=_classes_won(image),
        )
    # Class by class: numpy is slow over a last axis of two or three.
    with np.errstate(over="ignore"):
        sums = image[..., 0].copy()
        for channel in range(1, image.shape[-1]):
            sums += image[..., channel]
        distance = np.abs(sums - 1)
    return Statistics(
        non_finite=0,
        first_non_finite=None,
        minimum=lowest,
        maximum=highest,
        worst_sum=pixel(sums, distance.argmax()),
        classes_won=_classes_won(image),
    )


def labels_of(image: NDArray[Any]) -> NDArray[Any]:
    """The number of the most probable class at each pixel, from 0; the first of equals.

    Args:
        image: Probabilities, `(height, width, classes)`, none of them NaN.
    """
    import numpy as np  # noqa: PLC0415

    # Class by class, as above.
    classes = image.shape[-1]
    best = image[..., 0].copy()
    winner = np.zeros(best.shape, np.min_scalar_type(classes - 1))
    for channel in range(1, classes):
        values = image[..., channel]
        better = values > best
        winner[better] = channel
        if channel < classes - 1:
            np.copyto(best, values, where=better)
    return winner


def _classes_won(image: NDArray[Any]) -> tuple[int, ...]:
    import numpy as np  # noqa: PLC0415

    winner = labels_of(image)
    won = [int(np.count_nonzero(winner == channel)) for channel in range(1, image.shape[-1])]
    return (winner.size - sum(won), *won)
