"""Zarr and OME-Zarr, read chunk by chunk; versions 0.1 to 0.5 of the metadata.

Metadata are read leniently, where ome-zarr-models insists: stores of older versions, and of
programs that leave things out, are common, and only axes, paths and scales are needed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import zarr

from czcheck.errors import InputError
from czcheck.images.decoders import (
    UnfinishedStoreError,
    bounded,
    bounded_part,
    damaged,
    opened,
    readable,
)
from czcheck.images.file_image import CACHE_BYTES, FileImage, PartCache, assemble, channel_names
from czcheck.images.image import Plane, Region, pixel_type_of
from czcheck.images.ome import known, micrometres
from czcheck.images.selection import Selections, spans
from czcheck.images.writer import OURS
from czcheck.images.zarr_store import ContainedStore, Document, check_chunks, document
from czcheck.text import first_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


_SMALL, _FEW = 1 << 20, 5
MOST_SCENES = 10_000
_MOST_LEVELS = 100
_AXES = "tczyx"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
_PLACE = re.compile(r"[^/\\\x00]+(/[^/\\\x00]+)*")


class ZarrImage(FileImage):
    """A Zarr store: OME-Zarr of any version up to 0.5, or a plain array whose axes are known.

    Scenes are the images of a collection (the layout of bioformats2raw) or the fields of a plate.
    Of a pyramid the full resolution is read.
    """

    def __init__(self, path: Path, selections: Selections) -> None:
        """Read the metadata; no pixels.

        Raises:
            UsageError: A selection matches nothing.
            InputError: The store is damaged, absurdly large, no image, or of no pixel type of the
                format.
        """
        self.path = str(path)
        self._cache = PartCache(CACHE_BYTES)
        with opened(path):
            self._open(path, selections)

    def _open(self, path: Path, selections: Selections) -> None:
        self._scenes, missing = scenes_of(path)
        self.result = result_in(path)
        self.format = "OME-Zarr" if any(each.array for each in self._scenes.values()) else "Zarr"
        self._arrays: dict[int, Any] = {}
        empty: dict[int, str | None] = {}
        for number, scene in self._scenes.items():
            found = document(path, scene.array)
            if found is None or not found.is_array:
                raise damaged(path, "", f"there is no array at {scene.array or '/'}")
            store = ContainedStore(path, read_only=True)
            array = zarr.open_array(store, path=scene.array, mode="r", zarr_format=found.version)
            if len(array.shape) != len(scene.axes):
                raise InputError(
                    f"{path}: the array {scene.array or '/'} has {len(array.shape)} axes, and its "
                    f"metadata name {scene.axes}; name its dimensions (t, c, z, y, x), or open the "
                    "OME-Zarr image that it belongs to"
                )
            bounded_part(path, "chunks", prod(array.chunks) * array.dtype.itemsize)
            self._arrays[number] = array
            empty[number] = check_chunks(path, scene.array, found)
        sizes = {
            number: dict(zip(scene.axes, map(int, self._arrays[number].shape), strict=True))
            for number, scene in self._scenes.items()
        }
        planes = sum(size.get("t", 1) * size.get("z", 1) for size in sizes.values())
        for size in sizes.values():
            bounded(
                path,
                height=size["y"],
                width=size["x"],
                planes=planes,
                channels=size.get("c", 1),
            )
        all_planes = [
            Plane(number, time, z, self._scenes[number].name, size["y"], size["x"])
            for number, size in sizes.items()
            for time, z in product(range(size.get("t", 1)), range(size.get("z", 1)))
        ]
        scenes = self._choose_planes(all_planes, selections)
        self.warnings = tuple(each for number in scenes if (each := empty[number]) is not None)
        if missing and selections.scene is None:
            self._report_missing(
                [f"the store lacks {first_of(missing, _FEW)}, which its metadata name"],
                "Copy the store whole, or select what is there with --scene",
                allowed=selections.allow_missing,
            )
        kinds = {(sizes[each].get("c", 1), self._arrays[each].dtype) for each in scenes}
        if len(kinds) > 1:
            raise InputError(
                f"{path}: the store's images have different channels or dtypes; choose those that "
                f"are alike with --scene ({spans(sorted(self._scenes))})"
            )
        ((count, dtype),) = kinds
        pixel_type = pixel_type_of(dtype, 1, path)
        self.pixel_size = self._scenes[scenes[0]].pixel_size
        self.tiled = all(
            prod(each.chunks[-2:]) < max(prod(each.shape[-2:]), _SMALL)
            for each in self._arrays.values()
        )
        names = channel_names(self._scenes[scenes[0]].channels, count)
        self._choose_channels([(name, pixel_type) for name in names], selections)

    def _read_channel(self, plane: Plane, channel: int, region: Region) -> NDArray[Any]:
        array, axes = self._arrays[plane.scene], self._scenes[plane.scene].axes
        place = {"t": plane.time, "c": channel, "z": plane.z}
        high, wide = array.chunks[axes.index("y")], array.chunks[axes.index("x")]

        def load(row: int, column: int) -> NDArray[Any]:
            key = (plane.scene, plane.time, channel, plane.z, row, column)
            rows = slice(row * high, min((row + 1) * high, plane.height))
            columns = slice(column * wide, min((column + 1) * wide, plane.width))
            lead = tuple(place[axis] for axis in axes if axis not in "yx")
            return self._cache.get(key, lambda: array[lead + (rows, columns)][..., None])  # noqa: RUF005 - Python 3.10

        where = f" in the region at row {region.top}, column {region.left}"
        with readable(self.path, where):
            return assemble(region, (high, wide), (1, array.dtype.newbyteorder("=")), load)


@dataclass(frozen=True, slots=True)
class Scene:
    """One image of a store.

    Attributes:
        name: Its name, or else the path of its group; empty for the only image of a store.
        array: Path of its array of full resolution.
        axes: Letters of the array's axes, of `tczyx` and in any order that ends with `yx`.
        pixel_size: (height, width) of a pixel in micrometres, if given.
        channels: Names of the channels, as far as given.
    """

    name: str
    array: str
    axes: str
    pixel_size: tuple[float, float] | None
    channels: tuple[str, ...]


class Scenes(NamedTuple):
    """The images of a store.

    Attributes:
        found: Those that are there, by number, at least one.
        missing: Places of images and wells that the metadata name and that are not there.
    """

    found: dict[int, Scene]
    missing: tuple[str, ...] = ()


def scenes_of(path: Path) -> Scenes:
    """The images of a store.

    Raises:
        InputError: It is no store, holds no image, is unfinished, or its metadata are damaged.
    """
    found = document(path, "")
    if found is None:
        raise damaged(path, "", "the folder is no Zarr store")
    ours = found.attributes.get(OURS)
    if isinstance(ours, dict) and ours.get("unfinished"):
        raise UnfinishedStoreError(
            f"{path}: the store is unfinished; go on writing it with --resume"
        )
    if found.is_array:
        return Scenes({0: Scene("", "", _plain_axes(path, found), None, ())})
    ome = _ome(found)
    if "multiscales" in ome:
        return Scenes({0: _scene(path, "", ome)})
    places, missing = _fields(path, ome) if "plate" in ome else (_collection(path, ome), [])
    if len(places) > MOST_SCENES:
        raise InputError(
            f"{path}: the store holds more than the {MOST_SCENES} images that are read"
        )
    scenes = {}
    for number, place in enumerate(places):
        inside = document(path, place)
        if inside is None:
            missing.append(place)
        elif "multiscales" not in _ome(inside):
            raise damaged(path, "", f"there is no image at {place}")
        else:
            scenes[number] = _scene(path, place, _ome(inside))
    if not scenes:
        raise InputError(
            f"{path}: the store holds no OME-Zarr image; name the folder of an image or an array "
            "in it"
        )
    return Scenes(scenes, tuple(missing))


def result_in(path: Path) -> str:
    """What a store that czcheck wrote holds: `labels` and so on; empty for others.

    Raises:
        InputError: Its metadata are damaged.
    """
    found = document(path, "")
    ours = None if found is None else found.attributes.get(OURS)
    made_of = ours.get("made_of") if isinstance(ours, dict) else None
    return str(made_of.get("kind", "")) if isinstance(made_of, dict) else ""


def _ome(found: Document) -> dict[str, Any]:
    """Metadata of OME-Zarr: inside `ome` since 0.5."""
    inner = found.attributes.get("ome")
    return inner if isinstance(inner, dict) else found.attributes


def _plain_axes(path: Path, found: Document) -> str:
    """Axes of a plain array, by the names of its dimensions."""
    names = "".join(each.lower()[:1] for each in found.dimensions)
    if not names:
        return "yx"
    return _ordered(path, names)


def _ordered(path: Path, axes: str) -> str:
    if len(set(axes)) != len(axes) or not set(axes) <= set(_AXES) or axes[-2:] != "yx":
        raise InputError(
            f"{path}: the axes {axes} are not read; an image has some of t, c, z, and then y, x"
        )
    return axes


def _scene(path: Path, place: str, ome: dict[str, Any]) -> Scene:
    try:
        multiscale = ome["multiscales"][0]
        dataset = _largest(path, place, multiscale["datasets"])
        array = str(dataset["path"])
        named = multiscale.get("axes", list(_AXES))  # none before version 0.3: always five
        axes = "".join(each if isinstance(each, str) else str(each["name"]) for each in named)
        units = [each.get("unit", "") if isinstance(each, dict) else "" for each in named]
        scale = _scale(multiscale, len(axes))
        for number, value in enumerate(_scale(dataset, len(axes))):
            scale[number] *= value
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path, f" at {place or '/'}", "its `multiscales` are incomplete") from error
    _ordered(path, axes)
    if not _PLACE.fullmatch(array) or set(array.split("/")) & {".", ".."}:
        raise damaged(path, f" at {place or '/'}", f"it names an array {array[:80]!r}")
    sides = [float(scale[each]) * micrometres(str(units[each])) for each in (-2, -1)]
    name = multiscale.get("name")
    # The fields of a plate are known by their places.
    title = name if isinstance(name, str) and name and place.isdecimal() else place
    return Scene(title, f"{place}/{array}".lstrip("/"), axes, known(*sides), _channels(ome))


def _largest(path: Path, place: str, datasets: list[dict[str, Any]]) -> dict[str, Any]:
    """The dataset of full resolution: the first one, where the order is as it has to be."""
    best, most = datasets[0], 0
    for dataset in datasets[:_MOST_LEVELS]:
        name = str(dataset["path"])
        if not _PLACE.fullmatch(name) or set(name.split("/")) & {".", ".."}:
            continue
        found = document(path, f"{place}/{name}".lstrip("/"))
        area = prod(found.shape[-2:]) if found is not None and found.shape else 0
        if area > most:
            best, most = dataset, area
    return best


def _scale(holder: dict[str, Any], count: int) -> list[float]:
    for each in holder.get("coordinateTransformations", []):
        if each["type"] == "scale":
            values = [float(value) for value in each["scale"]]
            if len(values) != count:
                raise ValueError
            return values
    return [1.0] * count


def _channels(ome: dict[str, Any]) -> tuple[str, ...]:
    """Names of the channels: those for showing them are the only ones there are."""
    omero = ome.get("omero")
    channels = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(channels, list):
        return ()
    return tuple(str(each.get("label", "")) if isinstance(each, dict) else "" for each in channels)


def _fields(path: Path, ome: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Places of a plate's fields, and of wells that are not there."""
    places: list[str] = []
    missing: list[str] = []
    try:
        for well in ome["plate"]["wells"]:
            place = _inside(path, str(well["path"]))
            found = document(path, place)
            if found is None:
                missing.append(place)
                continue
            fields = _ome(found)["well"]["images"]
            places += [_inside(path, f"{place}/{field['path']}") for field in fields]
            if len(places) + len(missing) > MOST_SCENES:
                break
    except (KeyError, TypeError) as error:
        raise damaged(path, "", "its `plate` is incomplete") from error
    return places, missing


def _collection(path: Path, ome: dict[str, Any]) -> list[str]:
    """Places of the images of a collection: listed, or numbered."""
    if "bioformats2raw.layout" not in ome:
        return []
    listed = document(path, "OME")
    series = _ome(listed).get("series") if listed is not None else None
    if isinstance(series, list):
        return [_inside(path, str(each)) for each in series]
    # Where one of them is missing, those behind it are there all the same.
    numbers = [int(each.name) for each in path.iterdir() if _NUMBER.fullmatch(each.name)]
    count = min(max(numbers, default=-1) + 1, MOST_SCENES + 1)
    return [str(number) for number in range(count)]


def _inside(path: Path, place: str) -> str:
    if not _PLACE.fullmatch(place) or set(place.split("/")) & {".", ".."}:
        raise damaged(path, "", f"it names an image {place[:80]!r}")
    return place
