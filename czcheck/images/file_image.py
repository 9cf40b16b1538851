"""What the readers of image files have in common: selection, and one channel at a time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.errors import InputError, UsageError
from czcheck.images.image import Image, Plane, Region, fitted
from czcheck.images.selection import Selection, named, select
from czcheck.metadata.pixel_types import PIXEL_TYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Colours of a pixel as they lie in it.
COLOURS = ("Blue", "Green", "Red")


@dataclass(frozen=True, slots=True)
class Selections:
    """What of an image is wanted; None for all.

    Attributes:
        scene: Scenes.
        channel: Channels.
        time: Points in time.
        z: Sections.
        numbers: Whether to give the numbers as they are stored, as of masks: of a PNG with a
            palette or fewer than 8 bits not the colours or grays that they are shown in, and
            integers of any size, which `read` gives in their own dtype.
        allow_missing: Whether to read an image of which the file does not hold all pixels.
    """

    scene: Selection = None
    channel: Selection = None
    time: Selection = None
    z: Selection = None
    numbers: bool = False
    allow_missing: bool = False


class FileImage(Image):
    """An image file, or what of it was selected."""

    _taken: tuple[tuple[int, int | None], ...]
    # Whether integers are given as they are stored, whatever the pixel type.
    _wide = False

    def _choose_channels(self, channels: Sequence[tuple[str, str]], selections: Selections) -> None:
        """Keep the channels that are wanted.

        Args:
            channels: (name, pixel type) of all channels.
            selections: What of them is wanted.

        Raises:
            UsageError: A selection matches nothing.
        """
        self._wide = selections.numbers
        names = [name for name, _ in channels]
        self._types = types = [pixel_type for _, pixel_type in channels]
        colour = len(types) == 1 and PIXEL_TYPES[types[0]].is_colour
        if colour and selections.channel is not None:
            # A colour can be taken for itself, by its name; the number is that of the channel.
            wanted = select(self.path, "channel", selections.channel, range(4), [*names, *COLOURS])
            self._taken = tuple((0, None if each == 0 else each - 1) for each in wanted)
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
        """Keep the planes that are wanted.

        Args:
            planes: All planes of the file, in order.
            selections: What of them is wanted.

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
            missing: What the file does not hold of the selected planes, one phrase each.
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
