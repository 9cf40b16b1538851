"""Writing OME-TIFF: tiled, compressed, with the classes in its metadata.

Blocks come in any order, and TIFF is written from front to back. So blocks go to an uncompressed
file without a name first, and from there to tiles; neither is in memory.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tifffile

from czcheck.files import placing, writing
from czcheck.images.writer import CLASSES, SOURCE, Content, FileWriter
from czcheck.limits import GIB
from czcheck.text import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.images.image import Plane

TILE = 512
# Beyond this a TIFF needs 64-bit offsets; what compression saves is not known before.
_CLASSIC = 3.9 * GIB
_PALETTE = 256
# Label images shrink to hundredths at any level; higher ones cost more than they save.
_LEVEL = 1


class _Place(NamedTuple):
    """Where a plane lies in the file without a name."""

    offset: int
    plane: Plane


class TiffOutput(FileWriter):
    """Writes an OME-TIFF; scenes become its images."""

    def __init__(self, path: Path, content: Content) -> None:
        """Begin a file.

        Raises:
            UsageError: No such folder.
            IncompleteError: It cannot be written there.
        """
        self.path, self.content = str(path), content
        self._dtype, self._channels = content.dtype, len(content.channels)
        self._places: dict[tuple[int, int, int], _Place] = {}
        size = 0
        for plane in content.planes:
            self._places[plane.scene, plane.time, plane.z] = _Place(size, plane)
            size += plane.height * plane.width * self._channels * self._dtype.itemsize
        self._size = size
        self._lock = threading.Lock()
        with ExitStack() as stack:
            self._target = stack.enter_context(placing(path))
            with writing(path):
                # Kept open: it has to outlive this function.
                self._blocks = stack.enter_context(tempfile.TemporaryFile(dir=path.parent))
                self._blocks.truncate(size)
            self._stack = stack.pop_all()

    def write(self, plane: Plane, top: int, left: int, block: NDArray[Any]) -> None:
        """Write a block; see `Writer.write`."""
        place = self._places[plane.scene, plane.time, plane.z]
        pixels = block.reshape(*block.shape[:2], self._channels).astype(self._dtype, copy=False)
        with self._lock, writing(self.path):
            for channel in range(self._channels):
                rows = np.ascontiguousarray(pixels[..., channel])
                for number, row in enumerate(rows):
                    self._blocks.seek(self._offset(place, channel, top + number, left))
                    self._blocks.write(row.data)
            self._blocks.flush()

    def _offset(self, place: _Place, channel: int, row: int, column: int) -> int:
        plane = place.plane
        pixels = (channel * plane.height + row) * plane.width + column
        return place.offset + pixels * self._dtype.itemsize

    def _finish(self) -> None:
        with writing(self.path):
            self._compress()

    def _compress(self) -> None:
        with tifffile.TiffWriter(self._target, ome=True, bigtiff=self._size > _CLASSIC) as writer:
            for planes in _by_scene(self.content.planes):
                first = planes[0]
                times, sections = (
                    {getattr(each, axis) for each in planes} for axis in ("time", "z")
                )
                writer.write(
                    self._tiles(planes),
                    shape=(len(times), len(sections), self._channels, first.height, first.width),
                    dtype=self._dtype,
                    tile=(TILE, TILE),
                    compression="adobe_deflate",
                    compressionargs={"level": _LEVEL},
                    metadata=self._metadata(first),
                    **self._colours(),
                )

    def _tiles(self, planes: list[Plane]) -> Iterator[NDArray[Any]]:
        """Tiles in the order of the file, read in bands of rows."""
        for plane in planes:
            place = self._places[plane.scene, plane.time, plane.z]
            for channel in range(self._channels):
                for top in range(0, plane.height, TILE):
                    high = min(TILE, plane.height - top)
                    self._blocks.seek(self._offset(place, channel, top, 0))
                    data = self._blocks.read(high * plane.width * self._dtype.itemsize)
                    band = np.frombuffer(data, self._dtype).reshape(high, plane.width)
                    for left in range(0, plane.width, TILE):
                        tile = np.zeros((TILE, TILE), self._dtype)
                        part = band[:, left : left + TILE]
                        tile[: part.shape[0], : part.shape[1]] = part
                        yield tile

    def _colours(self) -> dict[str, Any]:
        """Labels of 8 bits are shown in the colours of their classes by every viewer."""
        if self.content.kind != "labels" or self._dtype.itemsize != 1:
            return {"photometric": "minisblack"}

        palette = np.zeros((3, _PALETTE), np.uint16)
        for each in self.content.classes:
            palette[:, each.label_value] = [value * 257 for value in each.color]
        return {"photometric": "palette", "colormap": palette}

    def _metadata(self, plane: Plane) -> dict[str, Any]:
        content = self.content
        metadata: dict[str, Any] = {
            "axes": "TZCYX",
            "Name": _attribute(plane.scene_name or Path(self.path).name),
            "Channel": {"Name": [_attribute(each) for each in content.channels]},
            "MapAnnotation": [
                {
                    "Namespace": CLASSES,
                    "Value": {key: _text(value) for key, value in each.items()},
                }
                for each in content.class_entries
            ],
        }
        if content.kind == "probabilities":
            metadata["Channel"]["Color"] = [_ome_colour(each.color) for each in content.classes]
        source = {"Kind": content.kind, **{k: _text(v) for k, v in content.source.items()}}
        metadata["MapAnnotation"].append({"Namespace": SOURCE, "Value": source})
        if content.pixel_size is not None:
            height, width = content.pixel_size
            metadata |= {"PhysicalSizeY": height, "PhysicalSizeYUnit": "µm"}
            metadata |= {"PhysicalSizeX": width, "PhysicalSizeXUnit": "µm"}
        return metadata


def _by_scene(planes: tuple[Plane, ...]) -> list[list[Plane]]:
    """Planes of each scene, by time and depth."""
    scenes: dict[int, list[Plane]] = {}
    for plane in planes:
        scenes.setdefault(plane.scene, []).append(plane)
    return [sorted(each, key=lambda plane: (plane.time, plane.z)) for each in scenes.values()]


def _ome_colour(color: tuple[int, int, int]) -> int:
    """Red, green, blue, opaque as OME writes them: one signed 32-bit number."""
    red, green, blue = color
    value = red << 24 | green << 16 | blue << 8 | 255
    return value - (1 << 32) if value >= 1 << 31 else value


def _attribute(text: str) -> str:
    """A name as an attribute's value; tifffile escapes quotes there only since 2026."""
    return printable(text).replace('"', "'")


def _text(value: Any) -> str:
    return printable(value) if isinstance(value, str) else json.dumps(value)
