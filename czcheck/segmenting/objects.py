"""Measures the connected objects of classes while an image is segmented, block by block.

An object in several blocks is measured in each, and the parts are put together: in memory
are only the objects, and the lines along which blocks touch.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.measure import label, regionprops_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.images.image import Plane
    from czcheck.segmenting.planes import Block

_MEASURED = ("label", "area", "bbox", "centroid")
_OF_INTENSITY = ("intensity_mean", "intensity_min", "intensity_max")


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of one plane, in the order of their first pixels.

    Attributes:
        plane: The plane.
        label_value: LabelValue of each object's class.
        area: Pixels.
        centroid: (row, column) in pixels; the centre of the plane's first pixel is (0, 0).
        box: First row, first column, and the row and column behind the last ones.
        mean: Mean intensity, a column for each channel, as the file has it.
        least: Smallest intensity.
        most: Largest intensity.
    """

    plane: Plane
    label_value: NDArray[Any]
    area: NDArray[Any]
    centroid: NDArray[Any]
    box: NDArray[Any]
    mean: NDArray[Any]
    least: NDArray[Any]
    most: NDArray[Any]

    def __len__(self) -> int:
        return len(self.area)


@dataclass(slots=True, eq=False)
class _Line:
    """Objects and labels along a line of pixels; 0 where there is no object."""

    objects: NDArray[Any]
    labels: NDArray[Any]

    def cut(self, first: int, end: int) -> _Line:
        return _Line(self.objects[first:end], self.labels[first:end])


class ObjectMeter:
    """Takes the blocks of a plane, row by row, and measures objects. A `Sink`.

    Pixels of one class that touch, at a corner at least, are one object.
    """

    def __init__(self, plane: Plane, label_values: Collection[int], channels: int) -> None:
        """Measure nothing yet.

        Args:
            plane: The plane.
            label_values: The classes whose objects are measured.
            channels: Numbers per pixel of the image.
        """
        self._plane = plane
        self._classes = np.asarray(sorted(label_values))
        self._channels = channels
        self._count = 0
        # What was measured of each block that has objects, by the fields of `Objects`.
        self._parts: list[dict[str, NDArray[Any]]] = []
        self._touching: list[NDArray[Any]] = []
        self._row = -1
        # The last line of the blocks above, and of those in this row of blocks.
        self._above = self._below = _Line(np.zeros(0, np.int64), np.zeros(0, np.uint16))
        self._left: _Line | None = None

    def take(self, block: Block) -> None:
        """Measure one block.

        Args:
            block: The one behind the last, row by row.
        """
        self.measure(block.top, block.left, block.labels, block.pixels)

    def measure(self, top: int, left: int, labels: NDArray[Any], pixels: NDArray[Any]) -> None:
        """Measure the objects of one block.

        Args:
            top: First row in the plane. Blocks come row by row, each row of blocks from the left.
            left: First column.
            labels: `(height, width)`.
            pixels: The image here, `(height, width, channels)`.
        """
        if top != self._row:
            self._begin_row(top)
        width = labels.shape[1]
        classes = np.where(np.isin(labels, self._classes), labels, 0)
        numbers, count = label(classes, background=0, return_num=True)
        if count:
            table = regionprops_table(numbers, pixels, properties=(*_MEASURED, *_OF_INTENSITY))
            self._store(table, classes, numbers, top, left)
        objects = np.where(numbers > 0, numbers.astype(np.int64) + self._count, 0)
        self._count += count
        self._join(_Line(objects[0], classes[0]), self._above, left)
        if self._left is not None:
            self._join(_Line(objects[:, 0], classes[:, 0]), self._left, 0)
        self._left = _Line(objects[:, -1].copy(), classes[:, -1].copy())
        self._below.objects[left : left + width] = objects[-1]
        self._below.labels[left : left + width] = classes[-1]

    def _begin_row(self, top: int) -> None:
        width = self._plane.width
        self._row, self._left, self._above = top, None, self._below
        self._below = _Line(np.zeros(width, np.int64), np.zeros(width, np.uint16))

    def _store(
        self,
        table: dict[str, NDArray[Any]],
        classes: NDArray[Any],
        numbers: NDArray[Any],
        top: int,
        left: int,
    ) -> None:
        """Store what was measured of a block, in places of the plane, means as sums."""

        def columns(name: str) -> NDArray[Any]:
            names = [key for key in table if key == name or key.startswith(f"{name}-")]
            return np.stack([table[key] for key in names], axis=1).astype(np.float64)

        area = table["area"].astype(np.int64)
        origin = np.array([top, left])
        first = np.zeros(len(area) + 1, classes.dtype)
        first[numbers] = classes
        self._parts.append(
            {
                "label_value": first[1:],
                "area": area,
                "centroid": (columns("centroid") + origin) * area[:, None],
                "box": columns("bbox").astype(np.int64) + np.tile(origin, 2),
                "mean": columns("intensity_mean") * area[:, None],
                "least": columns("intensity_min"),
                "most": columns("intensity_max"),
            }
        )

    def _join(self, line: _Line, other: _Line, offset: int) -> None:
        """Record which objects of two adjacent lines touch; one begins at `offset` in the other."""
        length = len(line.objects)
        for shift in (-1, 0, 1):
            first = offset + shift
            low, high = max(0, -first), min(length, len(other.objects) - first)
            if low >= high:
                continue
            here, there = line.cut(low, high), other.cut(first + low, first + high)
            same = (here.labels == there.labels) & (here.labels > 0)
            if same.any():
                pairs = np.stack([here.objects[same], there.objects[same]], axis=1)
                self._touching.append(np.unique(pairs, axis=0))

    def objects(self) -> Objects:
        """Put the parts together. No block can be taken afterwards."""
        plane = self._plane
        if not self._parts:
            none = np.zeros(0, np.int64)
            channels = np.zeros((0, self._channels))
            empty = (none, none, np.zeros((0, 2)), np.zeros((0, 4), np.int64))
            return Objects(plane, *empty, channels, channels, channels)
        parts = {name: np.concatenate([e[name] for e in self._parts]) for name in self._parts[0]}
        order, starts = self._groups(len(parts["area"]))

        def reduced(values: NDArray[Any], how: Any) -> NDArray[Any]:
            whole: NDArray[Any] = how.reduceat(values[order], starts, axis=0)
            return whole

        areas = reduced(parts["area"], np.add)
        box = parts["box"]
        return Objects(
            plane,
            parts["label_value"][order][starts],
            areas,
            reduced(parts["centroid"], np.add) / areas[:, None],
            np.hstack([reduced(box[:, :2], np.minimum), reduced(box[:, 2:], np.maximum)]),
            reduced(parts["mean"], np.add) / areas[:, None],
            reduced(parts["least"], np.minimum),
            reduced(parts["most"], np.maximum),
        )

    def _groups(self, count: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Parts in the order of the objects that they belong to, and where each object begins."""
        pairs = np.concatenate([*self._touching, np.zeros((0, 2), np.int64)]) - 1
        graph = coo_array(
            (np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), (count, count)
        )
        _, member = connected_components(graph, directed=False)
        # Objects in the order of the parts that come first.
        _, first, member = np.unique(member, return_index=True, return_inverse=True)
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        order = np.argsort(rank[member], kind="stable")
        starts = np.flatnonzero(np.diff(rank[member][order], prepend=-1))
        return order, starts
