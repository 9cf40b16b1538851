"""PNG files: decoded whole, since the format knows no regions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.images.arrays import to_bgr
from czcheck.images.decoders import bounded, held, opened
from czcheck.images.file_image import FileImage, Selections
from czcheck.images.image import Plane, Region, pixel_type_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COLOUR = 3


class PngImage(FileImage):
    """A PNG file: gray of 8 or 16 bits, colours of 8 bits, with alpha or without."""

    format = "PNG"
    tiled = False
    pixel_size = None

    def __init__(self, path: Path, selections: Selections) -> None:
        """Decode a file.

        Args:
            path: The file.
            selections: What of it is wanted.

        Raises:
            UsageError: A selection matches nothing.
            InputError: The file is damaged, too large, or has colours of 16 bits.
        """
        import numpy as np  # noqa: PLC0415

        from czcheck.test_tiles.images import decode_png, png_header  # noqa: PLC0415

        self.path = str(path)
        with opened(path):
            height, width, samples = png_header(path)
            bounded(path, height=height, width=width, planes=1, channels=samples)
            held(path, height, width, samples)
            pixels = decode_png(path)
        if pixels.dtype == np.bool_:
            pixels = pixels.astype(np.uint8) * np.uint8(255)
        pixel_type = pixel_type_of(pixels.dtype, samples, path)
        self._pixels = to_bgr(pixels) if samples >= _COLOUR else pixels
        name = "RGB" if samples >= _COLOUR else "Gray"
        self._describe([Plane(0, 0, 0, "", height, width)], [(name, pixel_type)], selections)

    def _read_channel(self, plane: Plane, channel: int, region: Region) -> NDArray[Any]:  # noqa: ARG002
        part: NDArray[Any] = self._pixels[region.rows, region.columns].copy()
        return part
