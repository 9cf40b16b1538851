"""Images inside tiles and strips, whose decoders believe the size that those give themselves.

A strip of a kilobyte, coded as JPEG 2000, can say that it has billions of pixels.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

# TIFF's numbers of JPEG, JPEG 2000, WebP and PNG.
COMPRESSIONS = (6, 7, 33007, 34892, 33003, 33004, 33005, 34712, 34927, 50001, 34933)

_SIZ = b"\xff\x4f\xff\x51"
_WEBP_SIDE = 0x3FFF


def encoded_pixels(data: bytes) -> int:
    """Number of pixels that a coded image says it has; 0 where it says nothing that is known.

    Args:
        data: JPEG, JPEG 2000, WebP or PNG, from its beginning.
    """
    try:
        return max((height * width for height, width in _sides(data)), default=0)
    except (struct.error, IndexError):
        return 0  # cut short, which its decoder tells


def _sides(data: bytes) -> Iterator[tuple[int, int]]:
    if data.startswith(b"\x89PNG"):
        yield struct.unpack_from(">II", data, 16)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        yield _webp(data)
    elif data.startswith(b"\xff\xd8"):
        yield from _jpeg(data)
    else:
        at = data.find(_SIZ)
        while at >= 0:
            yield struct.unpack_from(">II", data, at + 8)
            at = data.find(_SIZ, at + 4)


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        sides = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return next(sides), next(sides)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & _WEBP_SIDE) + 1, (bits >> 14 & _WEBP_SIDE) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & _WEBP_SIDE, height & _WEBP_SIDE


def _jpeg(data: bytes) -> Iterator[tuple[int, int]]:
    """Size in the frame's header, found as libjpeg finds it: what is no marker is passed over."""
    at = 2
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            yield struct.unpack_from(">HH", data, at + 5)
            return
        if marker == 0xFF:  # filling
            at += 1
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:  # stand alone
            at += 2
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
