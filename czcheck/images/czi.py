"""CZI, ZEISS's own format, read region by region through libCZI."""

from __future__ import annotations

import re
import threading
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.errors import InputError
from czcheck.images.decoders import bounded, bounded_part, extra, opened, readable
from czcheck.images.file_image import FileImage, Selections
from czcheck.images.image import Plane, Region
from czcheck.images.ome_xml import known
from czcheck.limits import MIB
from czcheck.metadata.model_metadata import PIXEL_TYPES
from czcheck.metadata.parsing import Unreadable, parse

if TYPE_CHECKING:
    from lxml.etree import _Element as Element
    from numpy.typing import NDArray

_MOST_BYTES = 64 * MIB
_MOST_TAGS = 2_000_000
_MICROMETRES = 1e6  # scalings are in metres
_CACHE_BYTES = 128 * MIB
# Blocks of a mosaic are alike, so looking at some is enough.
_LOOKED_AT = 200


class CziImage(FileImage):
    """A CZI file: scenes, mosaics, channels, time and depth, at full resolution.

    Where a mosaic has no picture, pixels are 0. libCZI lets one thread in at a time.
    """

    format = "CZI"

    def __init__(self, path: Path, selections: Selections) -> None:
        """Read what the file says of itself; no pixels.

        Args:
            path: The file.
            selections: What of it is wanted.

        Raises:
            UsageError: A selection matches nothing, or pylibCZIrw is not installed.
            InputError: The file is damaged, absurdly large, or of no pixel type of the format.
        """
        try:
            from pylibCZIrw import czi  # noqa: PLC0415
        except ImportError as error:
            raise extra(path, "CZI", "pylibCZIrw") from error
        self.path = str(path)
        self._lock = threading.Lock()
        cache = czi.CacheOptions(
            type=czi.CacheType.Standard, max_memory_usage=_CACHE_BYTES, max_sub_block_count=10_000
        )
        with opened(path):
            self._file: Any = czi.CziReader(str(path), cache_options=cache)
        try:
            with opened(path):
                self._open(path, selections)
        except BaseException:
            self._file.close()
            raise

    def _open(self, path: Path, selections: Selections) -> None:
        root = _metadata(path, self._file.raw_metadata)
        box = self._file.total_bounding_box_no_pyramid
        for dimension, (first, end) in box.items():
            if dimension not in "XYTZC" and end - first > 1:
                raise InputError(
                    f"{path}: the image has {end - first} planes along {dimension}, which cannot "
                    "be segmented one by one; process it in ZEN first"
                )
        rectangles = self._file.scenes_bounding_rectangle_no_pyramid
        self._scenes = bool(rectangles)
        scenes = rectangles or {0: self._file.total_bounding_rectangle_no_pyramid}
        times, sections, count = (box[each][1] - box[each][0] for each in "TZC")
        for rectangle in scenes.values():
            bounded(
                path,
                height=rectangle.h,
                width=rectangle.w,
                planes=len(scenes) * times * sections,
                channels=count,
            )
        names = _scene_names(root)
        planes = [
            Plane(number, time, z, names.get(number, ""), each.h, each.w, each.y, each.x)
            for number, each in sorted(scenes.items())
            for time, z in product(range(times), range(sections))
        ]
        self.pixel_size = _pixel_size(root)
        self._describe(planes, self._channels(path, root, count), selections)
        self.tiled = self._has_parts(path)

    def _channels(self, path: Path, root: Element, count: int) -> list[tuple[str, str]]:
        elements = root.findall(".//Information/Image/Dimensions/Channels/Channel")
        names = [each.get("Name", "") for each in elements] if len(elements) == count else []
        channels = []
        for number in range(count):
            pixel_type = str(self._file.get_channel_pixel_type(number))
            if pixel_type not in PIXEL_TYPES or not PIXEL_TYPES[pixel_type].usable:
                raise InputError(
                    f"{path}: the pixels of channel {number} are {pixel_type}, which is not read; "
                    "save the image as Gray8, Gray16, Gray32Float, Bgr24, Bgr48 or Bgr96Float"
                )
            plain = str(number) if count > 1 else "RGB" if pixel_type.startswith("B") else "Gray"
            channels.append((names[number] or plain if names else plain, pixel_type))
        return channels

    def _has_parts(self, path: Path) -> bool:
        """Whether the planes are in blocks that are smaller than they."""
        largest = looked = 0

        def look(_: int, block: Any) -> bool:
            nonlocal largest, looked
            size = block.physicalSize
            largest, looked = max(largest, size.w * size.h), looked + 1
            return looked < _LOOKED_AT

        self._file.enumerate_subblocks(look)
        bytes_each = max(
            PIXEL_TYPES[each].scalars * int(re.sub(r"\D", "", PIXEL_TYPES[each].dtype)) // 8
            for each in self.pixel_types
        )
        bounded_part(path, "blocks", largest * bytes_each)
        return largest < max(plane.height * plane.width for plane in self.planes)

    def _read_channel(self, plane: Plane, channel: int, region: Region) -> NDArray[Any]:
        import numpy as np  # noqa: PLC0415

        left, top = plane.left + region.left, plane.top + region.top
        where = f" in the region at row {region.top}, column {region.left}"
        with self._lock, readable(self.path, where):
            pixels: NDArray[Any] = np.array(  # a copy: the bitmap belongs to libCZI
                self._file.read(
                    roi=(left, top, region.width, region.height),
                    plane={"T": plane.time, "Z": plane.z, "C": channel},
                    scene=plane.scene if self._scenes else None,
                )
            )
        return pixels

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _metadata(path: Path, text: str) -> Element:
    """The metadata as libCZI writes them anew; its parser knows no entities."""
    # Text by now: what it says of its encoding no longer holds.
    body = re.sub(r"^\ufeff?\s*<\?xml[^>]*\?>", "", text)
    root = parse(body.encode("utf-8", "replace"), _MOST_BYTES, _MOST_TAGS)
    if isinstance(root, Unreadable):
        raise InputError(f"{path}: the metadata {root.reason}")
    return root


def _scene_names(root: Element) -> dict[int, str]:
    scenes = root.findall(".//Information/Image/Dimensions/S/Scenes/Scene")
    return {
        int(each.get("Index", "")): each.get("Name", "")
        for each in scenes
        if each.get("Index", "").isdecimal()
    }


def _pixel_size(root: Element) -> tuple[float, float] | None:
    sides = []
    for axis in "YX":
        text = root.findtext(f".//Scaling/Items/Distance[@Id='{axis}']/Value") or ""
        try:
            sides.append(float(text) * _MICROMETRES)
        except ValueError:
            return None
    return known(*sides)
