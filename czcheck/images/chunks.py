"""Blocks of any size put together to chunks, so that each chunk is written once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from czcheck.files import writing
from czcheck.limits import MIB

if TYPE_CHECKING:
    from numpy.typing import NDArray


# Rows of chunks that the blocks have not passed yet; beyond this, chunks are written in parts.
MOST_BYTES = 32 * MIB


class ChunkPlace(NamedTuple):
    """A chunk of a plane, over all channels.

    Attributes:
        plane: Identifies the plane.
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
            done: Called with the key of each block that is written.
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
            plane: What identifies the plane, its height and its width.
            place: First row and first column of the block.
            grid: (height, width) of chunks.
            key: Identifies the block.
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


@dataclass(frozen=True, slots=True)
class ZarrPart:
    """Where one plane lies in a store. Plain values, which can be sent to another machine.

    Attributes:
        path: The store's name, for messages.
        place: Where the store is until it is finished: an absolute path, or a URL.
        array: The array in it.
        time: Number of the point in time in the array.
        z: Number of the section in the array.
        height: Rows of the plane.
        width: Columns of the plane.
        grid: (height, width) of chunks.
    """

    path: str
    place: str
    array: str
    time: int
    z: int
    height: int
    width: int
    grid: tuple[int, int]


class PartWriter:
    """Writes chunks of one plane that nobody else writes."""

    def __init__(self, part: ZarrPart) -> None:
        """Open the store.

        Raises:
            IncompleteError: The store is not to be found from here, or cannot be opened.
        """
        import zarr  # noqa: PLC0415

        self._part = part
        with writing(part.path):
            self._array: Any = zarr.open_group(part.place, mode="r+", zarr_format=2)[part.array]
        self._chunks = Chunks(self._write, lambda _: None)

    def write(self, top: int, left: int, pixels: NDArray[Any]) -> None:
        """Write a block; blocks must not overlap.

        Args:
            top: First row.
            left: First column.
            pixels: `(height, width)` or `(height, width, channels)`.

        Raises:
            IncompleteError: The disk is full, or cannot be written.
        """
        block = pixels.reshape(*pixels.shape[:2], -1).astype(self._array.dtype, copy=False)
        part = self._part
        with writing(part.path):
            self._chunks.add(
                block, ((0, 0, 0), part.height, part.width), (top, left), part.grid, ""
            )

    def flush(self) -> None:
        """Write what is left.

        Raises:
            IncompleteError: The disk is full, or cannot be written.
        """
        with writing(self._part.path):
            self._chunks.flush()

    def _write(self, chunk: Chunk) -> None:
        write_chunk(self._array, self._part.time, self._part.z, chunk)


def write_chunk(array: Any, time: int, z: int, chunk: Chunk) -> None:
    """Write a chunk; over what is there already if blocks have not filled all of it.

    Args:
        array: The array: t, c, z, y, x.
        time: Number of the point in time in it.
        z: Number of the section.
        chunk: The chunk.
    """
    rows, columns = slice(*chunk.place.rows), slice(*chunk.place.columns)
    # One after the other: where zarr writes several at once and one fails, it forgets the rest.
    for channel in range(chunk.pixels.shape[-1]):
        pixels = chunk.pixels[..., channel]
        if not chunk.complete:
            there = array[time, channel, z, rows, columns]
            for part in chunk.filled:
                there[part] = pixels[part]
            pixels = there
        array[time, channel, z, rows, columns] = pixels
