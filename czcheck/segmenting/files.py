"""Small files beside an image: written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from czcheck.archive.write import replacing
from czcheck.errors import IncompleteError, InputError, UsageError


@contextmanager
def replacing_output(path: Path) -> Iterator[Path]:
    """A temporary file that takes the place of `path` at the end.

    Args:
        path: The file to make or replace.

    Yields:
        Where to write.

    Raises:
        IncompleteError: The disk is full, or the file cannot be written.
    """
    try:
        with replacing(path) as temporary:
            yield temporary
    except InputError as error:
        raise IncompleteError(str(error)) from error


def check_place(path: Path) -> None:
    """Refuse a file that has no folder to go to, before anything is run.

    Args:
        path: The file.

    Raises:
        UsageError: Its folder is missing, or a folder of its name is in the way.
    """
    if not path.parent.is_dir():
        raise UsageError(f"{path}: the folder {path.parent} does not exist; make it first")
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file")
