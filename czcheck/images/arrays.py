"""Arrays in memory, and lazy ones, as images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from czcheck.errors import UsageError
from czcheck.images.image import Image, Plane, Region, fitted, pixel_type_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WITH_CHANNELS = 3
COLOURS, ALPHA = 3, 4


class ArrayImage(Image):
    """An array of one plane; regions are taken when they are read."""

    format = "array"

    def __init__(
        self,
        array: Any,
        *,
        name: str,
        color: Literal["rgb", "bgr"] | None,
        channels: tuple[str, ...] | None,
        pixel_size: tuple[float, float] | None,
    ) -> None:
        """Wrap an array; the arguments are those of `wrap_array`."""
        shape = tuple(array.shape)
        if len(shape) not in (2, 3) or 0 in shape:
            raise UsageError(
                f"{name}: an image is (height, width) or (height, width, channels), not {shape}"
            )
        count = shape[2] if len(shape) == _WITH_CHANNELS else 1
        if color is not None and count not in (COLOURS, ALPHA):
            raise UsageError(f"{name}: color={color!r} needs 3 or 4 channels, not {count}")
        self.path = name
        if color is None:
            self.pixel_types = (pixel_type_of(array.dtype, 1, name),) * count
        else:
            self.pixel_types = (pixel_type_of(array.dtype, count, name),)
        self.channels = channels or tuple(str(each) for each in range(len(self.pixel_types)))
        if len(self.channels) != len(self.pixel_types):
            raise UsageError(
                f"{name}: {len(self.channels)} names for {len(self.pixel_types)} channels"
            )
        self.pixel_size = pixel_size
        self.planes = (Plane(0, 0, 0, "", int(shape[0]), int(shape[1])),)
        self.tiled = True
        self._array, self._turned = array, color == "rgb"

    def _read(self, plane: Plane, region: Region) -> NDArray[Any]:
        part = np.asarray(self._array[region.rows, region.columns])
        pixels = part.reshape(region.height, region.width, -1)
        pixels = fitted(pixels, self.dtype, self.path, plane, region)
        return to_bgr(pixels) if self._turned else pixels


def to_bgr(pixels: NDArray[Any]) -> NDArray[Any]:
    """Red, green, blue (alpha) as blue, green, red (alpha).

    Args:
        pixels: `(height, width, 3 or 4)`.
    """
    return pixels[..., [2, 1, 0, *range(3, pixels.shape[-1])]]


def with_samples(pixels: NDArray[Any], samples: int, opaque: float) -> NDArray[Any]:
    """Colours with alpha or without; anything else as it is.

    Args:
        pixels: `(height, width, 3 or 4)`.
        samples: 3 drops alpha, 4 adds it.
        opaque: What an alpha that is added is.
    """
    have = pixels.shape[-1]
    if (have, samples) == (ALPHA, COLOURS):
        return pixels[..., :COLOURS]
    if (have, samples) == (COLOURS, ALPHA):
        alpha = np.full((*pixels.shape[:2], 1), opaque, pixels.dtype)
        return np.concatenate([pixels, alpha], axis=-1)
    return pixels


def wrap_array(
    array: Any,
    *,
    name: str = "array",
    color: Literal["rgb", "bgr"] | None = None,
    channels: tuple[str, ...] | None = None,
    pixel_size: tuple[float, float] | None = None,
) -> Image:
    """An array as an image of one plane.

    Args:
        array: numpy, dask or zarr array, `(height, width)` or `(height, width, channels)`, uint8,
            uint16 or float32. Lazy arrays are computed region by region.
        name: What messages call it.
        color: Order of the colours where the last dimension holds colours (and alpha). If left
            out, each of its elements is a gray channel of its own.
        channels: Names of the channels; their numbers if left out.
        pixel_size: (height, width) of a pixel in micrometres.

    Raises:
        UsageError: Another shape, or names that do not fit.
        InputError: A dtype for which the format has no pixel type.
    """
    return ArrayImage(array, name=name, color=color, channels=channels, pixel_size=pixel_size)
