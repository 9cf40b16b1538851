"""Test tiles that are made: uniform, gradients, noise, and textures such as microscopes see."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.metadata.pixel_types import PIXEL_TYPES, PixelType

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray


_FIBRE_CELL, _BLOB_CELL = 56, 40
# Cells across the shorter side of a tile, at least.
_LEAST_CELLS = 4
NATURAL = ("nuclei", "grain", "fibres", "blobs")
"""Names of the tiles that look like a microscope's images."""
NAMES = (
    *NATURAL,
    "gradient",
    "checkerboard",
    "constant",
    "hot-pixel",
    "zeros",
    "saturated",
    "noise",
)
"""Names of the tiles that `tiles` yields, in their order."""
# One nucleus for so many pixels; radii in pixels.
_PIXELS_EACH = 2600
_RADII = (5.0, 15.0)
_MOST_NUCLEI = 65535
_COLOURS = 3
# Pixels along a square of the checkerboard; intensities of the flat tiles, 0..1.
_SQUARE = 8
_GREY, _DARK = 0.4, 0.1
# A stain that is blue to the eye, as parts of its brightness in B, G, R.
_STAIN = (1.0, 0.55, 0.3)


def grain(generator: Generator, height: int, width: int) -> NDArray[np.float32]:
    """Fine grain on a background of middle brightness, as in electron micrographs."""
    image = generator.random((height, width), np.float32)
    image += generator.random((height, width), np.float32)
    soften(image)
    image *= np.float32(0.25)
    image += _clouds(generator, height, width, _BLOB_CELL) * np.float32(0.3) + np.float32(0.05)
    return np.clip(image, 0, 1, out=image)


def fibres(generator: Generator, height: int, width: int) -> NDArray[np.float32]:
    """Thin bright curves that cross on a dark background, as of stained filaments."""
    image = np.full((height, width), 0.12, np.float32)
    for _ in range(3):
        # Where a smooth random field crosses its middle, it draws a curve.
        ridge = 1 - np.abs(2 * _clouds(generator, height, width, _FIBRE_CELL) - 1)
        for _ in range(4):
            ridge *= ridge
        np.maximum(image, ridge * np.float32(0.75), out=image)
    _add_noise(generator, image)
    return image


