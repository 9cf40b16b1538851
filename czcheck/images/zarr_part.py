"""One plane of a Zarr store, for processes that write a part of it each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from czcheck.files import writing
from czcheck.images.chunks import Chunk, Chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray


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

        Args:
            part: The plane.

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
