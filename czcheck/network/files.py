"""Where the files of a SavedModel come from: a folder, or the archive inside a czmodel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from czcheck.errors import InputError

CHUNK = 1 << 20


class SavedModelFiles(Protocol):
    """The files of one SavedModel, named relative to its root with `/` as separator."""

    @property
    def names(self) -> tuple[str, ...]:
        """All files, sorted: `saved_model.pb`, `variables/variables.index`, ..."""

    def size(self, name: str) -> int:
        """Size of a file in bytes."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """A file's bytes, in pieces of at most 1 MiB."""


def read_whole(files: SavedModelFiles, name: str, limit: int) -> bytes:
    """One file as bytes.

    Args:
        files: The SavedModel.
        name: Name of the file.
        limit: Most bytes to read.

    Raises:
        InputError: The file is larger than the limit.
    """
    pieces: list[bytes] = []
    total = 0
    for piece in files.chunks(name):
        total += len(piece)
        if total > limit:
            raise InputError(f"{name} is larger than the limit of {limit} bytes")
        pieces.append(piece)
    return b"".join(pieces)


class SavedModelFolder:
    """A SavedModel in a folder, as TensorFlow writes it."""

    def __init__(self, folder: Path) -> None:
        """List the folder.

        Args:
            folder: The folder that holds `saved_model.pb`.
        """
        self.folder = folder
        self._sizes: dict[str, int] = {}
        for base, _, names in os.walk(folder):
            for name in names:
                path = Path(base, name)
                if path.is_file():
                    self._sizes[path.relative_to(folder).as_posix()] = path.stat().st_size

    @property
    def names(self) -> tuple[str, ...]:
        """All files, sorted."""
        return tuple(sorted(self._sizes))

    def size(self, name: str) -> int:
        """Size of a file in bytes."""
        return self._sizes[name]

    def chunks(self, name: str) -> Iterator[bytes]:
        """A file's bytes, in pieces of at most 1 MiB."""
        with (self.folder / name).open("rb") as stream:
            while piece := stream.read(CHUNK):
                yield piece
