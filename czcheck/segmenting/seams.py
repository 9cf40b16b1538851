"""Where tiles meet: do labels change there when the tiles are laid elsewhere?

The plane is segmented twice, the second time with tiles in whose middle the first ones meet. A
label that differs depends on where a tile's edge was.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from czcheck.errors import IncompleteError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.segmenting.layout import Layout
    from czcheck.segmenting.planes import Block


@dataclass(frozen=True, slots=True)
class Seam:
    """One line along which tiles meet.

    Attributes:
        axis: Whether it is a row or a column of the image.
        at: Its first pixel that is taken from the tile behind it.
        changed: Share of the labels near it that change, 0..1.
    """

    axis: Literal["row", "column"]
    at: int
    changed: float


@dataclass(frozen=True, slots=True)
class Seams:
    """The labels that change when the tiles of a plane begin elsewhere.

    Attributes:
        seams: All seams, rows first.
        near: Share of the labels within `NEAR` pixels of any seam that change, 0..1.
        elsewhere: Share of the other labels that change.
        pixels: Number of labels that change.
        NEAR: Pixels on each side of a seam that count as near it.
    """

    NEAR: ClassVar[int] = 8

    seams: tuple[Seam, ...]
    near: float
    elsewhere: float
    pixels: int

    @property
    def seen(self) -> tuple[Seam, ...]:
        """Seams at which labels change more often than elsewhere; most first."""
        found = [seam for seam in self.seams if seam.changed > max(2 * self.elsewhere, 0)]
        return tuple(sorted(found, key=lambda seam: -seam.changed))


class LabelFile:
    """A plane's labels in an unnamed file, since they may not fit into memory. A `Sink`."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        """Make the file.

        Args:
            shape: (height, width) of the plane.
            dtype: dtype of the labels.

        Raises:
            IncompleteError: It cannot be made.
        """
        self._width, self._dtype = shape[1], dtype
        with _seam_errors():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`

    def take(self, block: Block) -> None:
        """Write one block.

        Raises:
            IncompleteError: The disk is full.
        """
        with _seam_errors():
            for number, row in enumerate(block.labels):
                place = (block.top + number) * self._width + block.left
                self._file.seek(place * self._dtype.itemsize)
                self._file.write(row.tobytes())

    def read(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Read a region."""
        region = np.empty((rows.stop - rows.start, columns.stop - columns.start), self._dtype)
        with _seam_errors():
            for number, row in enumerate(region):
                place = (rows.start + number) * self._width + columns.start
                self._file.seek(place * self._dtype.itemsize)
                self._file.readinto(row.data)
        return region

    def close(self) -> None:
        """Remove the file."""
        self._file.close()


@contextmanager
def _seam_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise IncompleteError(
            f"{tempfile.gettempdir()}: labels cannot be stored there to compare seams: "
            f"{error.strerror or os.strerror(error.errno or 0)}"
        ) from error


class SeamMeter:
    """Takes the second segmentation of a plane and counts labels that have changed. A `Sink`."""

    def __init__(self, layout: Layout, first: LabelFile) -> None:
        """Compare nothing yet.

        Args:
            layout: The tiles of the first segmentation.
            first: Its labels.
        """
        self._first = first
        self._places = layout.seams
        self._changed = [np.zeros(len(places), np.int64) for places in self._places]
        self._all = [np.zeros(len(places), np.int64) for places in self._places]
        # Changed and all labels: near any seam, elsewhere.
        self._totals = np.zeros((2, 2), np.int64)

    def take(self, block: Block) -> None:
        """Compare one block."""
        rows, columns = block.place.used
        changed = block.labels != self._first.read(rows, columns)
        near = np.zeros(changed.shape, bool)
        for axis, (places, span) in enumerate(zip(self._places, (rows, columns), strict=True)):
            along = np.moveaxis(changed, axis, 0)
            band = np.moveaxis(near, axis, 0)
            for number, place in enumerate(places):
                first = max(0, place - Seams.NEAR - span.start)
                end = min(len(along), place + Seams.NEAR - span.start)
                if first < end:
                    self._changed[axis][number] += np.count_nonzero(along[first:end])
                    self._all[axis][number] += along[first:end].size
                    band[first:end] = True
        count, all_near = np.count_nonzero(changed), np.count_nonzero(near)
        at_seams = np.count_nonzero(changed & near)
        self._totals += [[at_seams, all_near], [count - at_seams, near.size - all_near]]

    def seams(self) -> Seams:
        """The seams, and how many labels change there."""
        found = []
        axes: tuple[Literal["row", "column"], ...] = ("row", "column")
        for axis, places, changed, every in zip(
            axes, self._places, self._changed, self._all, strict=True
        ):
            found += [
                Seam(axis, place, int(part) / max(int(whole), 1))
                for place, part, whole in zip(places, changed, every, strict=True)
            ]
        near, elsewhere = (int(part) / max(int(whole), 1) for part, whole in self._totals)
        return Seams(tuple(found), near, elsewhere, int(self._totals[:, 0].sum()))
