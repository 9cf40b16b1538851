"""The pixel types of the format: what each holds, and which one holds given numbers."""

from __future__ import annotations

from typing import NamedTuple

MONOCHROME = "ConvertToMonochrome"
SPLIT_RGB = "SplitRgb"
COLOR_HANDLINGS = (MONOCHROME, SPLIT_RGB)


class PixelType(NamedTuple):
    """A pixel type of the format. Section 1.4 of the format.

    Attributes:
        name: The format's name.
        scalars: Numbers per pixel.
        dtype: numpy's name of one number's type.
        bits: Bits of one number.
        maximum: Upper end of the raw range, 1 for floats; the lower end is 0.
        order: Order of the colours in a pixel, `bgr` or `bgra`; empty for gray.
        usable: False for the complex types, which no network can have as input.
    """

    name: str
    scalars: int
    dtype: str
    bits: int
    maximum: int
    order: str = ""
    usable: bool = True

    @property
    def is_colour(self) -> bool:
        """Whether a pixel holds blue, green and red."""
        return bool(self.order)

    @property
    def component(self) -> PixelType:
        """The gray pixel type of one of its numbers; of gray types the type itself."""
        return self if self.scalars == 1 else BY_CONTENT[1, self.dtype]


PIXEL_TYPES: dict[str, PixelType] = {
    each.name: each
    for each in (
        PixelType("Gray8", 1, "uint8", 8, 255),
        PixelType("Gray16", 1, "uint16", 16, 65535),
        PixelType("Gray32Float", 1, "float32", 32, 1),
        PixelType("Bgr24", 3, "uint8", 8, 255, "bgr"),
        PixelType("Bgr48", 3, "uint16", 16, 65535, "bgr"),
        PixelType("Bgr96Float", 3, "float32", 32, 1, "bgr"),
        PixelType("Bgra32", 4, "uint8", 8, 255, "bgra"),
        PixelType("Gray64ComplexFloat", 2, "float32", 32, 1, usable=False),
        PixelType("Bgr192ComplexFloat", 6, "float32", 32, 1, "bgr", usable=False),
    )
}
"""All pixel types by their names, in the order of the format."""

BY_CONTENT: dict[tuple[int, str], PixelType] = {
    (each.scalars, each.dtype): each for each in PIXEL_TYPES.values() if each.usable
}
"""The usable pixel types by numbers per pixel and dtype of one number."""
