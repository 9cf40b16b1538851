"""An image as a network takes it: its channels, their order, colours and pixel types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from czcheck.errors import InputError
from czcheck.images.image import (
    ALPHA,
    COLOURS,
    Image,
    Plane,
    Region,
    check_finite,
    pixel_types_text,
    with_samples,
)
from czcheck.images.selection import there_is
from czcheck.metadata.model_metadata import ModelMetadata
from czcheck.metadata.pixel_types import BY_CONTENT, MONOCHROME, PIXEL_TYPES
from czcheck.text import count

if TYPE_CHECKING:
    from numpy.typing import NDArray

Intensities = Literal["exact", "keep", "scale"]

# Luma of ITU-R BT.601 in the order blue, green, red, as in Pillow and OpenCV. The weights that ZEN
# uses are not public.
LUMA = (0.114, 0.587, 0.299)


class _View(Image):
    """Another image, read otherwise. Closing it closes the image."""

    def __init__(self, image: Image) -> None:
        self.path, self.format, self.channels = image.path, image.format, image.channels
        self.pixel_size, self.planes, self.tiled = image.pixel_size, image.planes, image.tiled
        self.missing, self.warnings = image.missing, image.warnings
        self._image = image

    def close(self) -> None:
        self._image.close()


class ModelImage(_View):
    """An image with exactly the channels that a network takes; see `for_model`.

    `pixel_types` are those of the model. `read` returns as many numbers per pixel as the network
    takes, and refuses pixels that are not finite.
    """

    def __init__(
        self, image: Image, pixel_types: tuple[str, ...], steps: tuple[_Step, ...]
    ) -> None:
        """Put steps in front of an image; `for_model` chooses them."""
        super().__init__(image)
        self.pixel_types, self._steps = pixel_types, steps

    @property
    def scalars(self) -> int:
        """Numbers per pixel that the network takes."""
        return sum(step.samples for step in self._steps)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The image's dtype, float32 where intensities are scaled."""
        return np.result_type(*(step.dtype for step in self._steps))

    def _read(self, plane: Plane, region: Region) -> NDArray[Any]:
        pixels = self._image.read(plane, *region)
        check_finite(pixels, self.path, plane, region.top, region.left)
        if not any(step.changes for step in self._steps):
            return pixels
        parts, first = [], 0
        for step in self._steps:
            count = PIXEL_TYPES[step.stored].scalars
            parts.append(step(pixels[..., first : first + count]))
            first += count
        return np.concatenate(parts, axis=-1, dtype=self.dtype)


@dataclass(frozen=True, slots=True)
class _Step:
    """What becomes of one channel.

    Attributes:
        stored: Its pixel type in the image.
        samples: Numbers per pixel that the network takes.
        scale: What intensities are multiplied by.
    """

    stored: str
    samples: int
    scale: float

    @property
    def dtype(self) -> str:
        return PIXEL_TYPES[self.stored].dtype if self.scale == 1 else "float32"

    @property
    def changes(self) -> bool:
        return self.scale != 1 or self.samples != PIXEL_TYPES[self.stored].scalars

    def __call__(self, pixels: NDArray[Any]) -> NDArray[Any]:
        have = pixels.shape[-1]
        if self.samples == 1 and have > 1:
            gray = pixels[..., :COLOURS] @ np.asarray(LUMA, np.float32)
            # Integers stay integers: the network gets what an 8- or 16-bit gray image would hold.
            pixels = (np.rint(gray) if pixels.dtype.kind == "u" else gray)[..., np.newaxis]
        pixels = with_samples(pixels, self.samples, PIXEL_TYPES[self.stored].maximum)
        if self.scale != 1:
            pixels = pixels * np.float32(self.scale)
        return pixels.astype(self.dtype, copy=False)


