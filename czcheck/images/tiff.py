"""TIFF and OME-TIFF, read tile by tile or strip by strip."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tifffile

from czcheck.errors import InputError
from czcheck.images.decoders import bounded, extra, opened, readable
from czcheck.images.file_image import FileImage, PlaneOf, channel_names, missing_planes
from czcheck.images.image import Plane, Region, pixel_type_of, to_bgr
from czcheck.images.ome import (
    OmeImage,
    in_order,
    known,
    micrometres,
    missing_files,
    missing_phrase,
    ome_images,
    set_warning,
    strange_files,
)
from czcheck.images.selection import Selections, spans
from czcheck.images.tiff_pages import Pages, Samples
from czcheck.images.tiff_series import dimensions, main_image, missing_pages, series_of
from czcheck.images.writer import SOURCE

if TYPE_CHECKING:
    from numpy.typing import NDArray


_RGB, _YCBCR = 2, 6
_COLOUR, _ALPHA = 3, 4
_CENTIMETRE = 3
_MOST_SCENES = 10_000
_SUB_IFDS = 330
_FIX = "Save the image anew with the program that made it"
_FIX_FILES = "Put all files of the image into one folder, under the names of the OME-XML"
# What we write into OME-XML; see `output_tiff.py`.
_KIND = re.compile(f'Namespace="{SOURCE}"><Value><M K="Kind">([a-z]+)<')
_MIN_IS_WHITE = 0
_OTHER_COLOURS = {5: "CMYK", 8: "CIELab", 9: "ICCLab", 10: "ITULab"}
# Compressions whose decoders make red, green and blue of YCbCr: JPEG in its kinds.
_JPEG = (6, 7, 33007, 34892)
_ORIENTATION, _UPRIGHT = 274, 1


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the planes of one series lie.

    Attributes:
        axes: Letters of the leading axes, one page for each place on them.
        shape: Their sizes.
        time: Letter of the axis that is time, or empty.
        z: Letter of the axis of sections, or empty.
        colours: Samples that make up one colour channel; 0 where samples are gray.
        height: Height of a plane.
        width: Width.
        samples: Samples that each page holds.
    """

    axes: str
    shape: tuple[int, ...]
    time: str
    z: str
    colours: int
    height: int
    width: int
    samples: int

    def size(self, axis: str) -> int:
        return self.shape[self.axes.index(axis)] if axis else 1

    @property
    def channels(self) -> int:
        pages = self.size("C") if "C" in self.axes else 1
        return pages * (1 if self.colours else self.samples)

    def place(self, plane: Plane, channel: int) -> tuple[int, ...]:
        """Place of a channel's page on the leading axes."""
        page = channel if self.colours else channel // self.samples
        places = {self.time: plane.time, self.z: plane.z, "C": page}
        return tuple(places.get(axis, 0) if axis else 0 for axis in self.axes)


