"""Pixel types and ways to handle colours, as the format names them. Section 1.4 of the format."""

from __future__ import annotations

from dataclasses import dataclass

MONOCHROME = "ConvertToMonochrome"
SPLIT_RGB = "SplitRgb"
COLOR_HANDLINGS = (MONOCHROME, SPLIT_RGB)


@dataclass(frozen=True, slots=True)
class PixelType:
    """A pixel type of the format. Section 1.4 of the format.

    Attributes:
        scalars: Numbers per pixel.
        dtype: numpy's name of one number's type.
        maximum: Upper end of the raw range; the lower end is 0.
        usable: False for the complex types, which no network can have as input.
    """

    scalars: int
    dtype: str
    maximum: float
    usable: bool = True


PIXEL_TYPES: dict[str, PixelType] = {
    "Gray8": PixelType(1, "uint8", 255),
    "Gray16": PixelType(1, "uint16", 65535),
    "Gray32Float": PixelType(1, "float32", 1.0),
    "Bgr24": PixelType(3, "uint8", 255),
    "Bgr48": PixelType(3, "uint16", 65535),
    "Bgr96Float": PixelType(3, "float32", 1.0),
    "Bgra32": PixelType(4, "uint8", 255),
    "Gray64ComplexFloat": PixelType(2, "float32", 1.0, usable=False),
    "Bgr192ComplexFloat": PixelType(6, "float32", 1.0, usable=False),
}
