"""What the readers of image files share: selection, one channel at a time, regions put together."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from czcheck.errors import InputError, UsageError
from czcheck.images.image import Image, Plane, Region, fitted
from czcheck.images.selection import Selections, named, select, spans
from czcheck.limits import MIB
from czcheck.metadata.pixel_types import PIXEL_TYPES
from czcheck.text import first_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


# Colours of a pixel as they lie in it.
COLOURS = ("Blue", "Green", "Red")
_FEW = 3
# Enough for a row of strips or chunks while a network's tiles go along it.
CACHE_BYTES = 64 * MIB


def channel_names(given: Sequence[str], count: int, single: str = "Gray") -> list[str]:
    """Names of all channels: those that a file gives, if it is as many; else their numbers.

    Args:
        given: The names that the file gives; may be empty.
        count: Number of channels.
        single: Name of an only channel.
    """
    plain = [single] if count == 1 else [str(number) for number in range(count)]
    names = given if len(given) == count else plain
    return [name or other for name, other in zip(names, plain, strict=True)]


class FileImage(Image):
    """An image file, or what of it was selected."""

    _taken: tuple[tuple[int, int | None], ...]
    # Whether integers are given as they are stored, whatever the pixel type.
    _wide = False

    def _choose_channels(self, channels: Sequence[tuple[str, str]], selections: Selections) -> None:
        """Choose channels.

        Args:
            channels: (name, pixel type) of all channels.
            selections: What of them is read.

        Raises:
            UsageError: A selection matches nothing.
        """
        self._wide = selections.numbers
        names = [name for name, _ in channels]
        self._types = types = [pixel_type for _, pixel_type in channels]
        colour = len(types) == 1 and PIXEL_TYPES[types[0]].is_colour
        if colour and selections.channel is not None:
            # A colour can be taken for itself, by its name; the number is that of the channel.
            taken = select(self.path, "channel", selections.channel, range(4), [*names, *COLOURS])
            self._taken = tuple((0, None if each == 0 else each - 1) for each in taken)
        else:
            chosen = select(self.path, "channel", selections.channel, range(len(channels)), names)
            self._taken = tuple((each, None) for each in chosen)
        self.channels = tuple(
            names[number] if part is None else COLOURS[part] for number, part in self._taken
        )
        self.pixel_types = tuple(
            types[number] if part is None else PIXEL_TYPES[types[number]].component.name
            for number, part in self._taken
        )

    def _choose_planes(self, planes: Sequence[Plane], selections: Selections) -> list[int]:
        """Choose planes.

        Args:
            planes: All planes of the file, in order.
            selections: What of them is read.

        Returns:
            Numbers of their scenes, in order. Only these have to be alike.

        Raises:
            UsageError: A selection matches nothing.
        """
        scenes = {plane.scene: plane.scene_name for plane in planes}
        numbers = sorted(scenes)
        names = [scenes[each] for each in numbers]
        scene = set(select(self.path, "scene", selections.scene, numbers, names))
        times = sorted({plane.time for plane in planes})
        time = set(select(self.path, "time", selections.time, times))
        sections = sorted({plane.z for plane in planes})
        z = set(select(self.path, "z", selections.z, sections))
        chosen = [
            each for each in planes if each.scene in scene and each.time in time and each.z in z
        ]
        if not chosen:
            raise UsageError(f"{self.path}: the selection of scene, time and z holds no plane")
        self.planes = named(chosen)
        return sorted({each.scene for each in chosen})

    def _report_missing(self, missing: Sequence[str], fix: str, *, allowed: bool) -> None:
        """Refuse an image of which pixels are missing, or note what is missing.

        Args:
            missing: What the file lacks of the selected planes, one phrase each.
            fix: What helps, as a sentence without its end.
            allowed: Whether the user allows it.

        Raises:
            InputError: Something is missing, and that is not allowed.
        """
        if missing and not allowed:
            raise InputError(
                f"{self.path}: {'; '.join(missing)}. {fix}, or go on with --allow-missing "
                "(allow_missing=True): missing pixels are then 0, and the result names them"
            )
        self.missing = tuple(missing)

    def _read(self, plane: Plane, region: Region) -> NDArray[Any]:
        parts = []
        for number, part in self._taken:
            pixels = self._read_channel(plane, number, region)
            dtype = np.dtype(PIXEL_TYPES[self._types[number]].dtype)
            if not (self._wide and pixels.dtype.kind in "iu"):
                pixels = fitted(pixels, dtype, self.path, plane, region)
            parts.append(pixels if part is None else pixels[..., part : part + 1])
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts, axis=-1, dtype=None if self._wide else self.dtype)

    @abstractmethod
    def _read_channel(self, plane: Plane, channel: int, region: Region) -> NDArray[Any]:
        """A region of one of the file's channels, `(height, width, samples)`, native byte order."""


