"""Writing beside the target and putting in place at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from czcheck.archive.write import reason, replacing
from czcheck.errors import IncompleteError, InputError, UsageError


class AbandonedError(Exception):
    """Ends a `placing` without a result; never seen by users."""


def check_place(path: Path) -> None:
    """Refuse a file that has no folder to go to.

    Args:
        path: The file.

    Raises:
        UsageError: Its folder is missing, or a folder of its name is in the way.
    """
    if not path.parent.is_dir():
        raise UsageError(f"{path}: the folder {path.parent} does not exist; make it first")
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file")


@contextmanager
def placing(path: Path) -> Iterator[Path]:
    """A temporary file that takes the place of `path` at the end.

    Args:
        path: The file to make or replace.

    Yields:
        Where to write.

    Raises:
        UsageError: The folder is missing, or a folder of that name is in the way.
        IncompleteError: The disk is full, or the file cannot be written.
    """
    check_place(path)
    try:
        with replacing(path) as temporary:
            yield temporary
    except InputError as error:
        raise IncompleteError(str(error)) from error


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn what fails while writing into one line.

    Args:
        path: The file, for the message.

    Raises:
        IncompleteError: The disk is full, or the file cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise IncompleteError(f"{path}: cannot be written: {reason(error)}") from error
