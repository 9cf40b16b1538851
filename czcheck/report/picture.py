"""Pictures of tiles and outputs: input, classes, confidence."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from czcheck.metadata.pixel_types import PIXEL_TYPES
from czcheck.runtime.output_statistics import most_probable

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = 1024
"""Most pixels along a side of one panel; larger images are shown with every n-th pixel."""

NO_NUMBER = (255, 0, 255)
"""Colour of pixels whose output is not a number."""

OTHER_CLASS = (128, 128, 128)
"""Colour of classes that the metadata do not know."""

_GAP = 4
_FULL = sorted({each.maximum for each in PIXEL_TYPES.values()})
_WHITE = 255
_COLOURS = 3
_BATCH_AXES = 4


def picture(
    rows: Sequence[tuple[NDArray[Any], NDArray[Any] | None]],
    colours: Sequence[tuple[int, int, int]],
    *,
    bgr: bool,
) -> bytes:
    """Draw tiles and their outputs, one below the other.

    Args:
        rows: Tiles, `(height, width, channels)`, with their outputs, `(1, height, width, classes)`,
            or None. Of a batch the first is drawn, of an output of another rank nothing.
        colours: Red, green, blue of each class; classes beyond them are grey.
        bgr: Whether the first three channels are blue, green, red.

    Returns:
        A PNG: for each row the input (its intensities stretched), the most probable classes, and
        the probability of each, black for 0 and white for 1.
    """
    drawn = []
    for tile, output in rows:
        pixels = tile[0] if tile.ndim == _BATCH_AXES else tile
        panels = [input_colours(fewer(pixels), bgr=bgr)]
        if output is not None and output.ndim == _BATCH_AXES and output.size:
            panels += _output(fewer(output[0]), colours)
        drawn.append(side_by_side(panels))
    whole = side_by_side([np.swapaxes(each, 0, 1) for each in drawn])
    return png(np.swapaxes(whole, 0, 1))


def png(image: NDArray[Any]) -> bytes:
    """An image as a PNG.

    Args:
        image: uint8, `(height, width, 3)`: red, green, blue.
    """
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(stream, "PNG")
    return stream.getvalue()


def fewer(image: NDArray[Any]) -> NDArray[Any]:
    """Every n-th pixel of an image, so that no side has more than `LARGEST`."""
    step = -(-max(image.shape[:2]) // LARGEST)
    return image[::step, ::step]


def input_colours(pixels: NDArray[Any], *, bgr: bool) -> NDArray[Any]:
    """A tile as colours; all channels stretched alike, so that hues stay.

    A tile of one intensity is as bright as that is in the least range of a pixel type that has it:
    black, white and what is between them stay apart.

    Args:
        pixels: Intensities, `(height, width, channels)`.
        bgr: Whether the first three channels are blue, green, red; of others the first is shown.

    Returns:
        Red, green, blue, uint8, `(height, width, 3)`.
    """
    shown = pixels[..., 2::-1] if bgr and pixels.shape[-1] >= _COLOURS else pixels[..., :1]
    low, high = float(shown.min()), float(shown.max())
    span = high - low
    full = next((each for each in _FULL if high <= each), high)
    stretched = (shown - low) / span if span else np.full(shown.shape, max(high, 0) / full)
    return _colour(np.broadcast_to(stretched * _WHITE, (*shown.shape[:2], _COLOURS)))


def _output(output: NDArray[Any], colours: Sequence[tuple[int, int, int]]) -> list[NDArray[Any]]:
    """The class map and the confidence."""
    values = np.real(output).astype(np.float64)
    confidence = np.clip(np.nan_to_num(values).max(axis=-1), 0, 1)[..., None] * _WHITE
    panel = _colour(np.broadcast_to(confidence, (*values.shape[:2], _COLOURS)))
    panel[~np.isfinite(values).all(axis=-1)] = NO_NUMBER
    return [class_map(output, colours), panel]


def class_map(output: NDArray[Any], colours: Sequence[tuple[int, int, int]]) -> NDArray[Any]:
    """The most probable class of each pixel, in its colour.

    Args:
        output: Probabilities, `(height, width, classes)`.
        colours: Red, green, blue of each class; classes beyond them are grey.

    Returns:
        uint8, `(height, width, 3)`; `NO_NUMBER` where a value is no finite number.
    """
    values = np.real(output).astype(np.float64)
    classes = values.shape[-1]
    table = [colours[each] if each < len(colours) else OTHER_CLASS for each in range(classes)]
    classes_of, _ = most_probable(np.nan_to_num(values))
    shown: NDArray[Any] = np.asarray(table, np.uint8)[classes_of]
    shown[~np.isfinite(values).all(axis=-1)] = NO_NUMBER
    return shown


def _colour(image: NDArray[Any]) -> NDArray[Any]:
    rounded: NDArray[Any] = np.rint(image).astype(np.uint8)
    return rounded


def side_by_side(panels: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Panels side by side on white, with a gap between."""
    height = max(panel.shape[0] for panel in panels)
    width = sum(panel.shape[1] for panel in panels) + _GAP * (len(panels) - 1)
    canvas = np.full((height, width, _COLOURS), _WHITE, np.uint8)
    left = 0
    for panel in panels:
        canvas[: panel.shape[0], left : left + panel.shape[1]] = panel
        left += panel.shape[1] + _GAP
    return canvas
