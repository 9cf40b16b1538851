"""Textures as microscopes see them, computed by sums and products alone: equal on every machine.

Each is float32, `(height, width)`, 0..1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

_FIBRE_CELL, _BLOB_CELL = 56, 40
# Cells across the shorter side of a tile, at least.
_LEAST_CELLS = 4


def grain(generator: Generator, height: int, width: int) -> NDArray[np.float32]:
    """Fine grain on a background of middle brightness, as in electron micrographs.

    Args:
        generator: Source of all that is random.
        height: Height in pixels.
        width: Width in pixels.
    """
    image = generator.random((height, width), np.float32)
    image += generator.random((height, width), np.float32)
    soften(image)
    image *= np.float32(0.25)
    image += _clouds(generator, height, width, _BLOB_CELL) * np.float32(0.3) + np.float32(0.05)
    return np.clip(image, 0, 1, out=image)


def fibres(generator: Generator, height: int, width: int) -> NDArray[np.float32]:
    """Thin bright curves that cross on a dark background, as of stained filaments.

    Args:
        generator: Source of all that is random.
        height: Height in pixels.
        width: Width in pixels.
    """
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
    """Large bright regions with soft, irregular edges, as of tissue or of colonies.

    Args:
        generator: Source of all that is random.
        height: Height in pixels.
        width: Width in pixels.
    """
    field = _clouds(generator, height, width, _BLOB_CELL)
    field += _clouds(generator, height, width, _BLOB_CELL // 4) * np.float32(0.25)
    image: NDArray[np.float32] = (field - np.float32(0.55)) * np.float32(4)
    np.clip(image, 0, 1, out=image)
    image *= np.float32(0.6)
    image += np.float32(0.15)
    _add_noise(generator, image)
    return image


def soften(image: NDArray[np.float32]) -> None:
    """Blur by one pixel in place, the outermost pixels excepted.

    Args:
        image: The image.
    """
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
