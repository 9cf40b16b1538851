"""Regions put together from the parts in which a file holds its planes: tiles, strips, chunks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.images.image import Region
from czcheck.limits import MIB

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Holds a row of strips or chunks while a network's tiles go along it.
CACHE_BYTES = 64 * MIB


class PartCache:
    """The parts decoded last, up to a number of bytes but one at least; safe among threads."""

    def __init__(self, most: int) -> None:
        """Begin with nothing.

        Args:
            most: Bytes that are kept.
        """
        self._most, self._bytes = most, 0
        self._parts: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, load: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """A part, decoded unless it is kept.

        Args:
            key: What tells the part from others.
            load: Decodes it.
        """
        with self._lock:
            if key in self._parts:
                self._parts.move_to_end(key)
                return self._parts[key]
        part = load()
        with self._lock:
            if key not in self._parts:
                self._parts[key] = part
                self._bytes += part.nbytes
            while self._bytes > self._most and len(self._parts) > 1:
                _, dropped = self._parts.popitem(last=False)
                self._bytes -= dropped.nbytes
        return part


def assemble(
    region: Region,
    part: tuple[int, int],
    like: tuple[int, np.dtype[Any]],
    load: Callable[[int, int], NDArray[Any]],
) -> NDArray[Any]:
    """A region of a plane that is held in a grid of parts.

    Args:
        region: The region.
        part: (height, width) of a part; the last ones may be smaller.
        like: (samples, dtype) of the result.
        load: Gives the part of a row and a column of the grid, `(height, width, samples)`.

    Returns:
        `(height, width, samples)`, an array of its own.
    """
    samples, dtype = like
    high, wide = part
    bottom, right = region.top + region.height, region.left + region.width
    result = np.empty((region.height, region.width, samples), dtype)
    for row in range(region.top // high, -(-bottom // high)):
        for column in range(region.left // wide, -(-right // wide)):
            top, left = max(region.top, row * high), max(region.left, column * wide)
            end, side = min(bottom, (row + 1) * high), min(right, (column + 1) * wide)
            pixels = load(row, column)
            result[top - region.top : end - region.top, left - region.left : side - region.left] = (
                pixels[
                    top - row * high : end - row * high, left - column * wide : side - column * wide
                ]
            )
    return result
