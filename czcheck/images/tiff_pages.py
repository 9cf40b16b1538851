"""The pages of a TIFF series: regions of uncompressed ones, and of those in tiles or strips."""

from __future__ import annotations

import threading
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from czcheck.errors import InputError
from czcheck.images.decoders import bounded_part, damaged, held
from czcheck.images.encoded import COMPRESSIONS, encoded_pixels
from czcheck.images.image import Region
from czcheck.images.parts import CACHE_BYTES, PartCache, assemble

if TYPE_CHECKING:
    import numpy as np
    import tifffile
    from numpy.typing import NDArray

# A plane in a single strip has to be decoded whole; so have few ones.
_FEW_PARTS = 2
_BAND = 1024
_JPEG = (6, 7, 33007, 34892)
_SEPARATE = 2
# Tiles and strips at edges may be coded as whole ones.
_MUCH_LARGER, _SMALL = 4, 1 << 22


def series_of(file: tifffile.TiffFile) -> list[tifffile.TiffPageSeries]:
    """All series of a file, with their axes of length 1.

    Args:
        file: The file.
    """
    series: Any = file.series
    # From tifffile 2026.5.2 on a series has one set of axes, which is chosen here.
    return list(series(squeeze=False) if callable(series) else series)


def dimensions(series: tifffile.TiffPageSeries) -> tuple[str, tuple[int, ...]]:
    """Axes and shape of a series of `series_of`, those of length 1 included.

    Args:
        series: The series.
    """
    either: Any = series
    if hasattr(either, "get_axes"):  # tifffile before 2026.5.2
        return either.get_axes(squeeze=False), either.get_shape(squeeze=False)
    return either.axes, either.shape


class Samples(NamedTuple):
    """Which of a page's samples are wanted."""

    first: int
    number: int


