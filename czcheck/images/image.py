"""What an image is: planes of pixels that are read region by region, of a file or an array."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from czcheck.errors import InputError, UsageError
from czcheck.metadata.pixel_types import BY_CONTENT, PIXEL_TYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self
_WITH_CHANNELS = 3
COLOURS, ALPHA = 3, 4


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane of an image: what stands at one scene, time and depth.

    Attributes:
        scene: Number of the scene in the file; from 0 in all formats but CZI.
        time: Number of the point in time, likewise.
        z: Number of the section, likewise.
        scene_name: The scene's name; empty where it has none.
        height: Height in pixels.
        width: Width in pixels.
        top: Row of the plane's first pixel in the coordinates of the file, where it knows some.
        left: Column of the plane's first pixel, likewise.
        name: Tells the plane from the file's others in names of files: `_s0_t1_z2`, with
            only the parts in which planes of the selection differ; empty for a single plane.
    """

    scene: int
    time: int
    z: int
    scene_name: str
    height: int
    width: int
    top: int = 0
    left: int = 0
    name: str = ""


class Region(NamedTuple):
    """A part of a plane, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def rows(self) -> slice:
        """Its rows."""
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        """Its columns."""
        return slice(self.left, self.left + self.width)


class Image(ABC):
    """An image whose planes are read region by region.

    A context manager: leaving it closes the file. `read` may be called from several threads at
    once; readers whose library does not allow that let one in at a time.

    Attributes:
        path: Where the image comes from, for messages.
        format: Name of the file's format: `PNG`, `TIFF`, `OME-TIFF`, `CZI`, `Zarr`, `OME-Zarr`,
            `array`.
        channels: Names of the channels.
        pixel_types: The channels' pixel types, in the words of the format; section 1.4.
        pixel_size: (height, width) of a pixel in micrometres; None where the image does not know.
        planes: The planes in the order of scene, time and depth. All have the same channels.
        tiled: Whether regions are read without holding the whole plane in memory.
        result: What the file contains, by its own mark, if czcheck wrote it: `labels`,
            `probabilities`, `confidence` or `overlay`; empty for files of others.
        missing: What the file lacks of the selected planes, one phrase each. Pixels there
            are 0. Empty unless the image was opened with `allow_missing`.
        warnings: What else a user should know about the pixels, one sentence each.
    """

    result: str = ""
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    path: str
    format: str
    channels: tuple[str, ...]
    pixel_types: tuple[str, ...]
    pixel_size: tuple[float, float] | None
    planes: tuple[Plane, ...]
    tiled: bool

    @property
    def pixel_type(self) -> str:
        """The pixel types of all channels as one word, such as `Gray16` or `2 x Gray8`."""
        return pixel_types_text(self.pixel_types)

    @property
    def scalars(self) -> int:
        """Numbers per pixel over all channels: the last dimension of what `read` returns."""
        return sum(PIXEL_TYPES[each].scalars for each in self.pixel_types)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype that `read` returns: the file's, and for mixed channels one that holds all."""
        return np.result_type(*(PIXEL_TYPES[each].dtype for each in self.pixel_types))

    def read(self, plane: Plane, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        """Read a region of one plane.

        Args:
            plane: One of `planes`.
            top: First row.
            left: First column.
            height: Rows.
            width: Columns.

        Returns:
            `(height, width, scalars)` of `dtype`, with the intensities that are in the file;
            channel after channel, colours as blue, green, red (alpha).

        Raises:
            InputError: The file is damaged here.
            ValueError: The region is not within the plane.
        """
        if not (
            0 <= top < top + height <= plane.height and 0 <= left < left + width <= plane.width
        ):
            raise ValueError(f"{top, left, height, width} is not within {plane}")
        return self._read(plane, Region(top, left, height, width))

    @abstractmethod
    def _read(self, plane: Plane, region: Region) -> NDArray[Any]:
        """Read a region that is within the plane."""

    def close(self) -> None:  # noqa: B027 - many have nothing to close
        """Close the file; `read` must not be called afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def pixel_types_text(pixel_types: Sequence[str]) -> str:
    """Pixel types as a few words: `Gray8`, `3 x Gray8`, `Gray8 + Bgr24`."""
    if len(set(pixel_types)) == 1:
        return pixel_types[0] if len(pixel_types) == 1 else f"{len(pixel_types)} x {pixel_types[0]}"
    return " + ".join(pixel_types)


def pixel_type_of(dtype: np.dtype[Any], samples: int, place: str | Path) -> str:
    """The format's word for pixels of a dtype.

    Integers that the format does not know count as 16 bits: cameras and label images are often
    saved as int16 or uint32 and use less. `fitted` refuses values for which that is not true.

    Args:
        dtype: dtype of one number, in any byte order.
        samples: Numbers per pixel: 1 for gray, 3 for colours, 4 for colours with alpha.
        place: The image, for the message.

    Raises:
        InputError: The format has no such pixel type.
    """
    found = BY_CONTENT.get((samples, dtype.name))
    if found is None and dtype.kind in "iu" and samples in (1, 3):
        found = BY_CONTENT[samples, "uint16"]
    if found is None:
        count = 1 if samples == 1 else 3
        near = [each.name for each in BY_CONTENT.values() if each.scalars == count]
        kind = {1: "gray", 3: "colours", 4: "colours with alpha"}.get(samples, f"{samples} samples")
        raise InputError(
            f"{place}: the pixels are {dtype.name} ({kind}), for which the format has no pixel "
            f"type; save the image as uint8, uint16 or float32 ({', '.join(near)})"
        )
    return found.name


def fitted(
    pixels: NDArray[Any], dtype: np.dtype[Any], path: str, plane: Plane, region: Region
) -> NDArray[Any]:
    """Integers of other kinds as the 16 bits that `pixel_type_of` takes them for.

    Args:
        pixels: `(height, width, scalars)`, a region of the plane.
        dtype: dtype of the pixel type.
        path: The image, for the message.
        plane: The plane.
        region: The region.

    Raises:
        InputError: A value does not fit; the message names the first one.
    """
    if pixels.dtype == dtype:
        return pixels
    if pixels.dtype.kind in "iu" and pixels.size:
        most = np.iinfo(dtype).max
        if pixels.min() < 0 or pixels.max() > most:
            row, column, scalar = (int(e) for e in np.argwhere((pixels < 0) | (pixels > most))[0])
            where = f"row {region.top + row}, column {region.left + column}{in_plane(plane)}"
            raise InputError(
                f"{path}: the pixel at {where} is {pixels[row, column, scalar]}, and the format "
                f"knows integers from 0 to {most}; save the image as uint16"
            )
    return pixels.astype(dtype)


def check_finite(pixels: NDArray[Any], path: str, plane: Plane, top: int, left: int) -> None:
    """Refuse pixels that are no numbers: for them, a network returns anything.

    Args:
        pixels: `(height, width, scalars)`, a region of the plane.
        path: The image, for the message.
        plane: The plane.
        top: First row of the region in the plane.
        left: First column.

    Raises:
        InputError: A pixel is NaN or infinite; the message names the first one.
    """
    if pixels.dtype.kind != "f" or (finite := np.isfinite(pixels)).all():
        return
    row, column, scalar = (int(each) for each in np.argwhere(~finite)[0])
    where = f"row {top + row}, column {left + column}{in_plane(plane)}"
    raise InputError(
        f"{path}: the pixel at {where} is {pixels[row, column, scalar]}; "
        "replace pixels that are no numbers"
    )


def in_plane(plane: Plane) -> str:
    """A plane for the end of a phrase, such as ` of scene 1, time 2`; empty for a single one."""
    words = {"s": "scene", "t": "time", "z": "z"}
    parts = [f"{words[each[0]]} {each[1:]}" for each in plane.name.split("_") if each]
    return f" of {', '.join(parts)}" if parts else ""


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