class PlaneOf(NamedTuple):
    """A plane of one channel, by its numbers in the file."""

    scene: int
    time: int
    z: int
    channel: int


def missing_planes(selected: Sequence[PlaneOf], absent: Collection[PlaneOf]) -> str:
    """Which of the selected planes a file lacks, such as `2 of 6 planes: time 1`.

    Args:
        selected: All planes that are selected.
        absent: Those that are missing, one at least.
    """
    noun = "plane" if len(selected) == 1 else "planes"
    return f"{len(absent)} of {len(selected)} {noun}: {_named(selected, absent)}"


def _named(selected: Sequence[PlaneOf], absent: Collection[PlaneOf]) -> str:
    """The missing planes by the numbers in which the selected ones differ."""
    differ = [
        name for name in PlaneOf._fields if len({getattr(each, name) for each in selected}) > 1
    ]
    if not differ:
        return "the only one"
    values = {name: sorted({getattr(each, name) for each in absent}) for name in differ}
    if len(absent) == prod(map(len, values.values())):
        every = {name: {getattr(each, name) for each in selected} for name in differ}
        # Nothing is gained by a dimension along which all are missing.
        parts = [name for name in differ if len(values[name]) < len(every[name])] or differ
        return ", ".join(f"{name} {spans(values[name])}" for name in parts)
    texts = [
        ", ".join(f"{name} {getattr(each, name)}" for name in differ) for each in sorted(absent)
    ]
    return first_of(texts, _FEW, "; ")


class PartCache:
    """The parts decoded last, up to a number of bytes but one at least; safe among threads."""

    def __init__(self, most: int) -> None:
        """Begin with nothing."""
        self._most, self._bytes = most, 0
        self._parts: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, load: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """A part, decoded unless it is stored."""
        with self._lock:
            if key in self._parts:
                self._parts.move_to_end(key)
                return self._parts[key]
        part = load()
        with self._lock:
            if key not in self._parts:
                self._parts[key] = part
                self._bytes += part.nbytes
            while self._bytes > self._most and len(self._parts) > 1:
                _, dropped = self._parts.popitem(last=False)
                self._bytes -= dropped.nbytes
        return part


def assemble(
    region: Region,
    part: tuple[int, int],
    like: tuple[int, np.dtype[Any]],
    load: Callable[[int, int], NDArray[Any]],
) -> NDArray[Any]:
    """A region of a plane that is stored in a grid of parts.

    Args:
        region: The region.
        part: (height, width) of a part; the last ones may be smaller.
        like: (samples, dtype) of the result.
        load: Gives the part of a row and a column of the grid, `(height, width, samples)`.

    Returns:
        `(height, width, samples)`, an array of its own.
    """
    samples, dtype = like
    high, wide = part
    bottom, right = region.top + region.height, region.left + region.width
    result = np.empty((region.height, region.width, samples), dtype)
    for row in range(region.top // high, -(-bottom // high)):
        for column in range(region.left // wide, -(-right // wide)):
            top, left = max(region.top, row * high), max(region.left, column * wide)
            end, side = min(bottom, (row + 1) * high), min(right, (column + 1) * wide)
            pixels = load(row, column)
            result[top - region.top : end - region.top, left - region.left : side - region.left] = (
                pixels[
                    top - row * high : end - row * high, left - column * wide : side - column * wide
                ]
            )
    return result
