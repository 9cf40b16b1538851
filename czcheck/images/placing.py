"""Writing beside the target and putting in place at the end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from czcheck.archive.write import check_writable, reason, replacing
from czcheck.errors import IncompleteError, InputError


class AbandonedError(Exception):
    """Ends a `placing` without a result; never seen by users."""


@contextmanager
def placing(path: Path) -> Iterator[Path]:
    """A temporary file that takes the place of `path` at the end.

    Args:
        path: The file to make or replace.

    Yields:
        Where to write.

    Raises:
        UsageError: The folder is missing or cannot be written, or one of that name is in the way.
        IncompleteError: The disk is full, or the file cannot be written.
    """
    check_writable(path)
    try:
        with replacing(path) as temporary:
            yield temporary
    except InputError as error:
        raise IncompleteError(str(error)) from error


def settle(path: Path, temporary: Path) -> None:
    """Have what was written on the disk, so that putting it in place is all that is left.

    Args:
        path: The file that is made, for the message.
        temporary: Where it is until then.

    Raises:
        IncompleteError: The disk is full, or the file cannot be written.
    """
    with writing(path), temporary.open("rb+") as stream:
        os.fsync(stream.fileno())


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Put off Ctrl-C and requests to end until the end of this, which has to be short.

    Several files are put in place one after the other: an interruption in between would leave
    some of them. Signals reach Python's main thread alone; in another one there is nothing to do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, Any]] = []
    before: dict[int, Any] = {}
    names = [each for each in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, each)]
    for number in (getattr(signal, each) for each in names):
        handler = signal.getsignal(number)
        if callable(handler):  # what is ignored, or ends the process at once, stays as it is
            before[number] = handler
            signal.signal(number, lambda *each: came.append(each))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number, frame in came[:1]:
            before[number](number, frame)


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
