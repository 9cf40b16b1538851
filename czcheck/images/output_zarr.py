"""Writing OME-Zarr 0.4: chunk by chunk, and resuming where an interrupted run stopped.

While it is written, a store of this machine stands next to its place as NAME.unfinished, and one
elsewhere (a URL) in its place. Either is no image until it is complete: it contains what it is
made of, and a record of the blocks that are done.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numcodecs import Blosc
from ome_zarr_models.common.image_label_types import Color, Property
from ome_zarr_models.v04.axes import Axis
from ome_zarr_models.v04.image_label_types import Label
from ome_zarr_models.v04.multiscales import Dataset, Multiscale
from ome_zarr_models.v04.omero import Channel, Omero, Window

from czcheck.errors import IncompleteError, UsageError
from czcheck.files import writing
from czcheck.images.chunks import Chunk, Chunks, ZarrPart, write_chunk
from czcheck.images.output_folders import Folder, folder_for
from czcheck.images.writer import OURS, Content, Writer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.images.image import Plane


# Rows and columns. A row of chunks is in memory while tiles go along it, so they are not high.
CHUNK = 256, 1024
_AXES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
_OPAQUE = 255


class ZarrOutput(Writer):
    """Writes an OME-Zarr store; several scenes become a collection (bioformats2raw layout).

    Scenes, points in time and sections are numbered anew from 0. Blocks that share a chunk have to
    be written by one process. A block is recorded once all its chunks are written.
    """

    def __init__(self, path: str, content: Content, *, resume: bool) -> None:
        """Begin a store, or open an unfinished one.

        Args:
            path: Folder of the store, or a URL.
            content: What will be written.
            resume: Whether to continue an unfinished store. If there is a complete one, made of
                the same, nothing is left to do; if there is none, one is begun.

        Raises:
            UsageError: No such folder, something that must not be replaced, an unfinished store
                made of something else, or a package for URLs is missing.
            IncompleteError: It cannot be written there.
        """
        self.path, self.content = path, content
        self._made_of = _made_of(content)
        self._numbers = content.numbers
        self._lock = threading.Lock()
        self._chunks = Chunks(self._write, self._record)
        self._arrays: dict[int, Any] = {}
        self._done: set[str] = set()
        self._root_attributes: dict[str, Any] | None = None
        with writing(path):
            self._folder: Folder = folder_for(path)
            self._complete = resume and self._is(self._folder.finished(), unfinished=False)
            if self._complete:
                return
            found = self._folder.unfinished() if resume else None
            if self._is(found, unfinished=False):  # ended just before it was put in place
                self._folder.finish()
                self._complete = True
                return
            if found is not None and not self._is(found, unfinished=True):
                raise UsageError(
                    f"{path}: the unfinished store was made of something else "
                    f"({_differences(found.get('made_of'), self._made_of)}); leave --resume out to "
                    "begin anew"
                )
            if found is not None:
                self._done = self._folder.done()
                self._open(resumed=True)
                return
            self._folder.begin()
            try:
                self._open(resumed=False)
            except BaseException:
                self._folder.remove()  # nothing is in it that could be resumed
                raise

    def _open(self, *, resumed: bool) -> None:
        self._root = zarr.open_group(self._folder.store(), mode="a", zarr_format=2)
        if not resumed:
            self._root.attrs.put({OURS: {"unfinished": True, "made_of": self._made_of}})
        for plane in self.content.planes:
            if plane.scene not in self._arrays:
                name = f"{self._group(plane.scene)}/0".lstrip("/")
                array = self._root[name] if resumed and name in self._root else self._create(plane)
                self._arrays[plane.scene] = array

    def _create(self, plane: Plane) -> Any:
        """The array of a plane's scene: t, c, z, y, x."""
        times, sections = (len(self._numbers[axis]) for axis in ("time", "z"))
        place = self._group(plane.scene)
        group = self._root.require_group(place) if place else self._root
        array: Any = group.create_array(
            "0",
            shape=(times, len(self.content.channels), sections, plane.height, plane.width),
            chunks=(1, 1, 1, min(CHUNK[0], plane.height), min(CHUNK[1], plane.width)),
            dtype=self.content.dtype,
            compressors=Blosc(cname="zstd", clevel=1, shuffle=Blosc.SHUFFLE),
            chunk_key_encoding={"name": "v2", "separator": "/"},
            overwrite=True,
        )
        assert isinstance(array, zarr.Array)
        return array

    def _group(self, scene: int) -> str:
        """Path of a scene's group; the store itself for a single scene."""
        return str(self._numbers["scene"][scene]) if len(self._numbers["scene"]) > 1 else ""

    def _is(self, found: dict[str, Any] | None, *, unfinished: bool) -> bool:
        return (
            found is not None
            and found.get("made_of") == self._made_of
            and bool(found.get("unfinished")) == unfinished
        )

    def write(self, plane: Plane, top: int, left: int, block: NDArray[Any]) -> None:
        """Write a block and record it; see `Writer.write`."""
        if self._complete:
            return
        self.write_piece(plane, (top, left, *block.shape[:2]), top, block)

    def _write(self, chunk: Chunk) -> None:
        scene, time, z = chunk.place.plane
        numbers = self._numbers["time"][time], self._numbers["z"][z]
        write_chunk(self._arrays[scene], *numbers, chunk)

    def _record(self, key: str) -> None:
        self._folder.record(key)
        self._done.add(key)

    def part(self, plane: Plane) -> ZarrPart:
        """Where a plane lies, for other processes that write chunks of it.

        Args:
            plane: One of `content.planes`.
        """
        place = self._folder.place
        array = f"{self._group(plane.scene)}/0".lstrip("/")
        chunks = self._arrays[plane.scene].chunks
        return ZarrPart(
            self.path,
            place if "://" in place else str(Path(place).resolve()),
            array,
            self._numbers["time"][plane.time],
            self._numbers["z"][plane.z],
            plane.height,
            plane.width,
            (chunks[-2], chunks[-1]),
        )

    def record(self, plane: Plane, top: int, left: int, height: int, width: int) -> None:
        """Record a block that another process has written.

        Args:
            plane: One of `content.planes`.
            top: First row.
            left: First column.
            height: Rows.
            width: Columns.

        Raises:
            IncompleteError: The disk is full, or cannot be written.
        """
        with self._lock, writing(self.path):
            self._record(self._key(plane, top, left, height, width))

    def write_piece(
        self,
        plane: Plane,
        region: tuple[int, int, int, int],
        top: int,
        piece: NDArray[Any],
    ) -> None:
        """Write the rows of a block whose other rows another process has written, and record it.

        Args:
            plane: One of `content.planes`.
            region: The whole block: first row, first column, height and width.
            top: First row of the piece.
            piece: `(height, width)`, or `(height, width, classes)`; as wide as the block.

        Raises:
            IncompleteError: The disk is full, or cannot be written.
        """
        pixels = piece.reshape(*piece.shape[:2], -1).astype(self.content.dtype, copy=False)
        grid = self._arrays[plane.scene].chunks[-2:]
        name = (plane.scene, plane.time, plane.z)
        with self._lock, writing(self.path):
            self._chunks.add(
                pixels,
                (name, plane.height, plane.width),
                (top, region[1]),
                grid,
                self._key(plane, *region),
            )

    def written(self, plane: Plane, top: int, left: int, height: int, width: int) -> bool:
        """Whether a block is there already; see `Writer.written`."""
        return self._complete or self._key(plane, top, left, height, width) in self._done

    def read(self, plane: Plane, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        """Read a block that is there; see `Writer.read`."""
        time, z = self._numbers["time"][plane.time], self._numbers["z"][plane.z]
        with self._lock, writing(self.path):
            if plane.scene not in self._arrays:  # the store is complete
                root = zarr.open_group(self.path, mode="r", zarr_format=2)
                self._arrays[plane.scene] = root[f"{self._group(plane.scene)}/0".lstrip("/")]
            array = self._arrays[plane.scene]
            pixels = array[time, :, z, top : top + height, left : left + width]
        block: NDArray[Any] = np.moveaxis(np.asarray(pixels), 0, -1)
        return block if self.content.kind == "probabilities" else block[..., 0]

    def _key(self, plane: Plane, *region: int) -> str:
        numbers = (plane.scene, plane.time, plane.z, *region)
        return ".".join(str(each) for each in numbers)

    @property
    def is_complete(self) -> bool:
        """Whether an earlier run has written everything, so that nothing is left to do."""
        return self._complete

    @property
    def resumable(self) -> str | None:
        """Where an interrupted run left what can be resumed; None if there is nothing."""
        return None if self._complete or not self._done else self._folder.place

    def complete(self) -> None:
        """Write what is left of chunks, and the images' metadata; see `Writer.complete`."""
        if self._complete:
            return
        try:
            with self._lock, writing(self.path):
                self._chunks.flush()
                self._root_attributes = self._describe()
        except BaseException:
            self.abort()
            raise

    def commit(self) -> None:
        """Make it an image and put it in place; see `Writer.commit`."""
        if self._complete:
            return
        if self._root_attributes is None:
            self.complete()
        assert self._root_attributes is not None
        try:
            with self._lock, writing(self.path):
                self._folder.forget()
                self._root.attrs.put(self._root_attributes)  # last: from here on it is an image
                self._folder.finish()
        except BaseException:
            self.abort()
            raise

    def _describe(self) -> dict[str, Any]:
        """Write metadata of the images of a collection; returns those of the store itself."""
        scenes: dict[int, Plane] = {}
        for plane in self.content.planes:
            scenes.setdefault(plane.scene, plane)
        attributes = [
            (self._group(scene), image_attributes(self.content, plane, self.path))
            for scene, plane in scenes.items()
        ]
        root: dict[str, Any] = {OURS: {"made_of": self._made_of}}
        if len(attributes) == 1:
            return root | attributes[0][1]
        for place, each in attributes:
            self._root[place].attrs.put(each)
        listed = self._root.require_group("OME")
        listed.attrs.put({"series": [place for place, _ in attributes]})
        return {**root, "bioformats2raw.layout": 3}

    def abort(self) -> None:
        """Leave what can be resumed, marked as unfinished; if nothing was written, nothing."""
        if self._complete:
            return
        with self._lock, suppress(IncompleteError), writing(self.path):
            self._chunks.flush()
        if not self._done:
            self._folder.remove()


def _made_of(content: Content) -> dict[str, Any]:
    """What two stores of the same results have in common, as JSON values."""
    values = {
        "kind": content.kind,
        "planes": [[p.scene, p.time, p.z, p.height, p.width] for p in content.planes],
        "classes": [[each.label_value, each.name, *each.color] for each in content.classes],
        **content.source,
    }
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


def _differences(found: Any, required: dict[str, Any]) -> str:
    old = found if isinstance(found, dict) else {}
    return ", ".join(key for key in required if old.get(key) != required[key]) or "no record of it"


def image_attributes(content: Content, plane: Plane, path: str) -> dict[str, Any]:
    """Attributes of the group of one scene.

    Label images get `image-label`, with the colour and the name of each class; images with
    channels get `omero`, which is where names and colours of channels stand.

    Args:
        content: What is written.
        plane: A plane of the scene.
        path: The store, for a scene without a name.
    """
    known = content.pixel_size is not None
    height, width = content.pixel_size or (1.0, 1.0)
    multiscale = Multiscale(
        axes=[
            Axis(name=name, type=kind, unit="micrometer" if known and name in "yx" else None)
            for name, kind in _AXES.items()
        ],
        datasets=(Dataset.build(path="0", scale=(1, 1, 1, height, width), translation=None),),
        name=plane.scene_name or PurePosixPath(path.replace("\\", "/")).name,
        version="0.4",
    )
    attributes: dict[str, Any] = {"multiscales": [_plain(multiscale)]}
    if content.kind == "labels":
        label = Label(
            colors=tuple(
                Color.model_validate(
                    {"label-value": each.label_value, "rgba": (*each.color, _OPAQUE)}
                )
                for each in content.classes
            ),
            properties=tuple(
                Property.model_validate({"label-value": each.label_value, "name": each.name})
                for each in content.classes
            ),
            version="0.4",
        )
        return {**attributes, "image-label": _plain(label)}
    return {**attributes, "omero": _channels(content)}


def _channels(content: Content) -> dict[str, Any]:
    white = "FFFFFF"
    colours = ["{:02X}{:02X}{:02X}".format(*each.color) for each in content.classes]
    shown = colours if content.kind == "probabilities" else [white]
    window = Window(min=0, max=1, start=0, end=1)
    return _plain(
        Omero(
            channels=[
                Channel.model_validate({"label": name, "color": colour, "window": window})
                for name, colour in zip(content.channels, shown, strict=True)
            ]
        )
    )


def _plain(model: Any) -> dict[str, Any]:
    plain: dict[str, Any] = model.model_dump(by_alias=True, exclude_none=True, mode="json")
    return plain
