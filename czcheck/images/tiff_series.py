"""Which of the images in a TIFF is the image, and whether the file holds all of its pages."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from czcheck.errors import InputError
from czcheck.images.decoders import MOST_PLANES
from czcheck.text import count

if TYPE_CHECKING:
    import tifffile


# Bits of the tag NewSubfileType, and the value of the older SubfileType for reduced images.
_REDUCED, _MASK = 1, 4
_OLD_SUBFILE_TYPE, _OLD_REDUCED = 255, 2
# Series that tifffile makes of pages by their looks, and of slides, by their scanner's habits.
_OF_PAGES = ("generic", "uniform", "shaped")
_OF_SLIDES = ("svs", "scn", "qpi", "ndpi", "bif", "avs", "philips")
# Beyond so many pages a stack is not looked through for masks: each would be read once more.
_MOST_PAGES = 100
_FEW = 3
# Series whose number of pages follows from the chain of pages in the file.
_BY_CHAIN = ("generic", "uniform", "shaped", "imagej", "nih", "scanimage")
_SHAPE = '{"shape":'
_FIRST_CLASSIC, _FIRST_BIG, _BIG = 4, 8, 43


class Chosen(NamedTuple):
    """The image of a file that is no OME-TIFF.

    Attributes:
        series: Its pages.
        warnings: What of the file is not read and could be the image, too.
    """

    series: tifffile.TiffPageSeries
    warnings: tuple[str, ...]


def series_of(file: tifffile.TiffFile) -> list[tifffile.TiffPageSeries]:
    """All series of a file, with their axes of length 1."""
    series: Any = file.series
    # From tifffile 2026.5.2 on a series has one set of axes, which is chosen here.
    return list(series(squeeze=False) if callable(series) else series)


def dimensions(series: tifffile.TiffPageSeries) -> tuple[str, tuple[int, ...]]:
    """Axes and shape of a series of `series_of`, those of length 1 included."""
    either: Any = series
    if hasattr(either, "get_axes"):  # tifffile before 2026.5.2
        return either.get_axes(squeeze=False), either.get_shape(squeeze=False)
    return either.axes, either.shape


def main_image(path: Path, series: list[tifffile.TiffPageSeries]) -> Chosen:
    """The image among the series of a file: at full resolution, and no mask.

    Reduced images and masks are known by their tags. Where a file does without, the first series is
    the image, unless another one looks like the same at a larger size.

    Args:
        path: The file, for messages.
        series: All series, one at least; of a pyramid, the series of its full resolution.

    Raises:
        InputError: Pages of the image are masks of others.
    """
    if series[0].kind in _OF_SLIDES:
        return Chosen(max(series, key=_area), ())
    if series[0].kind not in _OF_PAGES:
        return Chosen(series[0], ())
    full = [each for each in series if not _flags(each.keyframe) & (_REDUCED | _MASK)] or series
    larger = [each for each in full if _enlarged(full[0], each)]
    image = max(larger, key=_area) if larger else full[0]
    _check_pages(path, image)
    warnings = []
    if larger:
        warnings.append(
            f"the first image in the file ({_size(full[0])}) looks like a reduced copy of another "
            f"one ({_size(image)}), which is read"
        )
    rest = [each for each in full if each is not image and not _enlarged(each, image)]
    if rest:
        sizes = ", ".join(map(_size, rest[:_FEW])) + (", ..." if len(rest) > _FEW else "")
        warnings.append(
            f"the file holds {count(len(rest), 'more image')} ({sizes}), not "
            "read; save images as files of their own, or as one OME-TIFF"
        )
    return Chosen(image, tuple(warnings))


def _flags(page: tifffile.TiffPage) -> int:
    """Bits of NewSubfileType."""
    old = page.tags.get(_OLD_SUBFILE_TYPE)
    reduced = _REDUCED if old is not None and old.value == _OLD_REDUCED else 0
    return int(page.subfiletype) | reduced


def _check_pages(path: Path, series: tifffile.TiffPageSeries) -> None:
    """Refuse masks among the pages of a stack: tifffile does not look at what pages are."""
    if series.kind == "shaped" or len(series) > _MOST_PAGES:
        return
    for page in series:
        if page is not None and page.aspage().subfiletype & _MASK:
            raise InputError(
                f"{path}: page {page.index} is a mask of another one (NewSubfileType 4); save the "
                "image without it"
            )


def _sides(series: tifffile.TiffPageSeries) -> tuple[int, int]:
    size = dict(zip(*dimensions(series), strict=True))
    return size.get("Y", 1), size.get("X", 1)


def _area(series: tifffile.TiffPageSeries) -> int:
    return prod(_sides(series))


def _size(series: tifffile.TiffPageSeries) -> str:
    height, width = _sides(series)
    return f"{width}x{height}"


def _enlarged(small: tifffile.TiffPageSeries, large: tifffile.TiffPageSeries) -> bool:
    """Whether two series could be the same image, one of them at a larger size."""
    (height, width), (high, wide) = _sides(small), _sides(large)
    if small.dtype != large.dtype or high <= height or wide <= width:
        return False
    if prod(dimensions(small)[1]) * high * wide != prod(dimensions(large)[1]) * height * width:
        return False  # other numbers of pages or samples
    return abs(high * width / wide - height) < 1


def missing_pages(file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> Iterator[str]:
    """Pages that a file describes and lacks, as phrases; none for an OME-TIFF.

    tifffile reads what is there of such files, with no more than a line in its log.
    """
    if series.kind not in _BY_CHAIN:
        return  # its kind knows its pages otherwise
    pages = len(file.pages)
    if (claimed := _imagej(file, series)) > pages:
        yield f"ImageJ's description gives {claimed} images, and the file holds {pages}"
        return
    shape = _shape(series.keyframe)
    if prod(shape) > prod(found := dimensions(series)[1]):
        claimed_shape, read = ("x".join(map(str, each)) for each in (shape, found))
        yield f"its description gives the shape {claimed_shape}, and {read} of it can be read"
    elif _breaks_off(file):
        yield f"the file breaks off behind page {pages}, and says that there are more"


def _imagej(file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> int:
    """Number of images that ImageJ describes, where tifffile could not find them; else 0."""
    found: dict[str, Any] | None = file.imagej_metadata if file.is_imagej else None
    if found is None or series.kind == "imagej":
        return 0
    sizes = [found.get(name, 1) for name in ("frames", "slices", "channels")]
    if not all(isinstance(each, int) and each > 0 for each in sizes):
        return 0
    if series.keyframe.samplesperpixel == sizes[2]:  # colours of a pixel
        sizes[2] = 1
    return prod(sizes)


def _shape(page: tifffile.TiffPage) -> tuple[int, ...]:
    """The shape that tifffile notes in the first page of what it writes; empty for others."""
    if not page.description.startswith(_SHAPE):
        return ()
    try:
        shape = json.loads(page.description)["shape"]
        return tuple(int(each) for each in shape)
    except (ValueError, TypeError, RecursionError):
        return ()


def _breaks_off(file: tifffile.TiffFile) -> bool:
    """Whether the chain of pages leads to where there is none.

    Damage within a page is found where its pixels are read.
    """
    form, handle = file.tiff, file.filehandle
    big = form.version == _BIG
    seen: set[int] = set()
    handle.seek(_FIRST_BIG if big else _FIRST_CLASSIC)
    while len(seen) <= MOST_PLANES:
        data = handle.read(form.offsetsize)
        if len(data) < form.offsetsize:
            return True
        (offset,) = struct.unpack(form.offsetformat, data)
        if offset == 0:
            return False
        if offset in seen:
            return False  # a circle, which some writers leave
        seen.add(offset)
        handle.seek(offset)
        data = handle.read(form.tagnosize)
        if len(data) < form.tagnosize:
            return True
        (tags,) = struct.unpack(form.tagnoformat, data)
        handle.seek(offset + form.tagnosize + tags * form.tagsize)
    return False
