"""Test tiles from image files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.errors import InputError
from czcheck.images.folders import images_in
from czcheck.images.formats import open_image
from czcheck.images.image import ALPHA, COLOURS, Image, with_samples
from czcheck.metadata.pixel_types import PIXEL_TYPES
from czcheck.test_tiles.patterns import Tile
from czcheck.text import count

if TYPE_CHECKING:
    from numpy.typing import NDArray


def tiles_from(path: Path, height: int, width: int, channels: int) -> Iterator[Tile]:
    """Tiles cut from PNG and TIFF images, with the intensities that are in the file.

    An image of the tile's own size is taken as it is, of a larger one the centre; a smaller one is
    continued by reflection. The tile's name tells which. Images are stored as red, green, blue
    (alpha), and the format's colour types as blue, green, red (alpha): the order is turned, and
    an opaque alpha added or alpha dropped where only the network or only the image has it.

    Args:
        path: An image, or a folder of them (those in folders below are left out).
        height: Height of the network's tile in pixels.
        width: Width in pixels.
        channels: The network's channels: 1 for gray, 3 or 4 for colour.

    Returns:
        The tiles, by file name; each is decoded when its turn comes.

    Raises:
        UsageError: No such path, no image in the folder, or a file of another kind.
        InputError: An image that is damaged, too large, or has not the network's channels. Raised
            at once for what is in the headers.
    """
    files = images_in(path)
    for file in files:
        with open_image(file) as image:
            _check(image, channels)
    return (_tile(file, height, width, channels) for file in files)


def _check(image: Image, channels: int) -> None:
    """Compare an image's planes and channels, by its header, with what can be run."""
    if len(image.planes) > 1:
        raise InputError(
            f"{image.path}: the image has {len(image.planes)} planes; save one, without scenes, "
            "time or depth"
        )
    colours = len(image.pixel_types) == 1 and {image.scalars, channels} == {COLOURS, ALPHA}
    if image.scalars != channels and not colours:
        raise InputError(
            f"{image.path}: the image has {count(image.scalars, 'channel')}, the network takes "
            f"{channels}; save the image with as many"
        )


def _tile(path: Path, height: int, width: int, channels: int) -> Tile:
    with open_image(path) as image:
        plane = image.planes[0]
        rows, columns = min(height, plane.height), min(width, plane.width)
        top, left = (plane.height - rows) // 2, (plane.width - columns) // 2
        pixels = image.read(plane, top, left, rows, columns)
        pixels = with_samples(pixels, channels, PIXEL_TYPES[image.pixel_types[0]].maximum)
    name = path.name
    cut = (plane.height, plane.width) != (rows, columns)
    extended = (rows, columns) != (height, width)
    if extended:
        pixels = _reflect(pixels, height, width)
    if cut or extended:
        words = ["centre"] * cut + ["extended by reflection"] * extended
        name += f" ({', '.join(words)})"

    return Tile(name, np.ascontiguousarray(pixels, np.float32), natural=True)


def _reflect(pixels: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Continue an image on all sides by its own reflection, as often as it takes."""
    margins = []
    for have, want in zip(pixels.shape[:2], (height, width), strict=True):
        before = (want - have) // 2
        margins.append((before, want - have - before))
    extended: NDArray[Any] = np.pad(pixels, [*margins, (0, 0)], mode="symmetric")
    return extended
