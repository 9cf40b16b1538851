"""What a command writes, compared with what it reads before anything is run or made."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import czcheck.images
from czcheck.errors import UsageError
from czcheck.files import SUFFIX, abandoned
from czcheck.images.folders import UNFINISHED
from czcheck.sources import Identity, Source, Sources, below, identity, real, trail

_LOCAL = ("file", "local", "")
_TIFF = (".tif", ".tiff", ".btf")


class Way(Enum):
    """How something is written: in the place of a file, into a folder, or as a whole folder."""

    FILE = "file"
    FOLDER = "folder"
    PICTURES = "folder for images"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class Target:
    """A place that a command writes to.

    Attributes:
        option: The option that names it, with its value, as the user would write it.
        path: The place.
        way: How it is written. Files are only added to a folder; a store replaces what is there.
    """

    option: str
    path: Path
    way: Way = Way.FILE

    @property
    def is_replaced(self) -> bool:
        """Whether existing files there are replaced."""
        return self.way in (Way.FILE, Way.STORE)

    @property
    def places(self) -> tuple[Path, ...]:
        """All that is replaced or made, with links followed, and without following the last one."""
        names = [self.path]
        if self.way is Way.STORE:
            names.append(self.path.with_name(self.path.name + UNFINISHED))
        found = (each for name in names for each in (real(name), _entry(name)))
        return tuple(dict.fromkeys(found))


def check_targets(targets: Sequence[Target], sources: Sources) -> None:
    """Check that nothing that is written replaces, enters or removes what is read.

    Raises:
        UsageError: One of them does, or two name the same place. Nothing was changed.
    """
    targets = [each for each in targets if not _is_device(each.path)]
    if not targets:
        return
    index = _Index(sources)
    for target in targets:
        if (objection := index.objection(target)) is not None:
            raise UsageError(f"{target.option}: {objection}")
    _check_one_another(targets)


def local_path(place: str) -> Path | None:
    """The path that a place names; None for a place on another machine.

    Args:
        place: A path, or a URL as fsspec knows them, chained ones included.
    """
    if "://" not in place:
        return Path(place)
    last = place.rpartition("::")[2]
    parts = urlsplit(last)
    if parts.scheme.lower() not in _LOCAL:
        return None
    return Path(unquote(parts.path) if parts.scheme else last)


class _Index:
    """What is read, found by place; of folders that are read whole, everything in them."""

    def __init__(self, sources: Sources) -> None:
        self._places: dict[Path, Source] = {}
        self._identities: dict[Identity, Source] = {}
        self._trees: dict[Path, Source] = {}
        self._holders: dict[Path, Source] = {}
        self._temporary: dict[Path, list[tuple[str, Source]]] = {}
        self._images: dict[Identity, Source] = {}
        self._tiffs: dict[Path, list[Source]] = {}
        self._whole = [each for each in sources.read if each.whole]
        for source in sources.read:
            self._enter(source)

    def _enter(self, source: Source) -> None:
        own, place = identity(source.path), real(source.path)
        for each in trail(source.path):
            for holder in each.parents:
                self._holders.setdefault(holder, source)
        if source.images:
            if own is not None:
                self._images[own] = source
            return
        for each in {place, _entry(source.path)}:
            self._places.setdefault(each, source)
            if source.whole:
                self._trees.setdefault(each, source)
            if each.name.endswith(SUFFIX):
                self._temporary.setdefault(each.parent, []).append((each.name, source))
        if own is not None:
            self._identities.setdefault(own, source)
        if place.suffix.lower() in _TIFF:
            self._tiffs.setdefault(place.parent, []).append(source)

    def objection(self, target: Target) -> str | None:
        """Why a place must not be written to; None if it may be."""
        for place in target.places:
            own = identity(place)
            if (source := self._same(place, own)) is not None:
                return _is_read(target, source)
            if (source := self._around(place, own)) is not None:
                return f"is inside {source}, which is read as a whole; name a place outside it"
            if (source := self._part(place, own)) is not None:
                return f"would replace a file of {source}, which is read; name another file"
            if (source := self._in_set(place, own)) is not None:
                return f"belongs to the image {source.path}, which is read; name another file"
            if target.is_replaced and (source := self._inside(place, own)) is not None:
                return f"would replace the folder of {source}, which is read; name another place"
            if target.way is Way.FILE and (source := self._abandoned(place)) is not None:
                return f"would remove {source}, whose name is that of a temporary file; rename it"
        if target.way is Way.PICTURES and (own := identity(target.path)) in self._images:
            what = self._images[own].what
            return f"is {what} that are read, and adds images to them; name another folder"
        return None

    def _same(self, place: Path, own: Identity | None) -> Source | None:
        if (source := self._places.get(place)) is not None:
            return source
        return None if own is None else self._identities.get(own)

    def _around(self, place: Path, own: Identity | None) -> Source | None:
        """A folder, all of which is read, that contains a place."""
        for folder in (place, *place.parents):
            if (source := self._trees.get(folder)) is not None:
                return source
        if not self._whole:
            return None
        # By another name: through a link, in other capitals, or mounted twice.
        found = (
            self._below.folders.get(each) for each in (own, *map(identity, place.parents)) if each
        )
        return next(filter(None, found), None)

    def _part(self, place: Path, own: Identity | None) -> Source | None:
        """A folder, all of which is read, with a file that has another name here."""
        if (source := self._below.linked.get(place)) is not None:
            return source
        return None if own is None else self._below.files.get(own)

    @cached_property
    def _below(self) -> _Below:
        merged = _Below({}, {}, {})
        for source in self._whole:
            found = below(source.path)
            merged.folders.update(dict.fromkeys(found.folders, source))
            merged.files.update(dict.fromkeys(found.files, source))
            merged.linked.update(dict.fromkeys(found.linked, source))
        return merged

    def _in_set(self, place: Path, own: Identity | None) -> Source | None:
        """An OME-TIFF that a file is a part of."""
        if own is None or not self._tiffs or not place.is_file():
            return None
        # A file with several names may have one in another folder.
        folders = self._tiffs if place.stat().st_nlink > 1 else (place.parent,)
        sets = (self._sets(folder) for folder in folders if folder in self._tiffs)
        return next((found[own] for found in sets if own in found), None)

    @cache  # noqa: B019 - as short-lived as the index
    def _sets(self, folder: Path) -> dict[Identity | None, Source]:
        images = self._tiffs[folder]
        return {
            identity(part): each
            for each in images
            for part in czcheck.images.neighbouring_files(real(each.path))
        }

    def _inside(self, place: Path, own: Identity | None) -> Source | None:
        """What is read of a folder that would be replaced."""
        if (source := self._holders.get(place)) is not None or not place.is_dir():
            return source
        linked = {
            folder: source for each, source in self._below.linked.items() for folder in each.parents
        }
        holders = (*self._holders.items(), *linked.items())
        return next((each for folder, each in holders if identity(folder) == own), None)

    def _abandoned(self, place: Path) -> Source | None:
        """What is read, and would be taken for what an interrupted run left behind."""
        near = self._temporary.get(place.parent, ())
        names = abandoned(place) if near else None
        return next((each for name, each in near if names and names.fullmatch(name)), None)


class _Below(NamedTuple):
    """As `sources.Below`, with the folder that contains each."""

    folders: dict[Identity, Source]
    files: dict[Identity, Source]
    linked: dict[Path, Source]


def _is_read(target: Target, source: Source) -> str:
    other = "folder" if target.way is not Way.FILE else "file"
    named = source.what if target.path == source.path else source
    does = "would replace" if target.is_replaced else "is"
    return f"{does} {named}, which is read; name another {other}"


def _check_one_another(targets: Sequence[Target]) -> None:
    """Refuse two outputs in one place, or one in the other.

    Raises:
        UsageError: There are such.
    """
    taken: dict[Path, Target] = {}
    folded: dict[str, tuple[Path, Target]] = {}
    for target in targets:
        for place in target.places:
            other = taken.get(place)
            if other is None:
                near, of = folded.setdefault(_folded(place), (place, target))
                other = of if near != place and _same_but_for_case(near, place) else None
            if other is not None and other is not target and _collide(other, target):
                raise UsageError(
                    f"{target.option}: names the same place as {other.option}; name another one "
                    "for one of them"
                )
            taken.setdefault(place, target)
    for target in targets:
        for place in target.places:
            for holder in place.parents:
                other = taken.get(holder)
                if other is not None and other is not target and other.is_replaced:
                    raise UsageError(
                        f"{target.option}: is inside what {other.option} writes; name a place "
                        "outside it"
                    )


def _collide(first: Target, second: Target) -> bool:
    """Whether two outputs in one place are in each other's way; folders are only added to."""
    return first.is_replaced or second.is_replaced


