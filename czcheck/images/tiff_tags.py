"""What the tags of a TIFF say of its numbers: what cannot be read, and what is worth a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.errors import InputError

if TYPE_CHECKING:
    import tifffile

_MIN_IS_WHITE, _YCBCR = 0, 6
_OTHER_COLOURS = {5: "CMYK", 8: "CIELab", 9: "ICCLab", 10: "ITULab"}
# Compressions whose decoders make red, green and blue of YCbCr: JPEG in its kinds.
_JPEG = (6, 7, 33007, 34892)
_COLOURS = 3
_ORIENTATION, _UPRIGHT = 274, 1


def check_colours(path: Path, page: tifffile.TiffPage) -> None:
    """Refuse colours that would be taken for something else.

    Args:
        path: The file, for the message.
        page: A page of the image.

    Raises:
        InputError: They are neither gray, red, green and blue, nor a palette.
    """
    photometric = int(page.photometric)
    several = page.samplesperpixel >= _COLOURS
    name = _OTHER_COLOURS.get(photometric) if several else None
    if photometric == _YCBCR and int(page.compression) not in _JPEG:
        name = "YCbCr without JPEG"
    if name is not None:
        raise InputError(
            f"{path}: the colours are {name}, which is not read; save the image in RGB"
        )


def tag_warnings(page: tifffile.TiffPage, *, numbers: bool) -> Iterator[str]:
    """What tags say that the numbers alone do not.

    Args:
        page: The first page of the image.
        numbers: Whether it is a mask, which is not looked at.
    """
    if int(page.photometric) == _MIN_IS_WHITE and not numbers:
        yield (
            "the file says that 0 is white (MinIsWhite); the numbers are taken as they are stored, "
            "not inverted"
        )
    tag = page.tags.get(_ORIENTATION)
    if tag is not None and tag.value != _UPRIGHT:
        yield (
            f"the file says that the image is to be turned or mirrored (Orientation {tag.value}); "
            "it is read as it is stored"
        )
