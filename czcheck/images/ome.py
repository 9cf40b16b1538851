"""OME-TIFF: its XML, and the files of a set."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tifffile

from czcheck.errors import CzcheckError, InputError
from czcheck.images.decoders import MOST_CHANNELS, MOST_PLANES, opened
from czcheck.limits import MIB
from czcheck.metadata.document import Unreadable, parse
from czcheck.text import first_of

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


# Files with many planes describe each of them.
_MOST_BYTES = 64 * MIB
_MOST_TAGS = 2_000_000
_MOST_LISTED = 10 * MOST_PLANES
# The root element and its attributes stand at the beginning.
_HEAD = 4096
_MICROMETRES = {
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "nm": 1e-3, "pm": 1e-6, "Å": 1e-4, "mm": 1e3,
    "cm": 1e4, "m": 1e6, "in": 25400.0,
}  # fmt: skip
_COUNTS = ("IFD", "NumPlanes", "PlaneCount", "FirstT", "FirstZ", "FirstC", "SizeT", "SizeZ")
_FEW = 5
_NAMED = re.compile(r'\b(?:FileName|MetadataFile)\s*=\s*(?:"([^"<]*)"|\'([^\'<]*)\')')
_ENDINGS = (".tif", ".tiff", ".btf", ".tf2", ".tf8")


@dataclass(frozen=True, slots=True)
class OmeImage:
    """One image of an OME-XML document.

    Attributes:
        name: Its name; may be empty.
        channels: Names of its channels; empty where they have none.
        pixel_size: (height, width) of a pixel in micrometres, if given.
        files: (name, UUID) of the files that its planes should be in; empty for the file
            itself.
    """

    name: str
    channels: tuple[str, ...]
    pixel_size: tuple[float, float] | None
    files: tuple[tuple[str, str], ...] = ()


def ome_images(path: Path, text: str) -> tuple[OmeImage, ...]:
    """Check a document and take from it what we need.

    Args:
        path: The file, for messages.
        text: The document.

    Returns:
        Its images, in order; empty for a document that tifffile leaves aside.

    Raises:
        InputError: It has a DOCTYPE, counts beyond all measure, or names files elsewhere.
    """
    # The description is text already, so that its declaration of an encoding is wrong.
    root = parse(re.sub(r"^\s*<\?xml[^>]*\?>", "", text).encode(), _MOST_BYTES, _MOST_TAGS)
    if isinstance(root, Unreadable):
        raise InputError(f"{path}: the OME-XML {root.reason}")
    for element in root.iter():
        _check(path, element)
    # tifffile makes a list of as many as the document claims.
    if sum(_planes(each) for each in root.iter() if _tag(each) == "Pixels") > _MOST_LISTED:
        raise InputError(f"{path}: the OME-XML gives more planes than are believed")
    return tuple(_image(each) for each in root.iter() if _tag(each) == "Image")


def described_elsewhere(text: str) -> str | None:
    """The file whose OME-XML describes the set that a file is of, if its own does not.

    Args:
        text: OME-XML that `ome_images` has checked.

    Returns:
        The other file's name, which may be empty; None where the document describes images.
    """
    found = re.search(r"<(?:\w+:)?BinaryOnly\b([^>]*)>", text)
    if found is None:
        return None
    name = re.search(r"MetadataFile=[\"']([^\"']*)", found[1])
    return "" if name is None else name[1]


def own_uuid(text: str) -> str:
    """The identity that a file gives itself in its OME-XML; empty where it has none.

    Args:
        text: The description of the file's first page.
    """
    found = re.search(r"<(?:\w+:)?OME\b[^>]*?\bUUID=[\"']([^\"']*)", text[:_HEAD])
    return "" if found is None else found[1]


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _check(path: Path, element: Element) -> None:
    for name in _COUNTS:
        if (text := element.get(name)) is not None and _number(text) > MOST_PLANES:
            raise InputError(f"{path}: the OME-XML gives {name}={text[:20]}, which is not believed")
    if _number(element.get("SizeC", "0")) > MOST_CHANNELS:
        raise InputError(f"{path}: the OME-XML gives {element.get('SizeC')} channels")
    name = element.get("FileName", "")
    if _tag(element) == "UUID" and name not in ("", Path(name).name, "..", "."):
        raise InputError(
            f"{path}: the OME-XML names a file in another folder ({name[:80]}); "
            "put all files of an image into one folder"
        )
    neighbour = path.parent / name
    if _tag(element) == "UUID" and name and neighbour.exists() and not neighbour.is_file():
        raise InputError(f"{path}: the OME-XML names {name[:80]}, which is no file")
    if "Along" in _tag(element) and _labels(element) > MOST_PLANES:
        raise InputError(f"{path}: the OME-XML divides an axis beyond all measure")


def _planes(pixels: Element) -> float:
    """Number of planes that one image claims to have, its channels counted."""
    return math.prod(max(_number(pixels.get(f"Size{axis}", "1")), 1) for axis in "TZC")


def _labels(along: Element) -> float:
    """Number of positions that tifffile makes an array of."""
    start, end = _number(along.get("Start", "0")), _number(along.get("End", "0"))
    step = abs(_number(along.get("Step", "1")))
    return abs(end - start) / step if step else float("inf")


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if value == value else float("inf")  # noqa: PLR0124 - NaN


def _image(element: Element) -> OmeImage:
    pixels = next((each for each in element if _tag(each) == "Pixels"), None)
    if pixels is None:
        return OmeImage(element.get("Name", ""), (), None)
    names = tuple(each.get("Name", "") for each in pixels if _tag(each) == "Channel")
    sides = tuple(_micrometres(pixels, axis) for axis in "YX")
    files = (
        (each.get("FileName", ""), (each.text or "").strip())
        for each in pixels.iter()
        if _tag(each) == "UUID"
    )
    return OmeImage(element.get("Name", ""), names, known(*sides), tuple(dict.fromkeys(files)))


def _micrometres(pixels: Element, axis: str) -> float:
    unit = pixels.get(f"PhysicalSize{axis}Unit", "µm")
    return _number(pixels.get(f"PhysicalSize{axis}", "0")) * micrometres(unit)


def micrometres(unit: str) -> float:
    """Micrometres in a unit of length; 0 for a unit that is not known.

    Args:
        unit: Its symbol, or its name as in OME-Zarr.
    """
    names = {"micrometer": "µm", "nanometer": "nm", "millimeter": "mm", "meter": "m",
             "centimeter": "cm", "angstrom": "Å", "picometer": "pm", "inch": "in"}  # fmt: skip
    return _MICROMETRES.get(names.get(unit, unit), 0.0)


def known(height: float, width: float) -> tuple[float, float] | None:
    """A pixel size, or None if it is not a size.

    Args:
        height: Height in micrometres.
        width: Width in micrometres.
    """
    sound = all(0 < each < float("inf") for each in (height, width))
    return (height, width) if sound else None


def missing_files(path: Path, text: str, images: Iterable[OmeImage]) -> list[str]:
    """Names of the files that a file names and that are not next to it, or not whole.

    The file itself may have been renamed: it is known by its identity.
    """
    files = dict.fromkeys(each for image in images for each in image.files)
    own = own_uuid(text)
    if not own and len(files) == 1:
        return []  # nothing but the file itself, under the name that it had
    return [
        name
        for name, uuid in files
        if name and uuid != own and name.lower() != path.name.lower()
        if not _begins(path.parent / name)
    ]


def _begins(path: Path) -> bool:
    """Whether there is a TIFF that has a first page: a file can be unfinished."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(16)
    order: Literal["little", "big"] = "big" if head[:2] == b"MM" else "little"
    big = head[2:4] in (b"+\0", b"\0+")
    place = head[8:16] if big else head[4:8]
    return 0 < int.from_bytes(place, order) < path.stat().st_size


