"""Test tiles from image files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.errors import InputError, UsageError
from czcheck.test_tiles.patterns import Tile

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENDINGS = (".png", ".tif", ".tiff")
MOST_PIXELS = 100_000_000
_COLOUR, _ALPHA = 3, 4
# Modes of Pillow that are read as another one: palette, bits, gray with alpha.
_RESOLVED = ("P", "1", "LA")
# Where a PNG's header holds bits per channel; the kind of colour follows, 0 for gray.
_PNG_DEPTH, _PNG_START, _BYTE = 24, 26, 8


def tiles_from(path: Path, height: int, width: int, channels: int) -> Iterator[Tile]:
    """Tiles cut from PNG and TIFF images, with the intensities that are in the file.

    An image of the tile's own size is taken as it is, of a larger one the centre; a smaller one is
    continued by reflection. The tile's name says which. Images are stored as red, green, blue
    (alpha), and the format's colour types as blue, green, red (alpha): the order is turned, and
    an opaque alpha added or alpha dropped where only the network or only the image has it.

    Args:
        path: An image, or a folder of them (those in folders below are left out).
        height: Height of the network's tile in pixels.
        width: Width in pixels.
        channels: The network's channels: 1 for gray, 3 or 4 for colour.

    Returns:
        The tiles, by file name; each is decoded when its turn comes.

    Raises:
        UsageError: No such path, no image in the folder, or a file of another kind.
        InputError: An image that is damaged, too large, or has not the network's channels. Raised
            at once for what the headers tell.
    """
    files = _files(path)
    for file in files:
        _check(file, channels)
    return (_tile(file, height, width, channels) for file in files)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.suffix.lower() in ENDINGS)
        if not files:
            raise UsageError(f"{path}: the folder holds no image ({', '.join(ENDINGS)})")
        return files
    if not path.is_file():
        raise UsageError(f"{path}: no such image")
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path}: cannot be read as an image; name a {', '.join(ENDINGS)} file")
    return [path]


def _check(path: Path, channels: int) -> None:
    """Hold an image's size and channels, as its header gives them, against what can be run."""
    rows, columns, stored = _header(path)
    if rows * columns * stored > MOST_PIXELS:
        raise InputError(
            f"{path}: {columns}x{rows} pixels are too many; cut out a part of "
            f"at most {MOST_PIXELS // stored} pixels"
        )
    fits = stored == channels or {stored, channels} == {_COLOUR, _ALPHA}
    if not fits:
        raise InputError(
            f"{path}: the image has {_channels(stored)}, the network takes {channels}; "
            "save the image with as many"
        )


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"


def _header(path: Path) -> tuple[int, int, int]:
    """Height, width and channels of an image that is not decoded yet."""
    try:
        if path.suffix.lower() == ".png":
            return png_header(path)
        return _tiff_header(path)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever they like on damaged files
        raise _damaged(path) from error


def png_header(path: Path) -> tuple[int, int, int]:
    """Height, width and channels of a PNG that is not decoded yet.

    Args:
        path: The file.

    Raises:
        InputError: Colours of 16 bits, which Pillow would cut to 8.
        Exception: Whatever Pillow raises on a damaged file.
    """
    from PIL import Image  # noqa: PLC0415

    with path.open("rb") as stream:
        start = stream.read(_PNG_START)
    depth, colour = start[_PNG_DEPTH], start[_PNG_DEPTH + 1]
    if depth > _BYTE and colour != 0:
        raise InputError(
            f"{path}: colours of 16 bits in a PNG would be cut to 8; save the image as TIFF"
        )
    with _quiet(), Image.open(path, formats=("PNG",)) as image:
        return image.height, image.width, len(_bands(image))


def _bands(image: Any) -> tuple[str, ...]:
    """Channels of a PNG once a palette is resolved and a gray image's alpha is dropped."""
    if image.mode == "P":
        return ("R", "G", "B")
    if image.mode in ("1", "LA"):
        return ("L",)
    bands: tuple[str, ...] = image.getbands()
    return bands


def _tiff_header(path: Path) -> tuple[int, int, int]:
    import tifffile  # noqa: PLC0415

    with tifffile.TiffFile(path) as image:
        series = image.series[0]
        rows, columns, stored, _ = _layout(path, series.shape, series.axes)
        return rows, columns, stored