def for_model(
    image: Image,
    metadata: ModelMetadata,
    *,
    network_channels: int | None = None,
    intensities: Intensities = "exact",
) -> ModelImage:
    """A view of an image that delivers the channels of a network.

    The image's channels are compared with the model's in their order. `ConvertToMonochrome` makes
    gray of colours by the weights `LUMA`, rounded for integers; `SplitRgb` keeps blue, green, red.
    Where only one of image and model has an alpha channel, it is dropped, or added as opaque.
    Three gray channels called Red, Green and Blue are a colour to a model of colour images.

    Args:
        image: The image, with its channels selected. Closing the view closes it.
        metadata: The metadata of the model.
        network_channels: Last dimension of the network's input. It decides whether a model with
            `ConvertToMonochrome` and colour images takes gray or colours; gray if left out.
        intensities: What to do with pixels of another depth than the model's: `exact` refuses
            them, `keep` gives the network the numbers of the file, `scale` brings the range of the
            image's pixel type to that of the model's (0..255 to 0..65535, float32 to 0..1).

    Raises:
        InputError: The image's channels, colours or pixel types are not the model's. The message
            names both and the option that helps.
    """
    required = metadata.pixel_types
    gray = metadata.color_handling == MONOCHROME and network_channels in (None, len(required))
    image = _with_colours(image, required)
    stored = image.pixel_types
    if not gray and len(stored) == 1 and _splits(stored[0], required):
        step = _step(image, stored[0], required[0], len(required), intensities)
        return ModelImage(image, required, (step,))
    if len(stored) != len(required):
        raise InputError(
            f"{image.path}: the image has {_channels(stored)}, "
            f"the model takes {_channels(required)}; " + _channel_option(image, len(required))
        )
    steps = []
    for number, (have, want) in enumerate(zip(stored, required, strict=True)):
        samples = 1 if gray else PIXEL_TYPES[want].scalars
        if (PIXEL_TYPES[have].scalars == 1) != (samples == 1) and not (gray and samples == 1):
            raise InputError(_other_colours(image, number, have, want, metadata.color_handling))
        steps.append(_step(image, have, want, samples, intensities))
    view = ModelImage(image, required, tuple(steps))
    if network_channels not in (None, view.scalars):
        raise InputError(
            f"{image.path}: the network takes {network_channels} numbers per pixel, its metadata "
            f"({pixel_types_text(required)}, {metadata.color_handling}) give {view.scalars}; "
            "fix the model's metadata, see `czcheck verify`"
        )
    return view


class _ByName(_View):
    """An image whose channels Red, Green and Blue are taken as one colour channel."""

    def __init__(self, image: Image, pixel_type: str, order: list[int]) -> None:
        super().__init__(image)
        self.channels, self.pixel_types = ("RGB",), (pixel_type,)
        self._order = order

    def _read(self, plane: Plane, region: Region) -> NDArray[Any]:
        return self._image.read(plane, *region)[..., self._order]


def _with_colours(image: Image, required: tuple[str, ...]) -> Image:
    """The image, its gray channels as colours where they are called so and the model takes colours.

    OME-Zarr and many OME-TIFFs know no colour pixels, only channels.
    """
    if len(required) != 1 or PIXEL_TYPES[required[0]].scalars not in (COLOURS, ALPHA):
        return image
    names, kinds = [each.casefold() for each in image.channels], set(image.pixel_types)
    if sorted(names) != ["blue", "green", "red"] or len(kinds) != 1:
        return image
    gray = PIXEL_TYPES[kinds.pop()]
    if gray.scalars != 1:
        return image
    colour = BY_CONTENT[COLOURS, gray.dtype].name
    return _ByName(image, colour, [names.index(each) for each in ("blue", "green", "red")])


def _splits(stored: str, required: tuple[str, ...]) -> bool:
    """Whether one colour channel is split to a model's gray channels."""
    samples = PIXEL_TYPES[stored].scalars
    grays = all(PIXEL_TYPES[each].scalars == 1 for each in required) and len(set(required)) == 1
    return grays and len(required) == COLOURS and samples in (COLOURS, ALPHA)


def _step(image: Image, have: str, want: str, samples: int, intensities: Intensities) -> _Step:
    stored, model = PIXEL_TYPES[have], PIXEL_TYPES[want]
    if stored.dtype != model.dtype and intensities == "exact":
        raise InputError(
            f"{image.path}: the image is {have}, the model takes {want}; save the image as such, "
            f"or choose --intensities scale (0..{stored.maximum:g} becomes 0..{model.maximum:g}) "
            "or --intensities keep (the numbers as they are)"
        )
    scale = model.maximum / stored.maximum if intensities == "scale" else 1.0
    return _Step(have, samples, scale)


def _channels(pixel_types: tuple[str, ...]) -> str:
    return f"{count(len(pixel_types), 'channel')} ({pixel_types_text(pixel_types)})"


def _channel_option(image: Image, count: int) -> str:
    have = there_is("channel", range(len(image.channels)), image.channels)
    if len(image.channels) < count:
        return f"{have}; take an image with as many"
    return f"choose {count} with --channel; {have}"


def _other_colours(image: Image, number: int, have: str, want: str, handling: str) -> str:
    channel = f" channel {number}" if len(image.channels) > 1 else ""
    text = f"{image.path}: the image{channel} is {have}, the model takes {want} ({handling}); "
    if PIXEL_TYPES[have].scalars == 1:
        return text + "take a colour image (of an array: give color='rgb' or color='bgr')"
    return text + "choose one colour with --channel Red, Green or Blue, or save the image in gray"
