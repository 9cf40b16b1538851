"""A preview of a plane with its classes in the model's colours, and a legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from czcheck.images.png import png_texts
from czcheck.text import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.images.image import Plane
    from czcheck.metadata.classes import SegmentationClass
    from czcheck.segmenting.planes import Block

LARGEST = 4096
"""Most pixels along a side; of larger planes every n-th pixel is shown."""

_OPACITY = 0.4
_COLOURS = 3
_WHITE, _DARK, _GREY = 255, (24, 24, 24), (150, 150, 150)
# The darkest and the brightest pixels are left aside when intensities are stretched.
_LOW, _HIGH = 0.5, 99.8
_LEAST_WIDTH = 240
_FONT, _LARGEST_FONT = 14, 40
_ROWS = 256


class Overlay:
    """Collects the preview of a plane. A `Sink`."""

    def __init__(self, plane: Plane, classes: Sequence[SegmentationClass], *, bgr: bool) -> None:
        """Show nothing yet.

        Args:
            plane: The plane.
            classes: The model's classes.
            bgr: Whether the image's first three channels are blue, green, red.
        """
        self._plane = plane
        self._classes = classes
        self._bgr = bgr
        self._step = -(-max(plane.height, plane.width) // LARGEST)
        self._pixels: NDArray[Any] | None = None
        self._labels: NDArray[Any] | None = None

    def take(self, block: Block) -> None:
        """Store every n-th pixel of a block."""
        self.show(block.top, block.left, block.labels, block.pixels)

    def show(self, top: int, left: int, labels: NDArray[Any], pixels: NDArray[Any]) -> None:
        """Store every n-th pixel of a region.

        Args:
            top: First row in the plane.
            left: First column.
            labels: `(height, width)`.
            pixels: `(height, width, channels)`.
        """
        step = self._step
        colours = self._bgr and pixels.shape[-1] >= _COLOURS
        shown = pixels[..., 2::-1] if colours else pixels[..., :1]
        if self._pixels is None or self._labels is None:
            shape = (-(-self._plane.height // step), -(-self._plane.width // step))
            self._pixels = np.zeros((*shape, shown.shape[-1]), pixels.dtype)
            self._labels = np.zeros(shape, labels.dtype)
        rows, columns = -top % step, -left % step
        part = labels[rows::step, columns::step]
        first, second = (top + rows) // step, (left + columns) // step
        where = (
            slice(first, first + part.shape[0]),
            slice(second, second + part.shape[1]),
        )
        self._labels[where] = part
        self._pixels[where] = shown[rows::step, columns::step]

    def save(
        self, path: Path, shares: Mapping[int, float], about: Mapping[str, str] | None = None
    ) -> None:
        """Write the preview.

        Args:
            path: A PNG that is there already, or not.
            shares: Share of the plane's pixels with each label, 0..1; label 0 included.
            about: Texts that go into the file, by keyword.

        Raises:
            OSError: The disk is full, or the file cannot be written.
        """
        assert self._pixels is not None
        assert self._labels is not None
        drawn = Image.fromarray(_coloured(self._pixels, self._labels, self._classes))
        legend = _legend(self._classes, shares, drawn.width)
        whole = Image.new("RGB", (legend.width, drawn.height + legend.height), _DARK)
        whole.paste(drawn, (0, 0))
        whole.paste(legend, (0, drawn.height))
        whole.save(path, "PNG", pnginfo=png_texts(about or {}))


def _coloured(
    pixels: NDArray[Any], labels: NDArray[Any], classes: Sequence[SegmentationClass]
) -> NDArray[Any]:
    """Intensities stretched, all channels alike so that hues stay, under the classes' colours."""
    # A few hundred thousand pixels give the range as well as all of them.
    step = max(1, round((pixels.size / 4e5) ** 0.5))
    low, high = (float(each) for each in np.percentile(pixels[::step, ::step], (_LOW, _HIGH)))
    scale = _WHITE / (high - low) if high > low else 1.0
    # Red, green, blue, and how much of the image is seen, for each label.
    paint = np.zeros((max(each.label_value for each in classes) + 1, _COLOURS + 1), np.float32)
    paint[:, _COLOURS] = 1
    for each in classes:
        paint[each.label_value, :_COLOURS] = np.multiply(each.color, _OPACITY)
        paint[each.label_value, _COLOURS] = 1 - _OPACITY
    painted = np.empty((*pixels.shape[:2], _COLOURS), np.uint8)
    for row in range(0, len(pixels), _ROWS):
        rows = slice(row, row + _ROWS)
        part = (pixels[rows].astype(np.float32) - np.float32(low)) * np.float32(scale)
        over = paint[labels[rows]]
        painted[rows] = np.clip(part, 0, _WHITE) * over[..., _COLOURS:] + over[..., :_COLOURS]
    return painted


def _legend(classes: Sequence[SegmentationClass], shares: Mapping[int, float], width: int) -> Any:
    """Class names with their colours and shares, in as many lines as it takes."""
    from PIL import Image, ImageFont  # noqa: PLC0415

    size = min(max(_FONT, width // 60), _LARGEST_FONT)
    font = ImageFont.load_default(size)
    entries = [
        (each.color, f"{printable(each.name)} {shares.get(each.label_value, 0):.1%}")
        for each in classes
    ]
    if shares.get(0, 0) > 0:
        entries.append((_GREY, f"below the minimum confidence {shares[0]:.1%}"))
    width = max(width, _LEAST_WIDTH)
    gap, line = size // 2, size * 2
    places: list[tuple[int, int]] = []
    left, top = gap, 0
    for _, text in entries:
        length = 2 * size + gap + round(_length(font, text))
        if left > gap and left + length > width:
            left, top = gap, top + line
        places.append((left, top))
        left += length + gap
    legend = Image.new("RGB", (width, top + line), _DARK)
    draw = ImageDraw.Draw(legend)
    for (colour, text), (left, top) in zip(entries, places, strict=True):
        box = (left, top + gap, left + size, top + gap + size)
        if colour is _GREY:
            draw.rectangle(box, outline=colour)
        else:
            draw.rectangle(box, fill=colour)
        draw.text((left + size + gap, top + line // 2), text, (_WHITE,) * 3, font, anchor="lm")
    return legend


def _length(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str) -> float:
    return font.getlength(text)