def missing_phrase(path: Path, names: Sequence[str], images: Iterable[OmeImage]) -> str:
    """A phrase that names missing files, and which neighbouring file could be one of them.

    Args:
        path: The file.
        names: The missing files, one at least.
        images: The images that its OME-XML describes.
    """
    files, verb = ("file", "is") if len(names) == 1 else ("files", "are")
    how = "missing"
    if any((path.parent / name).exists() for name in names):
        how = "not whole" if len(names) == 1 else "missing or not whole"
    phrase = f"the {files} {first_of(names, _FEW)} of its OME-XML {verb} {how}"
    known = {name for image in images for name, _ in image.files}
    others = sorted(
        each.name
        for each in path.parent.iterdir()
        if each.suffix.lower() in _ENDINGS and each.name not in known and each.name != path.name
    )
    if others:
        phrase += f" (next to it is {others[0]}: were the files renamed?)"
    return phrase


def in_order(
    path: Path, text: str, images: Sequence[OmeImage], series: Sequence[tifffile.TiffPageSeries]
) -> dict[int, tifffile.TiffPageSeries]:
    """The series of each image by its number in the OME-XML.

    tifffile leaves out images of which no plane can be read, so that later ones move up.

    Raises:
        InputError: It is not clear which image a series is.
    """
    numbers = list(range(len(images)))
    if len(series) < len(images):
        gone = set(missing_files(path, text, images))
        numbers = [
            number
            for number in numbers
            if not images[number].files or {name for name, _ in images[number].files} - gone
        ]
    if len(series) != len(numbers):
        raise InputError(
            f"{path}: its OME-XML describes {len(images)} images, of which {len(series)} can be "
            "read; save the image anew with the program that made it"
        )
    return dict(zip(numbers, series, strict=True))


def strange_files(path: Path, text: str, files: Iterable[tifffile.TiffFile]) -> Iterator[str]:
    """Warnings of files that have the name of one that belongs to the image, and are another.

    Args:
        path: The file.
        text: Its OME-XML.
        files: The files that its pages were found in.
    """
    for file in files:
        if file.filename == path.name or not file.pages.first.is_ome:
            continue
        own = own_uuid(file.pages.first.description)
        if own and own not in text:
            yield (
                f"{file.filename} says that it is another file than the one that belongs here (its "
                "UUID is not named); its pixels may be of another image"
            )


def set_warning(text: str) -> Iterator[str]:
    """A warning where a file is one of a set and does not describe it."""
    name = described_elsewhere(text)
    if name is not None:
        where = f"; {name[:80]} describes it" if name else ""
        yield f"the file is one of a set{where}. Only the pages of this file are read"


def neighbouring_files(path: Path) -> frozenset[Path]:
    """Files in the folder of an OME-TIFF that belong to the same image.

    Returns:
        Those that it names and that exist; none for a file that is no OME-TIFF.
    """
    try:
        with opened(path), tifffile.TiffFile(path) as file:
            first = file.pages.first
            text = first.description if first.is_ome else ""
    except CzcheckError:
        return frozenset()
    names = {unescape(double or single) for double, single in _NAMED.findall(text)}
    # A set lies in one folder: names of other folders are refused when the image is opened.
    found = (path.parent / name for name in names if name == Path(name).name)
    return frozenset(each for each in found if each.is_file())
