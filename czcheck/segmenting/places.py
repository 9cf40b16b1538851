"""Where the results of each image go."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from czcheck.archive.write import check_folder_of, check_writable
from czcheck.errors import UsageError
from czcheck.images.output import ZARR_ENDINGS, Kind

_NAMES = {
    "labels": "_labels",
    "probabilities": "_probabilities",
    "confidence": "_confidence",
    "overlay": "_overlay",
}
ENDINGS = (".tif", ".tiff", ".czi", ".zarr", ".png")
FORMATS = ("ome.tif", "ome.zarr", "czi", "png")
"""Endings of the files in a folder; the first unless another one is chosen."""
_ONLY_LABELS = "png"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asks for. Each is a file, or a folder for the files of several images.

    Attributes:
        labels: The label image.
        probabilities: The probability of each class.
        confidence: The largest probability.
        overlay: A picture in the model's colours.
    """

    labels: str | None = None
    probabilities: str | None = None
    confidence: str | None = None
    overlay: str | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one image; None for what is not wanted.

    Attributes:
        labels: The label image.
        probabilities: The probability of each class.
        confidence: The largest probability.
        overlay: A picture in the model's colours; planes add their names to it.
    """

    labels: str | None = None
    probabilities: str | None = None
    confidence: str | None = None
    overlay: str | None = None

    @property
    def images(self) -> Iterator[tuple[Kind, str]]:
        """What is written as images, with its kind."""
        kinds: tuple[Kind, ...] = ("labels", "probabilities", "confidence")
        for kind in kinds:
            place = getattr(self, kind)
            if place is not None:
                yield kind, place

    @property
    def all(self) -> tuple[str, ...]:
        """All files."""
        found = (getattr(self, field.name) for field in fields(self))
        return tuple(place for place in found if place is not None)


def places_for(
    images: Sequence[Path], wanted: Wanted, *, folder_of: str | None, form: str = FORMATS[0]
) -> list[Places]:
    """Name the files of each image, and make the folders that are missing.

    Args:
        images: The images.
        wanted: What the user asks for.
        folder_of: A folder that was given in place of images, so that results go to folders even
            if there is only one image in it.
        form: Format of the files in folders, one of `FORMATS`.

    Returns:
        The files of each image, in their order.

    Raises:
        UsageError: No such format, a picture that is no PNG, several images and one file, no such
            folder, two results in one file, or a result that would replace an image.
    """
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}; choose {', '.join(FORMATS)}")
    several = len(images) > 1 or folder_of is not None
    stems = _stems(images)
    by_kind: dict[str, list[str | None]] = {}
    for field in fields(Wanted):
        place = getattr(wanted, field.name)
        by_kind[field.name] = _named(place, field.name, stems, form, several=several)
    places = [Places(*row) for row in zip(*by_kind.values(), strict=True)]
    _check(images, places)
    return places


def _stems(images: Sequence[Path]) -> list[str]:
    """A name for each image: without its ending, unless two would be the same."""
    short = [_without_ending(each) for each in images]
    names = [
        stem if short.count(stem) == 1 else path.name
        for stem, path in zip(short, images, strict=True)
    ]
    return [
        name if names.count(name) == 1 else f"{number}_{name}"
        for number, name in enumerate(names, start=1)
    ]


def _without_ending(path: Path) -> str:
    name = path.resolve().name if path.name in ("", ".", "..") else path.name
    for ending in (".ome.tif", ".ome.tiff", ".ome.zarr", ".ome.btf"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return Path(name).stem


def _named(
    place: str | None, kind: str, stems: Sequence[str], form: str, *, several: bool
) -> list[str | None]:
    if place is None:
        return [None] * len(stems)
    option = "--output" if kind == "labels" else f"--{kind.replace('confidence', 'confidence-map')}"
    ends = place.endswith(("/", os.sep))
    is_file = not ends and Path(place).suffix.lower() in ENDINGS
    local = "://" not in place
    is_folder = not is_file and (several or ends or (local and Path(place).is_dir()))
    if several and is_file:
        raise UsageError(
            f"{place}: {option} is one file for {len(stems)} images; name a folder for them"
        )
    if not is_folder:
        if kind == "overlay" and not place.lower().endswith(".png"):
            raise UsageError(f"{place}: pictures are PNG; name a .png file, or a folder")
        return [place]
    if form == _ONLY_LABELS and kind != "labels":
        form = FORMATS[0]  # PNG holds no fractions
    ending = ".png" if kind == "overlay" else f".{form}"
    if local:
        folder = Path(place)
        if not folder.exists() and not folder.absolute().parent.is_dir():
            raise UsageError(f"{place}: the folder {folder.absolute().parent} does not exist")
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise UsageError(f"{place}: cannot be made: {error.strerror}") from error
    head = place if place.endswith("/") else place.rstrip(os.sep) + "/"
    return [f"{head}{stem}{_NAMES[kind]}{ending}" for stem in stems]


def _check(images: Sequence[Path], places: Sequence[Places]) -> None:
    """Refuse results that would replace an image or one another."""
    sources = {each.resolve() for each in images}
    taken: set[Path] = set()
    for each in places:
        for place in each.all:
            if "://" in place:
                continue
            path = Path(place).resolve()
            # A store takes the place of whatever lies in a folder of its name.
            if any(each.is_relative_to(path) for each in sources):
                raise UsageError(f"{place}: is an image that is read; name another file")
            if path in taken:
                raise UsageError(f"{place}: two results would go there; name another file")
            taken.add(path)
            # A store is a folder, and may be there to be gone on with.
            (check_folder_of if place.endswith(ZARR_ENDINGS) else check_writable)(Path(place))
