"""CZI, ZEISS's own format, read region by region through libCZI."""

from __future__ import annotations

import importlib.util
import re
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.errors import InputError
from czcheck.images.czi_process import CziProcess
from czcheck.images.decoders import bounded, bounded_part, extra, opened
from czcheck.images.file_image import FileImage, Selections
from czcheck.images.image import Plane, Region
from czcheck.images.ome_xml import known
from czcheck.images.output import KINDS
from czcheck.limits import MIB
from czcheck.metadata.model_metadata import PIXEL_TYPES
from czcheck.metadata.parsing import Unreadable, parse

if TYPE_CHECKING:
    from lxml.etree import _Element as Element
    from numpy.typing import NDArray

_MOST_BYTES = 64 * MIB
_MOST_TAGS = 2_000_000
_MICROMETRES = 1e6  # scalings are in metres


class CziImage(FileImage):
    """A CZI file: scenes, mosaics, channels, time and depth, at full resolution.

    Where a mosaic has no picture, pixels are 0. libCZI reads in a process of its own, one request
    at a time.
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
        if importlib.util.find_spec("pylibCZIrw") is None:
            raise extra(path, "CZI", "pylibCZIrw")
        self.path = str(path)
        self._file = CziProcess(path)
        try:
            with opened(path):
                self._open(path, selections, self._file.description)
        except BaseException:
            self._file.close()
            raise

    def _open(self, path: Path, selections: Selections, description: dict[str, Any]) -> None:
        root = _metadata(path, description["metadata"])
        box = description["box"]
        for dimension, (first, end) in box.items():
            if dimension not in "XYTZC" and end - first > 1:
                raise InputError(
                    f"{path}: the image has {end - first} planes along {dimension}, which cannot "
                    "be segmented one by one; process it in ZEN first"
                )
        self._scenes = bool(description["scenes"])
        scenes = {int(number): each for number, each in description["scenes"].items()}
        scenes = scenes or {0: description["all"]}
        times, sections, count = (box[each][1] - box[each][0] for each in "TZC")
        for _, _, width, height in scenes.values():
            bounded(
                path,
                height=height,
                width=width,
                planes=len(scenes) * times * sections,
                channels=count,
            )
        names = _scene_names(root)
        planes = [
            Plane(number, time, z, names.get(number, ""), height, width, top, left)
            for number, (left, top, width, height) in sorted(scenes.items())
            for time, z in product(range(times), range(sections))
        ]
        self.pixel_size = _pixel_size(root)
        self.result = _result(root)
        channels = _channels(path, root, description["pixel_types"])
        self._choose_planes(planes, selections)
        self._choose_channels(channels, selections)
        largest = description["largest"]
        bounded_part(path, "blocks", largest * max(map(_bytes, self.pixel_types)))
        self.tiled = largest < max(plane.height * plane.width for plane in self.planes)

    def _read_channel(self, plane: Plane, channel: int, region: Region) -> NDArray[Any]:
        where = f" in the region at row {region.top}, column {region.left}"
        return self._file.read(
            where,
            (plane.left + region.left, plane.top + region.top, region.width, region.height),
            {"T": plane.time, "Z": plane.z, "C": channel},
            plane.scene if self._scenes else None,
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _channels(path: Path, root: Element, pixel_types: list[str]) -> list[tuple[str, str]]:
    """(name, pixel type) of the channels."""
    count = len(pixel_types)
    elements = root.findall(".//Information/Image/Dimensions/Channels/Channel")
    names = [each.get("Name", "") for each in elements] if len(elements) == count else [""] * count
    channels = []
    for number, pixel_type in enumerate(pixel_types):
        if pixel_type not in PIXEL_TYPES or not PIXEL_TYPES[pixel_type].usable:
            raise InputError(
                f"{path}: the pixels of channel {number} are {pixel_type}, which is not read; "
                "save the image as Gray8, Gray16, Gray32Float, Bgr24, Bgr48 or Bgr96Float"
            )
        plain = str(number) if count > 1 else "RGB" if pixel_type.startswith("B") else "Gray"
        channels.append((names[number] or plain, pixel_type))
    return channels


def _bytes(pixel_type: str) -> int:
    """Bytes of one pixel."""
    each = PIXEL_TYPES[pixel_type]
    return each.scalars * {"uint8": 1, "uint16": 2, "float32": 4}[each.dtype]


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


def _result(root: Element) -> str:
    """What czcheck says that it wrote into the file; see `output_czi.py`."""
    kind, source = (
        root.findtext(f".//CustomAttributes/KeyValue/{name}") or "" for name in ("Kind", "Source")
    )
    return kind if kind in KINDS and source.startswith('{"model": ') else ""
