"""How far a change reaches in from each edge of a tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.network.reach import Edges

EDGES = ("top", "bottom", "left", "right")

# Fewest pixels between the parts that the other two edges reach.
_BAND = 4


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """How much an answer changes when something outside its edges, or along them, does.

    Attributes:
        values: Largest change of a probability at each pixel, `(height, width)`.
        ring: Pixels at the edges that were changed themselves.
        bound: At most so many pixels are reached at the top, bottom, left and right, the ring not
            counted; None where that is not known.
    """

    values: NDArray[Any]
    ring: int = 0
    bound: Edges | None = None

    @property
    def margins(self) -> Edges:
        """Pixels at each edge that what is done there may reach; at most to the middle."""
        height, width = self.values.shape
        most = (height, height, width, width)
        if self.bound is None:
            # Half of what there is may be reached: what is left serves to see how far from it.
            margins = [size * 3 // 8 for size in most]
        else:
            margins = [each + self.ring for each in self.bound]
        fits = [min(each, size // 2 - _BAND // 2) for each, size in zip(margins, most, strict=True)]
        return fits[0], fits[1], fits[2], fits[3]

    @property
    def far(self) -> float | None:
        """The largest change where no edge reaches; None where one reaches everywhere."""
        height, width = self.values.shape
        top, bottom, left, right = self.margins
        if self.bound is not None:
            reaches = [each + self.ring for each in self.bound]
            if reaches != [top, bottom, left, right]:
                return None
        middle = self.values[top : height - bottom, left : width - right]
        return float(middle.max()) if middle.size else None

    @property
    def middle(self) -> float:
        """The largest change in the middle quarter of the tile."""
        height, width = self.values.shape
        part = self.values[height // 4 : height - height // 4, width // 4 : width - width // 4]
        return float(part.max())

    @property
    def core(self) -> float:
        """The largest change in the 8 by 8 pixels that are farthest from the edges."""
        down, right = (size // 2 for size in self.values.shape)
        return float(self.values[down - 4 : down + 4, right - 4 : right + 4].max())

    def tails(self) -> tuple[NDArray[Any], ...]:
        """For each edge and distance, the largest change from there on to the middle.

        Distances count from the inner side of the ring: element 0 is the first pixel behind it.
        """
        top, bottom, left, right = self.margins
        height, width = self.values.shape
        upright, sideways = self.values[:, left : width - right], self.values[top : height - bottom]
        turned = (upright, upright[::-1], sideways.T, sideways.T[::-1])
        found = []
        for rows in turned:
            profile = rows.max(axis=1)[self.ring : rows.shape[0] // 2]
            found.append(np.maximum.accumulate(profile[::-1])[::-1])
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Settled:
    """Where a change has settled.

    Attributes:
        pixels: Distance from the edge from which on it stays within the tolerance.
        reached: Whether it does so before the middle of the tile; if not, `pixels` is how far was
            looked.
    """

    pixels: int
    reached: bool


def settled(tail: NDArray[Any], tolerance: float) -> Settled:
    """Where a change stays within a tolerance.

    Args:
        tail: As `Change.tails` gives it for one edge.
        tolerance: Largest change of a probability.
    """
    within = np.nonzero(tail <= tolerance)[0]
    if within.size:
        return Settled(int(within[0]), reached=True)
    return Settled(len(tail), reached=False)


def farthest(found: list[Settled]) -> int | None:
    """The distance that several measurements come to; None where it is beyond them.

    Each can only see too little: a change that it does not bring about.
    """
    if not found:
        return None
    most = max(found, key=lambda each: (each.pixels, not each.reached))
    return most.pixels if most.reached else None