def _folded(place: Path) -> str:
    return unicodedata.normalize("NFC", str(place)).casefold()


def _same_but_for_case(first: Path, second: Path) -> bool:
    """Whether two paths that differ in capitals, or in how letters are composed, are one place."""
    pairs = zip(first.parts, second.parts, strict=False)
    shared = Path(*(one for one, other in _while_equal(pairs)))
    return len(first.parts) == len(second.parts) and ignores_case(shared)


def _while_equal(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for one, other in pairs:
        if one != other:
            return
        yield one, other


def ignores_case(folder: Path) -> bool:
    """Whether names in a folder that differ by capitals alone are the same.

    Args:
        folder: The folder; a file is made in it for a moment.
    """
    try:
        with tempfile.NamedTemporaryFile(prefix="czcheck-a", dir=folder) as file:
            path = Path(file.name)
            return path.with_name(path.name.swapcase()).exists()
    except OSError:
        return os.name == "nt"


def _entry(path: Path) -> Path:
    """A path with all links followed but the last one, which a file in its place would replace."""
    return real(path.parent) / os.path.normcase(path.name) if path.name else real(path)


def _is_device(path: Path) -> bool:
    """Whether something is there that is written to as it is: a device or a pipe."""
    try:
        return path.exists() and not path.is_file() and not path.is_dir()
    except OSError:
        return False
