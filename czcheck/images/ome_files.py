"""The files of an OME-TIFF: those that it names, are not there, or are other ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from pathlib import Path
from typing import Literal

import tifffile

from czcheck.errors import CzcheckError, InputError
from czcheck.images.decoders import opened
from czcheck.images.ome_xml import OmeImage, described_elsewhere, own_uuid
from czcheck.text import first_of

_FEW = 5
_NAMED = re.compile(r'\b(?:FileName|MetadataFile)\s*=\s*(?:"([^"<]*)"|\'([^\'<]*)\')')
_ENDINGS = (".tif", ".tiff", ".btf", ".tf2", ".tf8")


def missing_files(path: Path, text: str, images: Iterable[OmeImage]) -> list[str]:
    """Names of the files that a file names and that are not next to it, or not whole.

    The file itself may have been renamed: it is known by its identity.

    Args:
        path: The file.
        text: Its OME-XML.
        images: What that says of images.
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
        images: What the OME-XML says of images.
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

    Args:
        path: The file.
        text: Its OME-XML.
        images: What that says of images.
        series: The series that tifffile made.

    Raises:
        InputError: It cannot be told which image a series is.
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
    """A warning where a file is one of a set and does not describe it.

    Args:
        text: Its OME-XML.
    """
    name = described_elsewhere(text)
    if name is not None:
        where = f"; {name[:80]} describes it" if name else ""
        yield f"the file is one of a set{where}. Only the pages of this file are read"


def files_beside(path: Path) -> frozenset[Path]:
    """Files beside an OME-TIFF that belong to the same image.

    Args:
        path: The TIFF file.

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
