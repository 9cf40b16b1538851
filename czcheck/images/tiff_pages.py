"""The pages of a TIFF series: regions of uncompressed ones, and of those in tiles or strips."""

from __future__ import annotations

import threading
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tifffile

from czcheck.errors import InputError
from czcheck.images.decoders import (
    COMPRESSIONS,
    bounded_part,
    check_memory,
    damaged,
    encoded_pixels,
)
from czcheck.images.file_image import CACHE_BYTES, PartCache, assemble
from czcheck.images.image import Region
from czcheck.images.tiff_series import dimensions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# A plane in a single strip has to be decoded whole; so have few ones.
_FEW_PARTS = 2
_BAND = 1024
_JPEG = (6, 7, 33007, 34892)
_SEPARATE = 2
# Tiles and strips at edges may be coded as whole ones.
_MUCH_LARGER, _SMALL = 4, 1 << 22
# Value of the pixels of tiles that are not stored.
_NODATA = 42113
# Of the files of one image, which can be thousands.
_MOST_OPEN = 64


class Samples(NamedTuple):
    """Some of a page's samples."""

    first: int
    number: int


class Pages:
    """The pages of one series.

    Attributes:
        series: The series.
        dtype: What `read` returns; bits come as uint8, 0 and 255.
        tiled: Whether regions are read without decoding whole planes.
    """

    series: tifffile.TiffPageSeries
    dtype: np.dtype[Any]
    tiled: bool

    def __init__(
        self, path: Path, series: tifffile.TiffPageSeries, samples: int, lock: threading.Lock
    ) -> None:
        """Look at how the pages are stored.

        Args:
            path: The file, for messages.
            series: The series.
            samples: Samples of each page.
            lock: Guards the file's position.

        Raises:
            InputError: The file is truncated, or its tiles or strips are too large.
        """
        self._path, self._samples = path, samples
        self.series = series
        self._key = key = series.keyframe
        if key.dtype is None or series.dtype is None:
            raise InputError(f"{path}: the pixels are of a kind that cannot be read")
        self.dtype = np.dtype(np.uint8 if key.dtype == np.bool_ else key.dtype.newbyteorder("="))
        self._lock = lock
        self._opened: list[tifffile.FileHandle] = []
        self._whole = None if series.is_multifile else series.dataoffset
        part, separate = _part(key), self._separate(key)
        if self._whole is not None:
            self.tiled = True
            size = prod(dimensions(series)[1]) * key.dtype.itemsize
            self._check_end(self._whole, size, key.parent.filehandle)
            return
        grid = key.imagelength / part[0] * key.imagewidth / part[1]
        self.tiled = grid >= _FEW_PARTS or key.is_tiled
        pixel = (1 if separate else samples) * self.dtype.itemsize
        self._cache = PartCache(CACHE_BYTES)
        if key.is_tiled:
            bounded_part(path, "tiles", prod(part) * pixel)
            return
        # While a row of network tiles is read, the strips that it crosses are stored.
        check_memory(path, *part, pixel)
        rows = max(part[0], min(_BAND, key.imagelength))
        parts = prod(self._lead("C")) * (samples if separate else 1)
        self._cache = PartCache(max(CACHE_BYTES, rows * key.imagewidth * pixel * parts))

    def missing_decoder(self) -> str | None:
        """Name of a compression for which a package is missing."""
        key = self._key
        try:
            tifffile.TIFF.DECOMPRESSORS[key.compression]
            tifffile.TIFF.UNPREDICTORS[key.predictor]
        except KeyError as error:
            if "imagecodecs" in str(error):
                return str(getattr(key.compression, "name", key.compression))
        return None

    def read(self, place: tuple[int, ...], samples: Samples, region: Region) -> NDArray[Any]:
        """A region of one page.

        Args:
            place: Place of the page on the series' leading axes.
            samples: Which samples to read.
            region: The region, within the page.

        Returns:
            `(height, width, samples.number)` of `dtype`.
        """
        if self._whole is not None:
            return self._mapped(self._whole, place, samples, region)

        number = self._number(place)
        page: Any = self._page(place)
        if page is None:  # missing, which whoever opened the image has allowed
            return np.zeros((region.height, region.width, samples.number), self.dtype)
        if _pixels(page.keyframe) != _pixels(self._key):
            raise damaged(
                self._path, "", f"{page.parent.filename} holds planes of another size or kind"
            )
        part = _part(page.keyframe)
        if not self._separate(page.keyframe):
            pixels = assemble(
                region,
                part,
                (self._samples, self.dtype),
                lambda row, column: self._segment(page, number, 0, row, column),
            )
            return pixels[..., samples.first : samples.first + samples.number]
        return np.concatenate(
            [
                assemble(
                    region,
                    part,
                    (1, self.dtype),
                    lambda row, column, each=each: self._segment(page, number, each, row, column),  # type: ignore[misc]
                )
                for each in range(samples.first, samples.first + samples.number)
            ],
            axis=-1,
        )

    def is_absent(self, place: tuple[int, ...]) -> bool:
        """Whether there is no page for a place.

        Args:
            place: Place of the page on the series' leading axes.
        """
        return self._whole is None and self._page(place) is None

    def absent_parts(self, place: tuple[int, ...]) -> tuple[int, int, str]:
        """How many of the tiles or strips of a page are not stored, of how many, and their name.

        Files that define a value for pixels that are not stored lack none.

        Args:
            place: Place of a page that is there.
        """
        page: Any = self.series[0] if self._whole is not None else self._page(place)
        sizes, offsets = page.databytecounts, page.dataoffsets
        what = "tiles" if page.keyframe.is_tiled else "strips"
        if _NODATA in page.keyframe.tags or (self._whole is not None and len(sizes) == 1):
            return 0, len(sizes), what
        if 0 not in sizes and 0 not in offsets:
            return 0, len(sizes), what
        pairs = zip(sizes, offsets, strict=False)  # fewer of one are damage
        return sum(0 in each for each in pairs), len(sizes), what

    def files(self) -> Iterator[tifffile.TiffFile]:
        """The files that the pages are in."""
        found = {id(each.parent): each.parent for each in self.series if each is not None}
        yield from found.values()

    def _page(self, place: tuple[int, ...]) -> tifffile.TiffPage | tifffile.TiffFrame | None:
        """The page at a place; None where the series has none."""
        number = self._number(place)
        return self.series[number] if number < len(self.series) else None

    def _number(self, place: tuple[int, ...]) -> int:
        return int(np.ravel_multi_index(place, self._lead())) if place else 0

    def _separate(self, key: tifffile.TiffPage) -> bool:
        """Whether the samples of pages lie one behind the other."""
        return key.planarconfig == _SEPARATE and self._samples > 1

    def _lead(self, axes: str = "") -> tuple[int, ...]:
        """Sizes of the leading axes; of those named, or all."""
        sizes = zip(*dimensions(self.series), strict=True)
        return tuple(
            size for axis, size in sizes if axis not in "YXS" and (not axes or axis in axes)
        )

    def _mapped(
        self, offset: int, place: tuple[int, ...], samples: Samples, region: Region
    ) -> NDArray[Any]:
        """A region of uncompressed pages that lie one behind the other.

        The map is made anew each time: what stays mapped would count as memory of ours.
        """
        file = self._key.parent
        _, shape = dimensions(self.series)
        dtype = np.dtype(self._key.dtype).newbyteorder(file.byteorder)
        with self._lock:  # it moves the file's position
            page: Any = self._handle(self._key).memmap_array(dtype, shape, offset)[place]
        if self._separate(self._key):
            part = np.moveaxis(
                page[samples.first : samples.first + samples.number, region.rows, region.columns],
                0,
                -1,
            )
        else:
            part = page[region.rows, region.columns].reshape(region.height, region.width, -1)
            part = part[..., samples.first : samples.first + samples.number]
        return np.array(part, self.dtype, order="C")

    def _segment(self, page: Any, number: int, sample: int, row: int, column: int) -> NDArray[Any]:
        """A tile or strip, decoded, `(height, width, samples)`."""
        key = page.keyframe
        high, wide = _part(key)
        down, across = -(-key.imagelength // high), -(-key.imagewidth // wide)
        index = (sample * down + row) * across + column
        return self._cache.get((number, index), lambda: self._decode(page, index))

    def _decode(self, page: Any, index: int) -> NDArray[Any]:
        if index >= min(len(page.dataoffsets), len(page.databytecounts)):
            raise damaged(self._path, "", "it has fewer tiles or strips than its size asks for")
        offset, size = page.dataoffsets[index], page.databytecounts[index]
        more, key = {}, page.keyframe
        if key.compression in _JPEG:
            more = {"jpegtables": page.jpegtables, "jpegheader": key.jpegheader}
        if offset == 0 or size == 0:
            shape = (*_part(key), 1 if self._separate(key) else self._samples)
            return np.full(shape, key.nodata, self.dtype)
        data = self._bytes(page, offset, size)
        self._check_encoded(key, data)
        pixels = key.decode(data, index, **more)[0]
        assert pixels is not None
        part: NDArray[Any] = pixels[0]  # of a single section
        if key.dtype == np.bool_:  # some decoders give 0 and 1
            part = (part != 0) * np.uint8(255)
        return part

    def _check_encoded(self, key: tifffile.TiffPage, data: bytes) -> None:
        """Refuse an image in a tile or strip that claims to be far larger than that."""
        if key.compression not in COMPRESSIONS or key.jpegheader is not None:
            return
        pixels, (high, wide) = encoded_pixels(data), _part(key)
        if pixels > max(_MUCH_LARGER * high * wide, _SMALL):
            raise damaged(
                self._path,
                "",
                f"a tile or strip of {wide}x{high} pixels says it has {pixels}",
            )

    def _bytes(self, page: Any, offset: int, size: int) -> bytes:
        self._check_end(offset, size, page.parent.filehandle)
        with self._lock:
            handle = self._handle(page)
            handle.seek(offset)
            data: bytes = handle.read(size)
        return data

    def _handle(self, page: Any) -> Any:
        """The open file of a page, under the lock: tifffile closes the others of an OME-TIFF."""
        handle = page.parent.filehandle
        if handle.closed:
            if len(self._opened) == _MOST_OPEN:
                self._opened.pop(0).close()
            handle.open()
            self._opened.append(handle)
        return handle

    def _check_end(self, offset: int, size: int, handle: Any) -> None:
        if offset + size > handle.size:
            raise damaged(
                self._path,
                "",
                f"it ends after {handle.size} bytes, its pixels reach to {offset + size}",
            )

    def close(self) -> None:
        """Close the other files of a multi-file OME-TIFF."""
        for handle in self._opened:
            handle.close()


def _pixels(key: tifffile.TiffPage) -> tuple[object, ...]:
    """What all pages of a series have to have in common, in whichever file they are."""
    dtype = None if key.dtype is None else key.dtype.newbyteorder("=")
    return key.imagelength, key.imagewidth, key.samplesperpixel, dtype


def _part(key: tifffile.TiffPage) -> tuple[int, int]:
    """(height, width) of the tiles or strips of a page."""
    if key.is_tiled:
        return key.tilelength, key.tilewidth
    return min(key.rowsperstrip, key.imagelength), key.imagewidth
