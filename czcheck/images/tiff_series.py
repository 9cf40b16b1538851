"""Which of the images in a TIFF is the image: not its thumbnail, its mask or its label."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from czcheck.errors import InputError
from czcheck.text import count

if TYPE_CHECKING:
    import tifffile

# Bits of the tag NewSubfileType, and what the older SubfileType says of reduced images.
_REDUCED, _MASK = 1, 4
_OLD_SUBFILE_TYPE, _OLD_REDUCED = 255, 2
# Series that tifffile makes of pages by their looks, and of slides, by their scanner's habits.
_OF_PAGES = ("generic", "uniform", "shaped")
_OF_SLIDES = ("svs", "scn", "qpi", "ndpi", "bif", "avs", "philips")
# Beyond so many pages a stack is not looked through for masks: each would be read once more.
_MOST_PAGES = 100
_FEW = 3


class Chosen(NamedTuple):
    """The image of a file that is no OME-TIFF.

    Attributes:
        series: Its pages.
        warnings: What of the file is not read and could be the image, too.
    """

    series: tifffile.TiffPageSeries
    warnings: tuple[str, ...]


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
