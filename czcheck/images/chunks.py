"""Blocks of any size put together to chunks, so that each chunk is written once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from czcheck.limits import MIB

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Rows of chunks that the blocks have not passed yet; beyond this, chunks are written in parts.
MOST_BYTES = 32 * MIB


class ChunkPlace(NamedTuple):
    """A chunk of a plane, over all channels.

    Attributes:
        plane: What tells the plane from others.
        rows: Its rows in the plane.
        columns: Its columns.
    """

    plane: tuple[int, int, int]
    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def area(self) -> int:
        """Number of its pixels."""
        return (self.rows[1] - self.rows[0]) * (self.columns[1] - self.columns[0])


@dataclass(slots=True, eq=False)
class Chunk:
    """A chunk that is filled.

    Attributes:
        place: Where it lies.
        pixels: `(height, width, channels)`.
        filled: Parts that blocks have filled, in the chunk.
        blocks: The blocks.
    """

    place: ChunkPlace
    pixels: NDArray[Any]
    filled: list[tuple[slice, slice]] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)
    area: int = 0

    @property
    def complete(self) -> bool:
        """Whether blocks have filled all of it."""
        return self.area == self.place.area


class Chunks:
    """The chunks that are being filled. Blocks must not overlap."""

    def __init__(self, write: Callable[[Chunk], None], done: Callable[[str], None]) -> None:
        """Begin with none.

        Args:
            write: Writes a chunk, of which parts may not be filled.
            done: Told each block that is written.
        """
        self._write, self._done = write, done
        self._chunks: OrderedDict[ChunkPlace, Chunk] = OrderedDict()
        self._waiting: dict[str, int] = {}
        self._bytes = 0

    def add(
        self,
        block: NDArray[Any],
        plane: tuple[tuple[int, int, int], int, int],
        place: tuple[int, int],
        grid: tuple[int, int],
        key: str,
    ) -> None:
        """Add a block, and write the chunks that it completes.

        Args:
            block: `(height, width, channels)`.
            plane: What tells the plane from others, its height and its width.
            place: First row and first column of the block.
            grid: (height, width) of chunks.
            key: What tells the block from others.
        """
        name, height, width = plane
        (top, left), complete = place, []
        for rows, down in _pieces(top, block.shape[0], grid[0], height):
            for columns, across in _pieces(left, block.shape[1], grid[1], width):
                chunk = self._chunk(ChunkPlace(name, rows, columns), block)
                part = block[down, across]
                start, side = top + down.start - rows[0], left + across.start - columns[0]
                inside = (slice(start, start + part.shape[0]), slice(side, side + part.shape[1]))
                chunk.pixels[inside] = part
                chunk.filled.append(inside)
                chunk.blocks.append(key)
                chunk.area += part.shape[0] * part.shape[1]
                self._waiting[key] = self._waiting.get(key, 0) + 1
                if chunk.complete:
                    complete.append(chunk)
        for chunk in complete:
            self._flush(chunk)
        while self._bytes > MOST_BYTES:
            self._flush(next(iter(self._chunks.values())))

    def flush(self) -> None:
        """Write all chunks, also those that are not complete."""
        while self._chunks:
            self._flush(next(iter(self._chunks.values())))

    def _chunk(self, place: ChunkPlace, like: NDArray[Any]) -> Chunk:
        if place not in self._chunks:
            size = place.rows[1] - place.rows[0], place.columns[1] - place.columns[0]
            self._chunks[place] = Chunk(place, np.zeros((*size, like.shape[-1]), like.dtype))
            self._bytes += self._chunks[place].pixels.nbytes
        return self._chunks[place]

    def _flush(self, chunk: Chunk) -> None:
        self._write(chunk)
        del self._chunks[chunk.place]
        self._bytes -= chunk.pixels.nbytes
        for key in chunk.blocks:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
                self._done(key)


def _pieces(
    first: int, length: int, chunk: int, end: int
) -> Iterator[tuple[tuple[int, int], slice]]:
    """A span cut where chunks end: the chunk of each piece, and the piece in the block."""
    start = first
    while start < first + length:
        begin = start // chunk * chunk
        stop = min(begin + chunk, end)
        last = min(stop, first + length)
        yield (begin, stop), slice(start - first, last - first)
        start = last
