"""Where the results of each image go."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.errors import UsageError
from czcheck.files import check_folder_of, check_writable
from czcheck.images.folders import is_store
from czcheck.images.formats import images_of
from czcheck.images.writer import KINDS, ZARR_ENDINGS, Kind
from czcheck.sources import Sources
from czcheck.targets import Target, Way, check_targets, local_path

if TYPE_CHECKING:
    from czcheck.images.image import Plane

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
STORES = "ome.zarr"
"""Format of the files in folders that many machines write at once."""


@dataclass(frozen=True, slots=True)
class Requested:
    """The requested results; None for what is not requested.

    Each is a file of one image, or as the caller named it: a folder for the files of several.

    Attributes:
        labels: The label image.
        probabilities: The probability of each class.
        confidence: The largest probability.
        overlay: A preview in the model's colours; planes add their names to it.
    """

    labels: str | None = None
    probabilities: str | None = None
    confidence: str | None = None
    overlay: str | None = None

    @property
    def images(self) -> Iterator[tuple[Kind, str]]:
        """The results written as images, with their kinds."""
        for kind in KINDS:
            place = getattr(self, kind)
            if place is not None:
                yield kind, place


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is segmented, and where results go: all of it checked before anything is run.

    Attributes:
        images: The images.
        left_out: Earlier results that lie among them.
        places: The files of each image.
        table: The table of objects; None for none.
        sources: What is read.
    """

    images: tuple[Path, ...]
    left_out: tuple[Path, ...]
    places: tuple[Requested, ...]
    table: Path | None
    sources: Sources

    def guard_previews(self, planes: Sequence[Sequence[Plane]]) -> None:
        """Check that previews replace nothing, when their planes are known.

        Args:
            planes: The planes of each image; none where it cannot be segmented.

        Raises:
            UsageError: One would replace what is read, or another result.
        """
        previews = [
            preview_of(place.overlay, plane)
            for place, each in zip(self.places, planes, strict=True)
            if place.overlay is not None and len(each) > 1
            for plane in each
        ]
        if previews:
            others = [dataclasses.replace(each, overlay=None) for each in self.places]
            targets = targets_of(others, self.table)
            targets += [Target(f"--overlay {each}", each) for each in previews]
            check_targets(targets, self.sources)


def choose(
    model: Path,
    given: Iterable[Path],
    requested: Requested,
    table: Path | None,
    form: str = FORMATS[0],
) -> Chosen:
    """Choose the images and the files of each, and create missing folders.

    Args:
        model: The archive.
        given: Images and folders of images.
        requested: The requested results.
        table: The table of objects; None for none.
        form: Format of the files in folders, one of `FORMATS`.

    Raises:
        UsageError: No such image or folder, a name that does not fit, or a result that would
            replace what is read or another result. Nothing was made.
    """
    given = list(given)
    images, left_out = images_of(given)
    folder = next((str(path) for path in given if path.is_dir() and not is_store(path)), None)
    places = places_for(images, requested, folder_of=folder, form=form)
    sources = Sources()
    sources.model(model)
    for each in images:
        sources.images(each)
    targets = targets_of(places, table)
    check_targets(targets, sources)
    _make_folders(targets, list(dict.fromkeys(_missing(places, requested))))
    return Chosen(tuple(images), tuple(left_out), tuple(places), table, sources)


def preview_of(overlay: str, plane: Plane) -> Path:
    """The file with the preview of one plane.

    Args:
        overlay: The place of the preview.
        plane: The plane, whose name is put into it where there are several.
    """
    path = Path(overlay)
    return path.with_name(path.stem + plane.name + path.suffix)


def places_for(
    images: Sequence[Path],
    requested: Requested,
    *,
    folder_of: str | None,
    form: str = FORMATS[0],
) -> list[Requested]:
    """Name the files of each image. Nothing is made.

    Args:
        images: The images.
        requested: The requested results.
        folder_of: A folder that was given in place of images, so that results go to folders even
            if there is only one image in it.
        form: Format of the files in folders, one of `FORMATS`.

    Returns:
        The files of each image, in their order.

    Raises:
        UsageError: No such format, a preview that is no PNG, several images and one file, or no
            such folder.
    """
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}; choose {', '.join(FORMATS)}")
    several = len(images) > 1 or folder_of is not None
    stems = _stems(images)
    by_kind: dict[str, list[str | None]] = {}
    for field in fields(Requested):
        place = getattr(requested, field.name)
        by_kind[field.name] = _named(place, field.name, stems, form, several=several)
    return [Requested(*row) for row in zip(*by_kind.values(), strict=True)]


def targets_of(places: Sequence[Requested], table: Path | None) -> list[Target]:
    """Everything that is written on this machine.

    Raises:
        UsageError: Two results go to one URL.
    """
    targets = [] if table is None else [Target(f"--objects {table}", table)]
    remote: set[str] = set()
    for each in places:
        for kind in _NAMES:
            place = getattr(each, kind)
            if place is None:
                continue
            path = local_path(place)
            if path is not None:
                way = Way.STORE if path.suffix.lower() in ZARR_ENDINGS else Way.FILE
                targets.append(Target(f"{option_of(kind)} {place}", path, way))
            elif (url := place.rstrip("/")) in remote:
                raise UsageError(f"{place}: two results would go there; name another store")
            else:
                remote.add(url)
    return targets


def _make_folders(targets: Sequence[Target], missing: Sequence[Path]) -> None:
    """Make folders, once it is known that everything can be written."""
    for folder in missing:
        check_folder_of(folder)
    for target in targets:
        if target.path.parent not in missing:
            # A store is a folder, and may be there to be resumed.
            (check_folder_of if target.way is Way.STORE else check_writable)(target.path)
    try:
        for folder in missing:
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be made: {error.strerror}") from error


def _missing(places: Sequence[Requested], requested: Requested) -> Iterator[Path]:
    """Folders that were named for the files of several images, and are not there yet."""
    for kind in _NAMES:
        named = getattr(requested, kind)
        if named is None or "://" in named:
            continue
        folder = Path(named)
        if not folder.exists() and any(getattr(each, kind) != named for each in places):
            yield folder


def option_of(kind: str) -> str:
    """The option that requests a result.

    Args:
        kind: `labels`, `probabilities`, `confidence` or `overlay`.
    """
    return {"labels": "--output", "confidence": "--confidence-map"}.get(kind, f"--{kind}")


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
    option = option_of(kind)
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
            raise UsageError(f"{place}: previews are PNG; name a .png file, or a folder")
        return [place]
    if form == _ONLY_LABELS and kind != "labels":
        form = FORMATS[0]  # PNG holds no fractions
    ending = ".png" if kind == "overlay" else f".{form}"
    if local:
        folder = Path(place)
        if not folder.exists() and not folder.absolute().parent.is_dir():
            raise UsageError(f"{place}: the folder {folder.absolute().parent} does not exist")
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{place}: is a file; name a folder for the results")
    head = place if place.endswith("/") else place.rstrip(os.sep) + "/"
    return [f"{head}{stem}{_NAMES[kind]}{ending}" for stem in stems]


def check_stores(places: Sequence[Requested]) -> None:
    """Refuse results that many machines cannot write at once.

    Raises:
        UsageError: One is no OME-Zarr, or there is no label image.
    """
    for each in places:
        if each.labels is None:
            raise UsageError("a cluster writes label images; name one with --output STORE.zarr")
        for _, place in each.images:
            if Path(place).suffix.lower() not in ZARR_ENDINGS:
                raise UsageError(
                    f"{place}: a cluster writes OME-Zarr, which many machines can write at once; "
                    "name a .zarr store"
                )