def blobs(generator: Generator, height: int, width: int) -> NDArray[np.float32]:
    """Large bright regions with soft, irregular edges, as of tissue or of colonies."""
    field = _clouds(generator, height, width, _BLOB_CELL)
    field += _clouds(generator, height, width, _BLOB_CELL // 4) * np.float32(0.25)
    image: NDArray[np.float32] = (field - np.float32(0.55)) * np.float32(4)
    np.clip(image, 0, 1, out=image)
    image *= np.float32(0.6)
    image += np.float32(0.15)
    _add_noise(generator, image)
    return image


def soften(image: NDArray[np.float32]) -> None:
    """Blur by one pixel in place, the outermost pixels excepted."""
    for turned in (image, image.T):
        if turned.shape[0] > 2:  # nothing between two edges
            middle = turned[1:-1] * 2
            middle += turned[:-2]
            middle += turned[2:]
            middle /= 4
            turned[1:-1] = middle


def _add_noise(generator: Generator, image: NDArray[np.float32]) -> None:
    noise = generator.random(image.shape, np.float32)
    noise *= np.float32(0.06)
    image += noise
    np.clip(image, 0, 1, out=image)


def _clouds(generator: Generator, height: int, width: int, cell: int) -> NDArray[np.float32]:
    """Random values on a coarse grid, smoothly drawn out over the pixels between."""
    cell = max(2, min(cell, min(height, width) // _LEAST_CELLS))
    grid = generator.random((height // cell + 2, width // cell + 2), np.float32)

    def between(size: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        place = np.arange(size)
        part = ((place % cell) / cell).astype(np.float32)
        return place // cell, part * part * (3 - 2 * part)

    rows, down = between(height)
    columns, right = between(width)
    lines = grid[rows] + (grid[rows + 1] - grid[rows]) * down[:, None]
    image: NDArray[np.float32] = lines[:, columns]
    image += (lines[:, columns + 1] - image) * right
    return image


_TEXTURES = {"grain": grain, "fibres": fibres, "blobs": blobs}


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A tile to run through a network.

    Attributes:
        name: Short name, unique among the tiles of one run.
        pixels: float32, `(height, width, channels)`, raw intensities of the pixel type; colours in
            the order blue, green, red, alpha.
        natural: Whether it looks like a microscope's image. The output for the others may be
            anything within the format.
    """

    name: str
    pixels: NDArray[np.float32]
    natural: bool


def tiles(
    height: int,
    width: int,
    channels: int,
    pixel_type: str,
    seed: int = 0,
    names: Collection[str] = NAMES,
) -> Iterator[Tile]:
    """The built-in test tiles.

    Args:
        height: Height of the network's tile in pixels.
        width: Width in pixels.
        channels: Number of channels.
        pixel_type: The format's name of the pixel type, which sets the range of intensities:
            0..255, 0..65535, or 0..1 for floats. Intensities of integer types are whole numbers.
        seed: Seed of everything that is random.
        names: Which of the tiles to make. A tile is the same whichever others are made.

    Yields:
        `nuclei`, bright nuclei on uneven background; `grain`, `fibres` and `blobs`, other textures
        of microscopes; `gradient`, from 0 at the top left to the largest intensity; `checkerboard`,
        squares of 8 pixels; `constant`; `hot-pixel`, one bright pixel on a dark tile; `zeros`;
        `saturated`, the largest intensity everywhere; `noise`, every intensity equally often.
    """
    shape = (height, width, channels)
    kind = PIXEL_TYPES[pixel_type]
    for number, name in enumerate(NAMES):
        if name not in names:
            continue
        if name == "nuclei":
            image, _ = synthetic_nuclei(height, width, seed)
        elif name in NATURAL:
            generator = np.random.Generator(np.random.PCG64([seed, 10 + number]))
            image = _TEXTURES[name](generator, height, width)
        else:
            yield Tile(name, _pattern(name, shape, kind.maximum, seed), natural=False)
            continue
        yield Tile(name, _stained(image, shape, kind), natural=True)


def _pattern(name: str, shape: tuple[int, int, int], top: int, seed: int) -> NDArray[np.float32]:
    """A tile that is no image, the same in every channel but for noise."""
    if name == "noise":
        generator = np.random.Generator(np.random.PCG64([seed, 1]))
        if top > 1:
            return generator.integers(0, top + 1, shape, np.uint16).astype(np.float32)
        return generator.random(shape, np.float32)
    height, width, _ = shape
    plane = np.zeros((height, width), np.float32)
    if name == "gradient":
        rows = np.linspace(0, 0.5, height, dtype=np.float32)
        plane += rows[:, None] + np.linspace(0, 0.5, width, dtype=np.float32)
    elif name == "checkerboard":
        down, right = np.arange(height) // _SQUARE, np.arange(width) // _SQUARE
        plane += (down[:, None] + right) % 2
    elif name == "constant":
        plane += _GREY
    elif name == "hot-pixel":
        plane += _DARK
        plane[height // 2, width // 2] = 1
    elif name == "saturated":
        plane += 1
    plane *= top
    pixels = np.repeat(plane[..., None], shape[2], axis=2)
    return np.rint(pixels, out=pixels) if top > 1 else pixels


def _stained(
    image: NDArray[np.float32], shape: tuple[int, int, int], kind: PixelType
) -> NDArray[np.float32]:
    """An image in every channel: stained blue for colours, and opaque where there is alpha."""
    channels, top = shape[2], kind.maximum
    pixels = np.empty(shape, np.float32)
    for channel in range(channels):
        if kind.is_colour and channel >= _COLOURS:
            pixels[..., channel] = top
        elif kind.is_colour:
            np.multiply(image, top * _STAIN[channel], out=pixels[..., channel])
        else:
            np.multiply(image, top * (1 - 0.5 * channel / channels), out=pixels[..., channel])
    return np.rint(pixels, out=pixels) if top > 1 else pixels


def synthetic_nuclei(
    height: int, width: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """An image that looks like stained cell nuclei, and where they are.

    Soft-edged ellipses of different size, direction and brightness on a background that is
    brighter towards one side, slightly blurred, with noise. Where nuclei overlap, the one that was
    laid down first keeps its pixels.

    Args:
        height: Height in pixels.
        width: Width in pixels.
        seed: Seed of everything that is random.

    Returns:
        The image, float32 `(height, width)`, 0..1; and the mask, uint16 of the same shape: 0 for
        background, 1, 2, 3, ... for the nuclei.
    """
    generator = np.random.Generator(np.random.PCG64([seed, 0]))
    image = np.zeros((height, width), np.float32)
    mask = np.zeros((height, width), np.uint16)
    count = min(max(3, height * width // _PIXELS_EACH), _MOST_NUCLEI)
    # On a tile that is smaller than a few nuclei, they shrink with it.
    scale = min(1.0, min(height, width) / (4 * _RADII[1]))
    placed = 0
    for row, column, first, second, angle, brightness in _ellipses(generator, count):
        drawn = _draw(
            image,
            mask,
            placed + 1,
            centre=(row * height, column * width),
            radii=(first * scale, second * scale),
            angle=angle,
            brightness=brightness,
        )
        placed += drawn
    soften(image)
    tilt = generator.uniform(-0.06, 0.06, 2)
    rows = np.linspace(-1, 1, height, dtype=np.float32) * np.float32(tilt[0])
    columns = np.linspace(-1, 1, width, dtype=np.float32) * np.float32(tilt[1])
    image += rows[:, None]
    image += columns + np.float32(0.16)
    noise = generator.standard_normal((height, width), np.float32)
    noise *= np.float32(0.02)
    image += noise
    return np.clip(image, 0, 1, out=image), mask


def _ellipses(generator: Generator, count: int) -> list[list[float]]:
    """Row and column of the centre (0..1), two radii (pixels), angle, brightness (0..1)."""
    first = generator.uniform(*_RADII, count)
    columns: list[Any] = [
        generator.random(count),
        generator.random(count),
        first,
        first * generator.uniform(0.6, 1, count),
        generator.uniform(0, math.pi, count),
        generator.uniform(0.25, 0.7, count),
    ]
    table: list[list[float]] = np.stack(columns, axis=1).tolist()
    return table


def _draw(
    image: NDArray[np.float32],
    mask: NDArray[np.uint16],
    label: int,
    *,
    centre: tuple[float, float],
    radii: tuple[float, float],
    angle: float,
    brightness: float,
) -> bool:
    """Lay down one nucleus; returns whether any of its pixels are seen."""
    reach = math.ceil(1.25 * max(radii)) + 1
    top, left = max(0, int(centre[0]) - reach), max(0, int(centre[1]) - reach)
    window = (slice(top, int(centre[0]) + reach + 1), slice(left, int(centre[1]) + reach + 1))
    part, labels = image[window], mask[window]
    down = np.arange(top, top + part.shape[0], dtype=np.float32)[:, None] - centre[0]
    right = np.arange(left, left + part.shape[1], dtype=np.float32) - centre[1]
    cosine, sine = math.cos(angle), math.sin(angle)
    along = (right * cosine + down * sine) / radii[0]
    across = (down * cosine - right * sine) / radii[1]
    distance = along * along
    distance += across * across
    # 1 well inside, 0 outside, half way at the edge of the ellipse.
    profile = np.clip((1.5 - distance) * brightness, 0, brightness)
    np.maximum(part, profile, out=part)
    inside = (distance <= 1) & (labels == 0)
    labels[inside] = label
    return bool(inside.any())
