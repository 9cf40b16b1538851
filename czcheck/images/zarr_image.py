"""Zarr and OME-Zarr, read chunk by chunk."""

from __future__ import annotations

from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zarr

from czcheck.errors import InputError
from czcheck.images.decoders import bounded, bounded_part, damaged, opened, readable
from czcheck.images.file_image import FileImage, Selections
from czcheck.images.image import Plane, Region, pixel_type_of
from czcheck.images.parts import CACHE_BYTES, PartCache, assemble
from czcheck.images.selection import spans
from czcheck.images.zarr_scenes import result_in, scenes_of
from czcheck.images.zarr_store import ContainedStore, check_chunks, document
from czcheck.text import first_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALL, _FEW = 1 << 20, 5


class ZarrImage(FileImage):
    """A Zarr store: OME-Zarr of any version up to 0.5, or a plain array whose axes are known.

    Scenes are the images of a collection (the layout of bioformats2raw) or the fields of a plate.
    Of a pyramid the full resolution is read.
    """

    def __init__(self, path: Path, selections: Selections) -> None:
        """Read what the store says of itself; no pixels.

        Args:
            path: Folder of the store.
            selections: What of it is wanted.

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
        given = self._scenes[scenes[0]].channels
        names = given if len(given) == count else ("",) * count
        plain = ["Gray"] if count == 1 else [str(each) for each in range(count)]
        channels = [(name or other, pixel_type) for name, other in zip(names, plain, strict=True)]
        self._choose_channels(channels, selections)

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
