"""Where a Zarr store is written: next to its place on this machine, or in its place at a URL."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from zarr.storage import FsspecStore, LocalStore

from czcheck.errors import UsageError
from czcheck.images.decoders import extra
from czcheck.images.folders import UNFINISHED
from czcheck.images.writer import OURS

_PROGRESS = "czcheck-progress"
_ATTRIBUTES = ".zattrs"
_REMOVALS, _PAUSE = 20, 0.05  # seconds between them


class Folder(ABC):
    """A store's folder while it is written.

    Attributes:
        place: Where it is until it is finished.
    """

    place: str

    @abstractmethod
    def store(self) -> Any:
        """What zarr opens."""

    @abstractmethod
    def finished(self) -> dict[str, Any] | None:
        """The mark of a complete store in the place; None if there is none."""

    @abstractmethod
    def unfinished(self) -> dict[str, Any] | None:
        """The mark of an unfinished one."""

    @abstractmethod
    def begin(self) -> None:
        """Begin with an empty folder."""

    @abstractmethod
    def record(self, key: str) -> None:
        """Record that a block is written."""

    @abstractmethod
    def done(self) -> set[str]:
        """Blocks that are recorded."""

    @abstractmethod
    def forget(self) -> None:
        """Remove the record."""

    @abstractmethod
    def finish(self) -> None:
        """Put the folder in place."""

    @abstractmethod
    def remove(self) -> None:
        """Remove the unfinished folder."""


def folder_for(path: str) -> Folder:
    """The folder of a store.

    Args:
        path: A path, or a URL of a file system that fsspec knows.

    Raises:
        UsageError: No such folder, something there that must not be replaced, or fsspec or the
            package for its file system is missing.
    """
    if "://" not in path:
        return _Local(Path(path))
    if urlsplit(path).scheme == "file":
        return _Local(Path(unquote(urlsplit(path).path)))
    return _Remote(path)


def _mark_in(text: bytes) -> dict[str, Any] | None:
    try:
        attributes = json.loads(text)
    except ValueError:
        return None
    mark = attributes.get(OURS) if isinstance(attributes, dict) else None
    return mark if isinstance(mark, dict) else None


class _Local(Folder):
    def __init__(self, path: Path) -> None:
        if not path.parent.is_dir():
            raise UsageError(f"{path}: the folder {path.parent} does not exist; make it first")
        stores = ("zarr.json", ".zgroup", ".zarray")
        if path.is_dir():
            if any(path.iterdir()) and not any((path / each).exists() for each in stores):
                raise UsageError(f"{path}: is a folder and no Zarr store; name another one")
        elif path.exists():
            raise UsageError(f"{path}: is a file; name another store")
        self._path, self._work = path, path.with_name(path.name + UNFINISHED)
        if self._work.exists() and not self._is_ours():
            raise UsageError(
                f"{self._work}: is in the way, and no unfinished store of czcheck; move it, or name"
                " another store"
            )
        self.place = str(self._work)

    def _is_ours(self) -> bool:
        """Whether what stands in the place of an unfinished store is one, or just begun."""
        if not self._work.is_dir():
            return False
        names = {each.name for each in self._work.iterdir()}
        begun = names <= {".zgroup", _ATTRIBUTES}
        return begun or _PROGRESS in names or self._read(self._work) is not None

    def store(self) -> Any:
        return LocalStore(self._work)

    def finished(self) -> dict[str, Any] | None:
        return self._read(self._path)

    def unfinished(self) -> dict[str, Any] | None:
        return self._read(self._work)

    def _read(self, folder: Path) -> dict[str, Any] | None:
        try:
            return _mark_in((folder / _ATTRIBUTES).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def begin(self) -> None:
        self.remove()
        self._work.mkdir()

    def record(self, key: str) -> None:
        with (self._work / _PROGRESS).open("a") as file:
            file.write(f"{key}\n")

    def done(self) -> set[str]:
        try:
            lines = (self._work / _PROGRESS).read_text().splitlines(keepends=True)
        except FileNotFoundError:
            return set()
        return {line.strip() for line in lines if line.endswith("\n")}  # one may be cut off

    def forget(self) -> None:
        (self._work / _PROGRESS).unlink(missing_ok=True)

    def finish(self) -> None:
        old = self._path.with_name(f".{self._path.name}.{os.getpid()}-{secrets.token_hex(4)}.old")
        if self._path.exists():
            self._path.rename(old)
        self._work.rename(self._path)
        shutil.rmtree(old, ignore_errors=True)

    def remove(self) -> None:
        if not self._work.exists():
            return
        # zarr writes chunks side by side: where one failed, others may still be on their way, and
        # each makes the folders that it needs.
        for _ in range(_REMOVALS):
            shutil.rmtree(self._work, ignore_errors=True)
            time.sleep(_PAUSE)
            if not self._work.exists():
                return
        shutil.rmtree(self._work)


class _Remote(Folder):
    def __init__(self, url: str) -> None:
        try:
            import fsspec  # noqa: PLC0415

            self._fs, self._root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise extra(url, "a store at a URL", str(error.name or "fsspec")) from error
        except ValueError as error:
            raise UsageError(f"{url}: {error}") from error
        self.place = self._url = url
        # There is no putting in place at a URL, so nothing that is there is replaced.
        self._taken = self._fs.exists(self._root) and self.unfinished() is None

    def _has(self, name: str) -> bool:
        return bool(self._fs.exists(f"{self._root}/{name}"))

    def store(self) -> Any:
        return FsspecStore.from_url(self._url)

    def _read(self) -> dict[str, Any] | None:
        try:
            return _mark_in(self._fs.cat_file(f"{self._root}/{_ATTRIBUTES}"))
        except FileNotFoundError:
            return None

    def finished(self) -> dict[str, Any] | None:
        mark = self._read()
        return None if mark is None or mark.get("unfinished") else mark

    def unfinished(self) -> dict[str, Any] | None:
        mark = self._read()
        return mark if mark is not None and mark.get("unfinished") else None

    def begin(self) -> None:
        if self._taken:
            raise UsageError(f"{self._url}: there is a store already; remove it, or name another")
        self.remove()

    def record(self, key: str) -> None:
        self._fs.pipe_file(f"{self._root}/{_PROGRESS}/{key}", b"\n")

    def done(self) -> set[str]:
        try:
            found = self._fs.ls(f"{self._root}/{_PROGRESS}", detail=False)
        except FileNotFoundError:
            return set()
        return {str(each).rpartition("/")[2] for each in found}

    def forget(self) -> None:
        if self._has(_PROGRESS):
            self._fs.rm(f"{self._root}/{_PROGRESS}", recursive=True)

    def finish(self) -> None:
        """Nothing to do: it stands in its place."""

    def remove(self) -> None:
        if self._fs.exists(self._root):
            self._fs.rm(self._root, recursive=True)
