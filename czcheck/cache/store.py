"""A folder of stored entries: private, bounded, and safe under parallel runs and kills."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from czcheck.errors import UsageError
from czcheck.files import is_private, write_private
from czcheck.limits import MIB

FOLDER = "verdicts-1"
"""Folder of our own below the one that the user names; its number is that of the entries' form."""

MAX_ENTRIES = 500
MAX_BYTES = 64 * MIB
MAX_ENTRY = 4 * MIB

_ENDING = ".json"
_OURS = re.compile(r"[0-9a-f]+\.json")
_TEMPORARY = ".new"
# What a run that was killed has left behind; one that lives writes in milliseconds.
_STALE_SECONDS = 3600


class Store:
    """Entries of plain data by key.

    An entry is written to a temporary file, which is then renamed to its place: a reader sees
    the whole of an old entry, the whole of a new one, or none. What cannot be read, was cut short,
    changed, or written by another user is ignored, and is written anew.
    """

    def __init__(self, folder: Path) -> None:
        """Create the folder if it does not exist.

        Args:
            folder: Where entries are stored, in a folder of their own.

        Raises:
            UsageError: It cannot be created, or another user can write into it.
        """
        self._folder = folder / FOLDER
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            found = self._folder.lstat()
        except OSError as error:
            raise UsageError(
                f"{folder}: verdicts cannot be stored there: {error.strerror or error}"
            ) from None
        if not stat.S_ISDIR(found.st_mode) or not is_private(found):
            raise UsageError(
                f"{self._folder}: other users can write there, so its verdicts are not used; remove"
                " it, or choose another folder with --cache-dir"
            )

    def get(self, key: str) -> dict[str, Any] | None:
        """The entry of a key; None if there is none that can be trusted.

        Args:
            key: Hexadecimal digits.
        """
        path = self._path(key)
        try:
            data = _read(path)
            digest, _, body = data.partition(b"\n")
            if digest.decode("ascii") != _digest(key, body):
                return None
            entry = json.loads(body)
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(entry, dict):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the ones used last are stored longest
        return entry

    def put(self, key: str, entry: dict[str, Any]) -> bool:
        """Store an entry.

        Args:
            key: Hexadecimal digits.
            entry: What JSON knows, and nothing else.

        Returns:
            Whether it was stored. If not, the only cost is time.
        """
        try:
            body = json.dumps(entry, separators=(",", ":")).encode("ascii")
        except (TypeError, ValueError, RecursionError):
            return False
        data = _digest(key, body).encode("ascii") + b"\n" + body
        if len(data) > MAX_ENTRY:
            return False
        try:
            write_private(self._path(key), data, _TEMPORARY)
        except OSError:
            return False
        self._prune()
        return True

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_ENDING}"

    def _prune(self) -> None:
        """Remove what is too much, the entries used last at the end, and what was left behind."""
        now = time.time()
        entries: list[tuple[float, int, str]] = []
        for name, found in self._files():
            if _OURS.fullmatch(name):
                entries.append((found.st_mtime, found.st_size, name))
            elif name.endswith(_TEMPORARY) and now - found.st_mtime > _STALE_SECONDS:
                self._remove(name)
        entries.sort(reverse=True)
        total = 0
        for number, (_, size, name) in enumerate(entries):
            total += size
            if number >= MAX_ENTRIES or total > MAX_BYTES:
                self._remove(name)

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):  # another run has removed it
                    yield entry.name, entry.stat(follow_symlinks=False)

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            (self._folder / name).unlink()


def _read(path: Path) -> bytes:
    """The bytes of a file of this user, of limited size.

    Raises:
        OSError: There is none.
        ValueError: It was not written by this user, or is too large.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode) or not is_private(found):
            raise ValueError("not a file of ours")
        data = stream.read(MAX_ENTRY + 1)
    if len(data) > MAX_ENTRY:
        raise ValueError("too large")
    return data


def _digest(key: str, body: bytes) -> str:
    """Digest that ties an entry to its name: a renamed entry is ignored."""
    return hashlib.sha256(key.encode("ascii") + b"\n" + body).hexdigest()