class TiffImage(FileImage):
    """A TIFF file.

    Each image of an OME-TIFF is a scene; of other files one is read, and neither its thumbnail nor
    its mask. Of a pyramid the full resolution is read. An axis that is neither time, depth nor
    channel counts as depth.
    Palettes are not resolved: label images are saved with one, and their numbers are what counts.
    """

    def __init__(self, path: Path, selections: Selections) -> None:
        """Read the metadata; no pixels.

        Raises:
            UsageError: A selection matches nothing, or a compression needs the extra.
            InputError: The file is damaged, absurdly large, lacks pixels, or has pixels that are
                not read.
        """
        self.path = str(path)
        with opened(path):
            self._file = tifffile.TiffFile(path)
        try:
            with opened(path):
                self._open(path, selections)
        except BaseException:
            self._file.close()
            raise

    def _open(self, path: Path, selections: Selections) -> None:
        first = self._file.pages.first
        text = first.description if first.is_ome else ""
        described = ome_images(path, text) if text else ()
        inner = first.tags.get(_SUB_IFDS)
        if inner is not None and inner.count > _MOST_SCENES:
            raise InputError(f"{path}: the file names {inner.count} images inside of one another")
        if text and (kind := _KIND.search(text)) is not None:
            self.result = kind[1]
        gone = missing_files(path, text, described)
        series = self._series(path, gone, described)
        is_ome = bool(described) and series[0].kind == "ome"
        self.format = "OME-TIFF" if is_ome else "TIFF"
        if is_ome:
            by_number = in_order(path, text, described, series[:_MOST_SCENES])
        else:
            chosen = main_image(path, series)
            by_number, self.warnings = {0: chosen.series}, chosen.warnings
        self._layouts = {number: _layout(path, each) for number, each in by_number.items()}
        lock = threading.Lock()
        self._pages = {
            number: Pages(path, each, self._layouts[number].samples, lock)
            for number, each in by_number.items()
        }
        for pages in self._pages.values():
            if missing := pages.missing_decoder():
                raise extra(path, f"TIFF with the compression {missing}", "imagecodecs")
        planes = [
            Plane(
                number,
                time,
                z,
                described[number].name if is_ome else "",
                layout.height,
                layout.width,
            )
            for number, layout in self._layouts.items()
            for time, z in product(range(layout.size(layout.time)), range(layout.size(layout.z)))
        ]
        scenes = self._choose_planes(planes, selections)
        image = described[scenes[0]] if is_ome else OmeImage("", (), None)
        self.pixel_size = image.pixel_size or self._resolution()
        self.tiled = all(self._pages[each].tiled for each in scenes)
        self._choose_channels(self._channels(path, scenes, image), selections)
        self._check_missing(path, selections, described, gone)
        files = (file for each in scenes for file in self._pages[each].files())
        keys = [by_number[each].keyframe for each in scenes]
        for key in keys:
            check_colours(path, key)
        self.warnings += (
            *set_warning(text),
            *strange_files(path, text, files if is_ome else ()),
            *tag_warnings(keys[0], numbers=selections.numbers),
        )
        if described and not is_ome and not gone:
            self.warnings += ("its OME-XML does not fit its pages; they are read as a plain TIFF",)

    def _series(
        self, path: Path, gone: Sequence[str], described: Sequence[OmeImage]
    ) -> list[tifffile.TiffPageSeries]:
        """All series of the file, at least one."""
        try:
            series = series_of(self._file)
        except ValueError as error:
            if not gone:
                raise
            raise InputError(
                f"{path}: {missing_phrase(path, gone, described)}; {_FIX_FILES}"
            ) from error
        if not series:
            raise InputError(f"{path}: the file holds no image")
        return series

    def _check_missing(
        self,
        path: Path,
        selections: Selections,
        described: Sequence[OmeImage],
        gone: Sequence[str],
    ) -> None:
        """Compare the selected planes with the pages that are there."""
        selected, absent, parts = [], [], {}
        for plane in self.planes:
            layout, pages = self._layouts[plane.scene], self._pages[plane.scene]
            for place, channel in {
                layout.place(plane, channel): channel for channel, _ in reversed(self._taken)
            }.items():
                of = PlaneOf(plane.scene, plane.time, plane.z, channel)
                selected.append(of)
                if pages.is_absent(place):
                    absent.append(of)
                elif (lacking := pages.absent_parts(place))[0]:
                    parts[of] = lacking
        missing, fix = [], _FIX
        scenes = {plane.scene for plane in self.planes}
        if selections.scene is None:
            scenes |= set(range(len(described)))  # those of which nothing is there, too
        of_these = {name for each in scenes if described for name, _ in described[each].files}
        lost = [name for name in gone if name in of_these]
        if lost and (absent or len(scenes) > len(self._layouts) or self.format != "OME-TIFF"):
            missing, fix = [missing_phrase(path, lost, described)], _FIX_FILES
        if absent:
            missing.append(
                f"the file{'s lack' if lost else ' lacks'} {missing_planes(selected, absent)}"
            )
        if parts:
            missing.append(f"{_not_stored(parts.values())} in {missing_planes(selected, parts)}")
        if self.format != "OME-TIFF":
            missing += missing_pages(self._file, self._pages[0].series)
        self._report_missing(missing, fix, allowed=selections.allow_missing)

    def _channels(self, path: Path, scenes: list[int], image: OmeImage) -> list[tuple[str, str]]:
        """(name, pixel type) of the channels that the chosen scenes have."""
        layout, dtype = self._layouts[scenes[0]], self._pages[scenes[0]].dtype
        kinds = {
            (self._layouts[each].channels, self._layouts[each].colours, self._pages[each].dtype)
            for each in scenes
        }
        if len(kinds) > 1:
            raise InputError(
                f"{path}: the file's images have different channels or pixel types; choose those "
                f"that are alike with --scene ({spans(sorted(self._layouts))})"
            )
        # The format has alpha for 8 bits only.
        self._samples = layout.colours if dtype.name == "uint8" else min(layout.colours, _COLOUR)
        pixel_type = pixel_type_of(dtype, self._samples or 1, path)
        single = "RGB" if layout.colours else "Gray"
        names = channel_names(image.channels, layout.channels, single)
        return [(name, pixel_type) for name in names]

    def _resolution(self) -> tuple[float, float] | None:
        """Pixel size as ImageJ or the TIFF tags give it.

        Inches are not believed: programs write 72 dots per inch without knowing.
        """
        page = self._file.pages.first
        sides = []
        for name in ("YResolution", "XResolution"):
            tag = page.tags.get(name)
            above, below = tag.value if tag is not None else (0, 1)
            sides.append(below / above if above else 0.0)
        imagej = self._file.imagej_metadata
        if imagej is not None:
            unit = str(imagej.get("unit", "")).replace("\\u00B5", "µ")
        else:
            unit = "cm" if page.resolutionunit == _CENTIMETRE else ""
        return known(*(each * micrometres(unit) for each in sides))

    def _read_channel(self, plane: Plane, channel: int, region: Region) -> NDArray[Any]:
        layout, pages = self._layouts[plane.scene], self._pages[plane.scene]
        place = layout.place(plane, channel)
        samples = (
            Samples(0, self._samples) if layout.colours else Samples(channel % layout.samples, 1)
        )
        where = f" in the region at row {region.top}, column {region.left}"
        with readable(self.path, where):
            pixels = pages.read(place, samples, region)
        return to_bgr(pixels) if layout.colours else pixels

    def close(self) -> None:
        """Close the file, and the others that belong to an OME-TIFF."""
        for pages in self._pages.values():
            pages.close()
        self._file.close()


