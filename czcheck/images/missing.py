"""Pixels that an image promises and does not have."""

from __future__ import annotations

import json
import struct
from collections.abc import Collection, Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from czcheck.images.decoders import MOST_PLANES
from czcheck.images.selection import spans
from czcheck.images.tiff_series import dimensions
from czcheck.text import first_of

if TYPE_CHECKING:
    import tifffile


_FEW = 3


class PlaneOf(NamedTuple):
    """A plane of one channel, by its numbers in the file."""

    scene: int
    time: int
    z: int
    channel: int


def missing_planes(selected: Sequence[PlaneOf], absent: Collection[PlaneOf]) -> str:
    """Which of the selected planes a file does not hold, such as `2 of 6 planes: time 1`.

    Args:
        selected: All planes that are selected.
        absent: Those that are missing, one at least.
    """
    noun = "plane" if len(selected) == 1 else "planes"
    return f"{len(absent)} of {len(selected)} {noun}: {_named(selected, absent)}"


def _named(selected: Sequence[PlaneOf], absent: Collection[PlaneOf]) -> str:
    """The missing planes by the numbers in which the selected ones differ."""
    differ = [
        name for name in PlaneOf._fields if len({getattr(each, name) for each in selected}) > 1
    ]
    if not differ:
        return "the only one"
    values = {name: sorted({getattr(each, name) for each in absent}) for name in differ}
    if len(absent) == prod(map(len, values.values())):
        every = {name: {getattr(each, name) for each in selected} for name in differ}
        # A dimension along which all are missing tells nothing.
        parts = [name for name in differ if len(values[name]) < len(every[name])] or differ
        return ", ".join(f"{name} {spans(values[name])}" for name in parts)
    texts = [
        ", ".join(f"{name} {getattr(each, name)}" for name in differ) for each in sorted(absent)
    ]
    return first_of(texts, _FEW, "; ")


# Series whose number of pages follows from the chain of pages in the file.
_BY_CHAIN = ("generic", "uniform", "shaped", "imagej", "nih", "scanimage")
_SHAPE = '{"shape":'
_FIRST_CLASSIC, _FIRST_BIG, _BIG = 4, 8, 43


def missing_pages(file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> Iterator[str]:
    """Pages that a file promises and does not hold, as phrases; none for an OME-TIFF.

    tifffile reads what is there of such files, and says so in its log alone.

    Args:
        file: The file.
        series: The series that is read.
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
