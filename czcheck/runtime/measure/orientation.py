"""Which way an answer lies: found from how it moves when the content of its tile moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

UPRIGHT = "upright"
MIRRORED = "mirrored top to bottom"
STILL = "still"
# For a move of the content by (down, right): the signs of the answer's move, and whether rows and
# columns have changed places. Each turn and mirror image of a square has its own.
_WAYS = {
    UPRIGHT: (1, 1, False),
    MIRRORED: (-1, 1, False),
    "mirrored left to right": (1, -1, False),
    "turned by 180 degrees": (-1, -1, False),
    "transposed (rows and columns have changed places)": (1, 1, True),
    "turned by 90 degrees to the right": (1, -1, True),
    "turned by 90 degrees to the left": (-1, 1, True),
    "transposed along the other diagonal": (-1, -1, True),
    STILL: (0, 0, False),
}
# The other way has to explain the moved answer so much better than the right one.
_BETTER = 0.5
# Mean difference of a probability below which the answer hardly moved at all.
_LEAST = 1e-3
_SMALLEST_TILE = 16
_SAMPLES = 256


@dataclass(frozen=True, slots=True)
class Orientation:
    """How an answer follows its tile.

    Attributes:
        way: `upright`, as it should be; the turn or mirror image that explains its move; or `still`
            where the answer does not follow the tile at all.
        error: Mean difference of a probability that is left once the answer is moved that way.
    """

    way: str
    error: float

    @property
    def wrong(self) -> bool:
        """Whether the answer is turned or mirrored."""
        return self.way not in (UPRIGHT, STILL)


def move_of(height: int, width: int) -> tuple[int, int] | None:
    """How far to move the content of a tile: down and right, in pixels.

    The two differ from each other and from their opposites, so that no two ways look alike, and are
    multiples of a network's stride for every usual tile.

    Args:
        height: Height of the tile in pixels.
        width: Width in pixels.

    Returns:
        The move; None for a tile that is too small.
    """
    if min(height, width) < _SMALLEST_TILE:
        return None
    return height // 4, width // 8


def moved(pixels: NDArray[Any], move: tuple[int, int]) -> NDArray[Any]:
    """A tile with its content moved; what leaves it on one side comes in on the other.

    Args:
        pixels: `(height, width, channels)`.
        move: See `move_of`. Since no pixel is lost, all statistics of the tile stay.
    """
    return np.roll(pixels, move, (0, 1))


def orientation_of(
    answer: NDArray[Any], moved_answer: NDArray[Any], move: tuple[int, int]
) -> Orientation | None:
    """Find the way in which an answer follows its tile.

    Args:
        answer: The answer to a tile, `(height, width, classes)`.
        moved_answer: The answer to the same tile with its content moved.
        move: The move.

    Returns:
        The way; None where the answer is too much the same everywhere to tell.
    """
    if answer.shape != moved_answer.shape:
        return None
    height, width, classes = answer.shape
    channel = max(range(classes), key=lambda each: float(answer[..., each].std()))
    before, after = answer[..., channel], moved_answer[..., channel]
    rows = np.arange(0, height, -(-height // _SAMPLES))
    columns = np.arange(0, width, -(-width // _SAMPLES))
    seen = after[np.ix_(rows, columns)]
    errors = {}
    for way, (down, right, transposed) in _WAYS.items():
        if transposed and height != width:
            continue
        along = (
            (move[1] * down, move[0] * right) if transposed else (move[0] * down, move[1] * right)
        )
        expected = before[np.ix_((rows - along[0]) % height, (columns - along[1]) % width)]
        errors[way] = float(np.abs(seen - expected).mean())
    upright = errors[UPRIGHT]
    # Of equals the first is taken: upright wins where nothing is better.
    best = min(errors, key=lambda way: errors[way])
    if min(errors[way] for way in errors if way != UPRIGHT) < _LEAST and upright < _LEAST:
        return None
    if errors[best] <= _BETTER * upright and upright >= _LEAST:
        return Orientation(best, errors[best])
    return Orientation(UPRIGHT, upright)