class Pages:
    """The pages of one series.

    Attributes:
        dtype: What `read` returns; bits come as uint8, 0 and 255.
        tiled: Whether regions are read without decoding whole planes.
    """

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
        import numpy as np  # noqa: PLC0415

        self._path, self._series, self._samples = path, series, samples
        self._key = key = series.keyframe
        if key.dtype is None or series.dtype is None:
            raise InputError(f"{path}: the pixels are of a kind that cannot be read")
        self.dtype = np.dtype(np.uint8 if key.dtype == np.bool_ else key.dtype.newbyteorder("="))
        self._separate = key.planarconfig == _SEPARATE and samples > 1
        self._lock = lock
        self._opened: list[tifffile.FileHandle] = []
        self._whole = None if series.is_multifile else series.dataoffset
        if key.is_tiled:
            self._part = key.tilelength, key.tilewidth
        else:
            self._part = min(key.rowsperstrip, key.imagelength), key.imagewidth
        if self._whole is not None:
            self.tiled = True
            size = prod(dimensions(series)[1]) * key.dtype.itemsize
            self._check_end(self._whole, size, key.parent.filehandle)
            return
        grid = key.imagelength / self._part[0] * key.imagewidth / self._part[1]
        self.tiled = grid >= _FEW_PARTS or key.is_tiled
        pixel = (1 if self._separate else samples) * self.dtype.itemsize
        self._cache = PartCache(CACHE_BYTES)
        if key.is_tiled:
            bounded_part(path, "tiles", prod(self._part) * pixel)
            return
        # While a row of network tiles is read, the strips that it crosses are kept.
        held(path, *self._part, pixel)
        rows = max(self._part[0], min(_BAND, key.imagelength))
        parts = prod(self._lead("C")) * (samples if self._separate else 1)
        self._cache = PartCache(max(CACHE_BYTES, rows * key.imagewidth * pixel * parts))

    def missing_decoder(self) -> str | None:
        """Name of a compression for which a package is missing."""
        import tifffile  # noqa: PLC0415

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
            samples: The samples that are wanted.
            region: The region, within the page.

        Returns:
            `(height, width, samples.number)` of `dtype`.
        """
        if self._whole is not None:
            return self._mapped(self._whole, place, samples, region)
        import numpy as np  # noqa: PLC0415

        number = int(np.ravel_multi_index(place, self._lead())) if place else 0
        page = self._series[number]
        if page is None:  # OME-TIFF says that the plane was not saved
            return np.zeros((region.height, region.width, samples.number), self.dtype)
        if not self._separate:
            pixels = assemble(
                region,
                self._part,
                (self._samples, self.dtype),
                lambda row, column: self._segment(page, number, 0, row, column),
            )
            return pixels[..., samples.first : samples.first + samples.number]
        return np.concatenate(
            [
                assemble(
                    region,
                    self._part,
                    (1, self.dtype),
                    lambda row, column, each=each: self._segment(page, number, each, row, column),  # type: ignore[misc]
                )
                for each in range(samples.first, samples.first + samples.number)
            ],
            axis=-1,
        )

    def _lead(self, axes: str = "") -> tuple[int, ...]:
        """Sizes of the leading axes; of those named, or all."""
        sizes = zip(*dimensions(self._series), strict=True)
        return tuple(
            size for axis, size in sizes if axis not in "YXS" and (not axes or axis in axes)
        )

    def _mapped(
        self, offset: int, place: tuple[int, ...], samples: Samples, region: Region
    ) -> NDArray[Any]:
        """A region of uncompressed pages that lie one behind the other.

        The map is made anew each time: what stays mapped would count as memory of ours.
        """
        import numpy as np  # noqa: PLC0415

        file = self._key.parent
        _, shape = dimensions(self._series)
        dtype = np.dtype(self._key.dtype).newbyteorder(file.byteorder)
        with self._lock:  # it moves the file's position
            page: Any = file.filehandle.memmap_array(dtype, shape, offset)[place]
        if self._separate:
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
        down = -(-self._key.imagelength // self._part[0])
        across = -(-self._key.imagewidth // self._part[1])
        index = (sample * down + row) * across + column
        return self._cache.get((number, index), lambda: self._decode(page, index))

    def _decode(self, page: Any, index: int) -> NDArray[Any]:
        import numpy as np  # noqa: PLC0415

        if index >= min(len(page.dataoffsets), len(page.databytecounts)):
            raise damaged(self._path, "", "it has fewer tiles or strips than its size asks for")
        offset, size = page.dataoffsets[index], page.databytecounts[index]
        more = {}
        if self._key.compression in _JPEG:
            more = {"jpegtables": page.jpegtables, "jpegheader": self._key.jpegheader}
        if offset == 0 or size == 0:
            shape = (*self._part, 1 if self._separate else self._samples)
            return np.full(shape, self._key.nodata, self.dtype)
        data = self._bytes(page, offset, size)
        self._check_encoded(data)
        pixels = self._key.decode(data, index, **more)[0]
        assert pixels is not None
        part: NDArray[Any] = pixels[0]  # of a single section
        if part.dtype == np.bool_:
            part = part.astype(np.uint8) * np.uint8(255)
        return part

    def _check_encoded(self, data: bytes) -> None:
        """Refuse an image in a tile or strip that says it is far larger than that."""
        if self._key.compression not in COMPRESSIONS or self._key.jpegheader is not None:
            return
        pixels = encoded_pixels(data)
        if pixels > max(_MUCH_LARGER * prod(self._part), _SMALL):
            raise damaged(
                self._path,
                "",
                f"a tile or strip of {self._part[1]}x{self._part[0]} pixels says it has {pixels}",
            )

    def _bytes(self, page: Any, offset: int, size: int) -> bytes:
        handle = page.parent.filehandle
        self._check_end(offset, size, handle)
        with self._lock:
            if handle.closed:  # another file of a multi-file OME-TIFF
                handle.open()
                self._opened.append(handle)
            handle.seek(offset)
            data: bytes = handle.read(size)
        return data

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
