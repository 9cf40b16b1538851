"""Decoders, and limits on what they may make."""

from __future__ import annotations

import logging
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from czcheck.errors import CzcheckError, IncompleteError, InputError, UsageError
from czcheck.limits import GIB

# Of images that have to be in memory as a whole, and of the tiles, strips and chunks of others.
MOST_IN_MEMORY = 4 * GIB
MOST_PART = 1 * GIB
MOST_PIXELS = 10**12
MOST_PLANES = 100_000
MOST_CHANNELS = 1000

_LOGGERS = ("tifffile", "PIL", "imagecodecs")
_silent = threading.local()
# TIFF's numbers of JPEG, JPEG 2000, WebP and PNG.
COMPRESSIONS = (6, 7, 33007, 34892, 33003, 33004, 33005, 34712, 34927, 50001, 34933)
_SIZ = b"\xff\x4f\xff\x51"
_WEBP_SIDE = 0x3FFF


class _Silence(logging.Filter):
    """Drops what a decoder logs in a thread that reads for us, which raises an error anyway."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002
        return not getattr(_silent, "depth", 0)


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_Silence())


class UnfinishedStoreError(InputError):
    """A store that czcheck has begun, and not completed."""


@contextmanager
def readable(path: str | Path, place: str = "") -> Iterator[None]:
    """Turn what decoders raise on damaged files into one line, and silence their log.

    Args:
        path: The file, for the message.
        place: Where in it, such as ` at row 3, column 4`.

    Raises:
        InputError: The decoder failed.
        IncompleteError: There is not enough memory.
    """
    _silent.depth = getattr(_silent, "depth", 0) + 1
    try:
        yield
    except CzcheckError:
        raise
    except MemoryError as error:
        raise IncompleteError(f"{path}: there is not enough memory to read it{place}") from error
    except PermissionError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except Exception as error:  # decoders raise whatever they like on damaged files
        raise damaged(path, place, " ".join(str(error).split()) or type(error).__name__) from error
    finally:
        _silent.depth -= 1


@contextmanager
def opened(path: str | Path) -> Iterator[None]:
    """As `readable`, for opening files, and without Python's warnings.

    Those are switched for the whole process, so this is not for threads.

    Args:
        path: The file, for the message.

    Raises:
        InputError: The decoder failed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with readable(path):
            yield


def damaged(path: str | Path, place: str, reason: str) -> InputError:
    """The error for a file that cannot be decoded.

    Args:
        path: The file.
        place: Where in it, such as ` at row 3, column 4`; may be empty.
        reason: What the decoder reports.
    """
    return InputError(
        f"{path}: the image is damaged or of a kind that cannot be read{place}: {reason[:200]}"
    )


def extra(path: str | Path, what: str, package: str) -> UsageError:
    """The error for a missing package that only some images need.

    Args:
        path: The image.
        what: The kind of image, such as `CZI`.
        package: The package.
    """
    return UsageError(
        f"{path}: {what} needs the package {package}; "
        "install it with: pip install 'czcheck[images]'"
    )


def check_memory(path: str | Path, height: int, width: int, pixel_bytes: int) -> None:
    """Refuse an image that has to be in memory as a whole and is too large for that.

    Args:
        path: The file, for the message.
        height: Height in pixels.
        width: Width in pixels.
        pixel_bytes: Bytes per pixel.

    Raises:
        InputError: It is too large.
    """
    size = height * width * pixel_bytes
    if size > MOST_IN_MEMORY:
        raise InputError(
            f"{path}: {width}x{height} pixels have to be held in memory as a whole and are too "
            f"many ({size / GIB:.1f} of at most {MOST_IN_MEMORY // GIB} GiB); save the image as "
            "tiled TIFF, CZI or OME-Zarr"
        )


def bounded(path: str | Path, *, height: int, width: int, planes: int, channels: int) -> None:
    """Refuse absurd sizes before anything is made of them.

    Args:
        path: The file, for the message.
        height: Height of a plane in pixels.
        width: Width in pixels.
        planes: Planes of all scenes.
        channels: Channels, samples included.

    Raises:
        InputError: A size is not above zero, or too large.
    """
    if min(height, width, planes, channels) < 1:
        raise InputError(f"{path}: the image holds no pixels ({width}x{height}, {planes} planes)")
    for value, most, words in (
        (height * width, MOST_PIXELS, f"{width}x{height} pixels"),
        (planes, MOST_PLANES, f"{planes} planes"),
        (channels, MOST_CHANNELS, f"{channels} channels"),
    ):
        if value > most:
            raise InputError(f"{path}: {words} are more than the {most} that are read")


def bounded_part(path: str | Path, what: str, size: int) -> None:
    """Refuse parts, such as tiles, of absurd sizes.

    Args:
        path: The file, for the message.
        what: What the parts are: `tiles`, `strips`, `chunks`.
        size: Bytes of one once it is decoded.

    Raises:
        InputError: It is too large.
    """
    if size > MOST_PART:
        raise InputError(
            f"{path}: the image's {what} are too large ({size / GIB:.1f} of at most "
            f"{MOST_PART // GIB} GiB each); save it with smaller ones"
        )


def encoded_pixels(data: bytes) -> int:
    """Number of pixels by the header of a coded image; 0 where there is no known header.

    Args:
        data: JPEG, JPEG 2000, WebP or PNG, from its beginning.
    """
    try:
        return max((height * width for height, width in _sides(data)), default=0)
    except (struct.error, IndexError):
        return 0  # cut short, which its decoder reports


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
