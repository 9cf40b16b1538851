"""What a command reads: files, folders of which everything is read, and folders of images."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from czcheck.images.folders import ENDINGS, is_store
from czcheck.metadata.spec import named_files

Identity = tuple[int, int]
"""Device and number of a file, which all its names share."""
_MOST_LINKS = 40  # one after the other; no system follows more


@dataclass(frozen=True, slots=True)
class Source:
    """A path that is read.

    Attributes:
        path: The path, as it was named.
        what: What it is to the command: "the model", "`ModelPath` of spec.json".
        whole: Whether everything below it is read, as of a SavedModel's folder or a Zarr store.
        images: Whether it is a folder that stands for the images in it.
    """

    path: Path
    what: str
    whole: bool = False
    images: bool = False

    def __str__(self) -> str:
        return f"{self.path}, {self.what}"


class Sources:
    """All that a command reads. Collected before anything is run; nothing of it is opened to write.

    Attributes:
        read: The paths.
    """

    def __init__(self) -> None:
        """Collect nothing yet."""
        self.read: list[Source] = []

    def file(self, path: str | Path, what: str) -> None:
        """Add a file.

        Args:
            path: The file; one that does not exist is no matter.
            what: What it is to the command.
        """
        self.read.append(Source(Path(path), what))

    def folder(self, path: str | Path, what: str) -> None:
        """Add a folder of which everything is read."""
        self.read.append(Source(Path(path), what, whole=True))

    def model(self, path: str | Path, what: str = "the model") -> None:
        """Add a model: an archive, a specification with all files that it names, or a SavedModel.

        Args:
            path: The archive, the JSON file or the folder.
            what: What it is to the command.
        """
        path = Path(path)
        if path.is_dir():
            self.named(path, what)
            return
        self.file(path, what)
        if not path.is_file():  # a pipe would be waited for
            return

        for key, named in named_files(path).items():
            self.named(named, f"`{key}` of {path.name}")

    def named(self, path: Path, what: str) -> None:
        """Add what a specification names; a folder counts where it is a SavedModel."""
        if not path.is_dir():
            self.file(path, what)
        elif any((path / name).exists() for name in ("saved_model.pb", "saved_model.pbtxt")):
            self.folder(path, what)

    def images(self, path: str | Path, what: str = "an image") -> None:
        """Add an image or a folder of images. Of a folder only its images are read.

        Args:
            path: An image file, a Zarr store, or a folder of them.
            what: What each of them is to the command.
        """
        path = Path(path)
        if is_store(path):
            self.folder(path, what)
            return
        if not path.is_dir():
            self.file(path, what)
            return
        self.read.append(Source(path, f"a folder with {what}", images=True))
        for each in path.iterdir():
            if is_store(each):
                self.folder(each, what)
            elif each.suffix.lower() in ENDINGS:
                self.file(each, what)

    def program(self, name: str | None, what: str) -> None:
        """Add an interpreter, with the environment that it belongs to.

        Args:
            name: A path, or a name to find on `PATH`; None for none.
            what: What it is to the command.
        """
        found = None if name is None else shutil.which(name)
        if found is None:
            return
        self.file(found, what)
        # Of a virtual environment, everything is read that a network may import.
        environment = Path(found).absolute().parent.parent
        if (environment / "pyvenv.cfg").is_file():
            self.folder(environment, f"the environment of {what}")

    def module(self, name: str | None, what: str) -> None:
        """Add a Python module of the working folder.

        Args:
            name: A dotted name, or the path of a `.py` file; None for none.
            what: What it is to the command.
        """
        if name is None:
            return
        if name.endswith(".py"):
            self.file(name, what)
            return
        path = Path()
        for part in name.split("."):
            path /= part
            self.file(path / "__init__.py", what)
        self.file(path.with_suffix(".py"), what)
        for each in path.glob("*.py") if path.is_dir() else ():
            self.file(each, what)


def identity(path: Path) -> Identity | None:
    """Device and number of a file or folder, whatever its name; None if it does not exist."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino) if found.st_ino else None


class Below(NamedTuple):
    """Everything below a folder, through links as well.

    Attributes:
        folders: The folders, itself included.
        files: The files.
        linked: Where links lead, and the further links on the way. Nothing need be there yet: a
            file would be one of the folder's.
    """

    folders: set[Identity]
    files: set[Identity]
    linked: set[Path]


def below(folder: Path) -> Below:
    """Look through a folder."""
    found = Below(set(), set(), set())
    pending = [folder]
    while pending:
        here = pending.pop()
        own = identity(here)
        if own is None or own in found.folders:
            continue
        found.folders.add(own)
        for entry, is_folder in _entries(here):
            if entry.is_symlink():
                found.linked.update(trail(Path(entry.path)))
            if is_folder:
                pending.append(Path(entry.path))
            elif not entry.is_symlink():  # a store may have a million chunks: no call for each
                found.files.add((own[0], entry.inode()))
            elif (linked := identity(Path(entry.path))) is not None:
                found.files.add(linked)
    return found


def trail(path: Path) -> list[Path]:
    """Where a path leads: every link on the way, and the place at its end.

    Args:
        path: The path; it need not exist.
    """
    found: list[Path] = []
    here = path.absolute()
    pending = list(reversed(here.parts[1:]))
    here = Path(here.anchor)
    while pending:
        part = pending.pop()
        entry = here.parent if part == ".." else here / part
        if not entry.is_symlink() or len(found) > _MOST_LINKS:
            here = entry
            continue
        found.append(entry)
        target = entry.readlink()
        here = Path(target.anchor) if target.is_absolute() else here
        pending += reversed(target.parts[1:] if target.is_absolute() else target.parts)
    return [Path(os.path.normcase(each)) for each in (*found, here)]


def real(path: Path) -> Path:
    """A path with all links followed, in the one way in which it is compared.

    Args:
        path: The path; it need not exist.
    """
    try:
        return Path(os.path.normcase(path.resolve()))
    except (OSError, RuntimeError, ValueError):  # a circle of links
        return Path(os.path.normcase(path.absolute()))


def _entries(folder: Path) -> Iterator[tuple[os.DirEntry[str], bool]]:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # a circle of links
                yield entry, entry.is_dir()