def _not_stored(parts: Collection[tuple[int, int, str]]) -> str:
    """Tiles or strips that are missing, of those of all pages with such ones."""
    count, every = sum(each[0] for each in parts), sum(each[1] for each in parts)
    kinds = {each[2] for each in parts}
    what = kinds.pop() if len(kinds) == 1 else "tiles and strips"
    return f"{count} of {every} {what} {'is' if count == 1 else 'are'} not stored"


def _layout(path: Path, series: tifffile.TiffPageSeries) -> _Layout:
    key = series.keyframe
    axes, shape = dimensions(series)
    if series.transform is not None or key.imagedepth != 1 or not {"Y", "X"} <= set(axes):
        raise InputError(f"{path}: the image has the axes {axes} {shape}, which are not read")
    size = dict(zip(axes, shape, strict=True))
    inner = [axis for axis in axes if axis in "YXS"]
    lead = axes[: len(axes) - len(inner)]
    if len(size) != len(axes) or set(lead) & set("YXS"):
        raise InputError(f"{path}: the image has the axes {axes} {shape}, which are not read")
    other = [axis for axis in lead if axis not in "TZC" and size[axis] > 1]
    time, z = "T" if "T" in lead else "", "Z" if "Z" in lead else ""
    for axis in other:
        if size.get("Z", 1) == 1 and (not z or z == "Z"):
            z = axis
        elif size.get("T", 1) == 1 and (not time or time == "T"):
            time = axis
        else:
            raise InputError(
                f"{path}: the image has the axes {axes} {shape}; save it with no more than time, "
                "depth and channels"
            )
    samples = size.get("S", 1)
    colours = samples if key.photometric in (_RGB, _YCBCR) and samples in (_COLOUR, _ALPHA) else 0
    layout = _Layout(
        lead, tuple(size[axis] for axis in lead), time, z, colours, size["Y"], size["X"], samples
    )
    bounded(
        path,
        height=layout.height,
        width=layout.width,
        planes=prod(layout.shape) // (layout.size("C") if "C" in lead else 1),
        channels=layout.channels,
    )
    return layout


def check_colours(path: Path, page: tifffile.TiffPage) -> None:
    """Refuse colours that would be taken for something else.

    Args:
        path: The file, for the message.
        page: A page of the image.

    Raises:
        InputError: They are neither gray, red, green and blue, nor a palette.
    """
    photometric = int(page.photometric)
    several = page.samplesperpixel >= _COLOUR
    name = _OTHER_COLOURS.get(photometric) if several else None
    if photometric == _YCBCR and int(page.compression) not in _JPEG:
        name = "YCbCr without JPEG"
    if name is not None:
        raise InputError(
            f"{path}: the colours are {name}, which is not read; save the image in RGB"
        )


def tag_warnings(page: tifffile.TiffPage, *, numbers: bool) -> Iterator[str]:
    """Warnings about tags that change the meaning of the numbers.

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