def _layout(path: Path, shape: tuple[int, ...], axes: str) -> tuple[int, int, int, bool]:
    """Height, width, channels, and whether the channels come first, of a TIFF's first series."""
    sizes = [(axis, size) for axis, size in zip(axes, shape, strict=True) if size != 1]
    left = "".join(axis for axis, _ in sizes if axis not in "YX")
    if left and (len(left) > 1 or left not in "SC"):
        raise InputError(
            f"{path}: the image has the axes {axes} {shape}; "
            "save one plane with its channels, without time or depth"
        )
    size = dict(zip(axes, shape, strict=True))
    first = bool(left) and axes.index(left) < axes.index("Y")
    return size["Y"], size["X"], size[left] if left else 1, first


def _tile(path: Path, height: int, width: int, channels: int) -> Tile:
    try:
        pixels = _decode(path)
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise _damaged(path) from error
    pixels = _in_the_format_s_order(pixels, channels)
    rows, columns = pixels.shape[:2]
    name = path.name
    cut = rows > height or columns > width
    extended = rows < height or columns < width
    if cut:
        top, left = max(0, rows - height) // 2, max(0, columns - width) // 2
        pixels = pixels[top : top + height, left : left + width]
        name += " (centre)" if not extended else ""
    if extended:
        pixels = _reflect(pixels, height, width)
        name += " (extended by reflection)" if not cut else " (centre, extended by reflection)"
    import numpy as np  # noqa: PLC0415

    return Tile(name, np.ascontiguousarray(pixels, np.float32), natural=True)


def _decode(path: Path) -> NDArray[Any]:
    """Pixels as they are in the file, `(height, width, channels)`."""
    import numpy as np  # noqa: PLC0415

    if path.suffix.lower() == ".png":
        return decode_png(path)
    import tifffile  # noqa: PLC0415

    with tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        rows, columns, stored, first = _layout(path, series.shape, series.axes)
        pixels = series.asarray()
    if first:
        pixels = np.moveaxis(pixels.reshape(stored, rows, columns), 0, -1)
    image: NDArray[Any] = pixels.reshape(rows, columns, stored)
    return image


def decode_png(path: Path) -> NDArray[Any]:
    """Pixels of a PNG, `(height, width, channels)`: gray, or red, green, blue (alpha).

    Palettes are resolved, bits become 0 and 255, and the alpha of a gray image is dropped.

    Args:
        path: The file.

    Raises:
        Exception: Whatever Pillow raises on a damaged file.
    """
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    with _quiet(), Image.open(path, formats=("PNG",)) as png:
        bands = _bands(png)
        plain = png.convert("".join(bands)) if png.mode in _RESOLVED else png
        pixels = np.asarray(plain)
    image: NDArray[Any] = pixels.reshape(*pixels.shape[:2], -1)
    return image


def _in_the_format_s_order(pixels: NDArray[Any], channels: int) -> NDArray[Any]:
    """Red, green, blue (alpha) to blue, green, red (alpha), with as many channels as asked."""
    import numpy as np  # noqa: PLC0415

    if channels not in (_COLOUR, _ALPHA):
        return pixels
    parts = [pixels[..., 2::-1]]
    if channels == _ALPHA and pixels.shape[-1] == _ALPHA:
        parts.append(pixels[..., 3:])
    elif channels == _ALPHA:
        opaque = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
        parts.append(np.full((*pixels.shape[:2], 1), opaque, pixels.dtype))
    return np.concatenate(parts, axis=-1)


def _reflect(pixels: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Continue an image on all sides by its own reflection, as often as it takes."""
    import numpy as np  # noqa: PLC0415

    margins = []
    for have, want in zip(pixels.shape[:2], (height, width), strict=True):
        before = (want - have) // 2
        margins.append((before, want - have - before))
    extended: NDArray[Any] = np.pad(pixels, [*margins, (0, 0)], mode="symmetric")
    return extended


def _damaged(path: Path) -> InputError:
    return InputError(f"{path}: the image is damaged or of a kind that cannot be read")


class _quiet:  # noqa: N801  (reads as a word)
    """Keeps a decoder's warnings away: size is checked here, and damage is told as an error."""

    def __enter__(self) -> None:
        self._caught = warnings.catch_warnings()
        self._caught.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *error: object) -> None:
        self._caught.__exit__(None, None, None)
