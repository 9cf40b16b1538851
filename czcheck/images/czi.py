"""CZI, ZEISS's own format, read region by region through libCZI."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import threading
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.errors import IncompleteError, InputError
from czcheck.images.decoders import bounded, bounded_part, damaged, extra, opened
from czcheck.images.file_image import FileImage, PlaneOf, missing_planes
from czcheck.images.image import Plane, Region
from czcheck.images.ome import known
from czcheck.images.selection import Selections, spans
from czcheck.images.writer import KINDS
from czcheck.limits import MIB
from czcheck.metadata.document import Unreadable, parse
from czcheck.metadata.pixel_types import PIXEL_TYPES

if TYPE_CHECKING:
    from lxml.etree import _Element as Element
    from numpy.typing import NDArray


_MOST_BYTES = 64 * MIB
_MOST_TAGS = 2_000_000
_MICROMETRES = 1e6  # scalings are in metres
# What pylibCZIrw reads; it writes Bgr96Float, too, and refuses to read it.
_READ = ("Gray8", "Gray16", "Gray32Float", "Bgr24", "Bgr48")
_NO_SCENE = -1
# Nothing of the folder in which it is started, only what this process has.
_BEGIN = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from czcheck.images.czi_child import main; main(sys.argv[2])"
)
_MOST_HEADER = 128 * MIB
_SECONDS = 300


class CziImage(FileImage):
    """A CZI file: scenes, mosaics, channels, time and depth, at full resolution.

    Scenes, points in time and sections have the numbers of the file, which need not begin with 0;
    channels are counted from 0. Where a mosaic has no tile in any plane, pixels are 0. libCZI reads
    in a process of its own, one request at a time.
    """

    format = "CZI"

    def __init__(self, path: Path, selections: Selections) -> None:
        """Read the metadata; no pixels.

        Raises:
            UsageError: A selection matches nothing, or pylibCZIrw is not installed.
            InputError: The file is damaged, absurdly large, lacks pixels, or has pixels that are
                not read, or not read rightly.
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
        for dimension, places in description["others"].items():
            if len(places) > 1:
                raise InputError(
                    f"{path}: the image has several planes along {dimension}, which cannot be "
                    "segmented one by one; process it in ZEN first"
                )
        self._others = {name: places[0] for name, places in description["others"].items()}
        scenes = {int(number): each for number, each in description["scenes"].items()}
        self._tiles = {PlaneOf(*each[:4]): (each[4], each[5]) for each in description["planes"]}
        if not scenes:
            raise damaged(path, "", "it holds no block of pixels")
        if _NO_SCENE in scenes and len(scenes) > 1:
            raise InputError(f"{path}: some of its blocks belong to a scene and some to none")
        # The numbers are those of the blocks: a part of an acquisition begins anywhere.
        times, sections = (
            range(min(each), max(each) + 1)
            for each in ({key.time for key in self._tiles}, {key.z for key in self._tiles})
        )
        types = {int(number): each for number, each in description["pixel_types"].items()}
        for _, _, width, height in scenes.values():
            bounded(
                path,
                height=height,
                width=width,
                planes=len(scenes) * len(times) * len(sections),
                channels=len(types),
            )
        names = _scene_names(root)
        planes = [
            Plane(max(number, 0), time, z, names.get(number, ""), height, width, top, left)
            for number, (left, top, width, height) in sorted(scenes.items())
            for time, z in product(times, sections)
        ]
        self._scenes = _NO_SCENE not in scenes
        self._numbers = sorted(types)
        self.pixel_size = _pixel_size(root)
        self.result = _result(root)
        channels = _channels(path, root, types)
        self._choose_planes(planes, selections)
        self._choose_channels(channels, selections)
        self._check_packing(description["split"])
        self._check_missing(selections)
        largest = description["largest"]
        bounded_part(path, "blocks", largest * max(map(_bytes, self.pixel_types)))
        self.tiled = largest < max(plane.height * plane.width for plane in self.planes)

    def _check_packing(self, split: list[int]) -> None:
        if any(self._numbers[number] in split for number, _ in self._taken):
            raise InputError(
                f"{self.path}: the pixels are Bgr48 with low and high bytes split before "
                "compression (zstd1 with hi-lo packing), which pylibCZIrw reads wrongly; save the "
                "image in ZEN with another compression, or as OME-TIFF"
            )

    def _check_missing(self, selections: Selections) -> None:
        """Compare the selected planes with the blocks of the file."""
        selected = [
            self._place(plane, number)
            for plane in self.planes
            for number in dict.fromkeys(each for each, _ in self._taken)
        ]
        missing = []
        absent = [each for each in selected if each not in self._tiles]
        if absent:
            missing.append(f"the file lacks {missing_planes(selected, absent)}")
        most: dict[int, tuple[int, int]] = {}
        for key, tiles in self._tiles.items():
            count, area = most.get(key.scene, (0, 0))
            most[key.scene] = max(count, tiles[0]), max(area, tiles[1])
        # A mosaic may have gaps; but what one plane of it has, the others were acquired with.
        short = {
            key: self._tiles[key][0]
            for key in selected
            if key in self._tiles and _is_less(self._tiles[key], most[key.scene])
        }
        if short:
            first, count = next(iter(short.items()))
            missing.append(
                f"tiles are missing in {missing_planes(selected, short)} (the first has {count} of "
                f"the {most[first.scene][0]} that others have)"
            )
        gaps = sorted(set(range(self._numbers[0], self._numbers[-1])) - set(self._numbers))
        if gaps and selections.channel is None:
            missing.append(f"the file lacks channel {spans(gaps)}")
        self._report_missing(
            missing,
            "Select what is there with --scene, --channel, --time and --z",
            allowed=selections.allow_missing,
        )

    def _place(self, plane: Plane, channel: int) -> PlaneOf:
        scene = plane.scene if self._scenes else _NO_SCENE
        return PlaneOf(scene, plane.time, plane.z, self._numbers[channel])

    def _read_channel(self, plane: Plane, channel: int, region: Region) -> NDArray[Any]:
        place = self._place(plane, channel)
        kind = PIXEL_TYPES[self._types[channel]]
        if place not in self._tiles:
            return np.zeros((region.height, region.width, kind.scalars), kind.dtype)
        where = f" in the region at row {region.top}, column {region.left}"
        return self._file.read(
            where,
            (plane.left + region.left, plane.top + region.top, region.width, region.height),
            {**self._others, "T": plane.time, "Z": plane.z, "C": place.channel},
            plane.scene if self._scenes else None,
            self._types[channel],
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _channels(path: Path, root: Element, types: dict[int, list[str]]) -> list[tuple[str, str]]:
    """(name, pixel type) of the channels, in the order of their numbers in the file."""
    count, numbers = len(types), sorted(types)
    elements = root.findall(".//Information/Image/Dimensions/Channels/Channel")
    names = [each.get("Name", "") for each in elements]
    if len(names) != count:  # those of channels that are not here among them
        names = [names[each] if 0 <= each < len(names) else "" for each in numbers]
    channels = []
    for index, number in enumerate(numbers):
        if len(types[number]) > 1:
            raise InputError(
                f"{path}: the blocks of channel {number} have different pixel types "
                f"({', '.join(types[number])}); save the image with one"
            )
        (pixel_type,) = types[number]
        if pixel_type not in _READ:
            raise InputError(
                f"{path}: the pixels of channel {number} are {pixel_type}, which is not read; "
                f"save the image as {', '.join(_READ[:-1])} or {_READ[-1]}"
            )
        plain = str(index) if count > 1 else "RGB" if PIXEL_TYPES[pixel_type].is_colour else "Gray"
        channels.append((names[index] or plain, pixel_type))
    return channels


def _is_less(tiles: tuple[int, int], most: tuple[int, int]) -> bool:
    """Whether a plane has both fewer tiles and less area: one tile can be as large as several."""
    return tiles[0] < most[0] and tiles[1] < most[1]


def _bytes(pixel_type: str) -> int:
    """Bytes of one pixel."""
    each = PIXEL_TYPES[pixel_type]
    return each.scalars * each.bits // 8


def _metadata(path: Path, text: str) -> Element:
    """The metadata as libCZI writes them anew; its parser knows no entities."""
    # Text by now, so that its declaration of an encoding is wrong.
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
    """What a file that czcheck wrote holds, see `output_czi.py`; empty for others."""
    kind, source = (
        root.findtext(f".//CustomAttributes/KeyValue/{name}") or "" for name in ("Kind", "Source")
    )
    return kind if kind in KINDS and source.startswith('{"model": ') else ""


class CziProcess:
    """libCZI with one file open, in a process of its own. One thread at a time is served.

    Attributes:
        description: The metadata, and what `czi_child` finds in the blocks.
    """

    description: dict[str, Any]

    def __init__(self, path: Path) -> None:
        """Start the process and open the file.

        Raises:
            InputError: The file is damaged.
            IncompleteError: The process could not be started.
        """
        self._path, self._lock = path, threading.Lock()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-I", "-c", _BEGIN, json.dumps(sys.path), str(path.absolute())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise IncompleteError(f"{path}: cannot be opened: {error.strerror}") from error
        try:
            self.description = self._header("")
        except BaseException:
            self.close()
            raise

    def read(
        self,
        place: str,
        roi: tuple[int, int, int, int],
        plane: dict[str, int],
        scene: int | None,
        pixel_type: str,
    ) -> NDArray[Any]:
        """Read pixels.

        Args:
            place: Where in the file, for messages.
            roi: (left, top, width, height) in the coordinates of the file.
            plane: Numbers by dimension: T, Z, C and others that the file has.
            scene: Number of the scene; None for a file without scenes.
            pixel_type: Pixel type of the channel.

        Returns:
            `(height, width, samples)`.

        Raises:
            InputError: The file is damaged here.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"roi": roi, "plane": plane, "scene": scene, "pixel_type": pixel_type}
        _, _, width, height = roi
        with self._lock:
            try:
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                self._process.stdin.flush()
            except (OSError, ValueError):
                raise self._ended(place) from None
            header = self._header(place)
            if tuple(header["shape"][:2]) != (height, width):
                raise damaged(self._path, place, f"it gives {header['shape']} pixels")
            pixels = np.empty(header["shape"], header["dtype"])
            rest = pixels.data.cast("B")
            while rest:
                count = self._process.stdout.readinto(rest)  # type: ignore[attr-defined]
                if not count:
                    raise self._ended(place)
                rest = rest[count:]
        return pixels

    def _header(self, place: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        watch = threading.Timer(_SECONDS, self._process.kill)
        watch.daemon = True
        watch.start()
        try:
            line = self._process.stdout.readline(_MOST_HEADER)
        finally:
            watch.cancel()
        if not line.endswith(b"\n"):
            raise self._ended(place)
        header: dict[str, Any] = json.loads(line)
        if "error" in header:
            raise damaged(self._path, place, " ".join(str(header["error"]).split()))
        return header

    def _ended(self, place: str) -> Exception:
        """The error for a process that is gone."""
        self._process.kill()
        code = self._process.wait()
        return damaged(self._path, place, f"the library that reads CZI ended with code {code}")

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:  # what was not sent any more
                    continue
