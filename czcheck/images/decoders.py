"""Guarding against what files do to decoders: damage, absurd sizes, warnings."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from czcheck.errors import CzcheckError, InputError
from czcheck.limits import GIB

# Of images that have to be held as a whole, and of the parts of which others are made.
MOST_HELD = 4 * GIB
MOST_PART = 1 * GIB


@contextmanager
def readable(path: str | Path, place: str = "") -> Iterator[None]:
    """Turn what decoders raise on damaged files into one line, and keep their warnings away.

    Args:
        path: The file, for the message.
        place: Where in it, such as ` at row 3, column 4`.

    Raises:
        InputError: The decoder failed.
    """
    try:
        yield
    except (CzcheckError, MemoryError):
        raise
    except PermissionError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except Exception as error:  # decoders raise whatever they like on damaged files
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{path}: the image is damaged or of a kind that cannot be read{place}: {reason}"
        ) from error


@contextmanager
def quiet(*loggers: str) -> Iterator[None]:
    """Keep the warnings of decoders away, for opening files; not for threads.

    Args:
        loggers: Names of the loggers through which they warn.
    """
    kept = {name: logging.getLogger(name).level for name in loggers}
    try:
        for name in loggers:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in kept.items():
            logging.getLogger(name).setLevel(level)


def held(path: str | Path, height: int, width: int, pixel_bytes: int) -> None:
    """Refuse an image that would have to be held in memory and is too large for that.

    Args:
        path: The file, for the message.
        height: Height in pixels.
        width: Width in pixels.
        pixel_bytes: Bytes per pixel.

    Raises:
        InputError: It is too large.
    """
    size = height * width * pixel_bytes
    if size > MOST_HELD:
        raise InputError(
            f"{path}: {width}x{height} pixels have to be held in memory as a whole and are too "
            f"many ({size / GIB:.1f} of at most {MOST_HELD // GIB} GiB); save the image as tiled "
            "TIFF, CZI or OME-Zarr"
        )
