"""Files: written whole or not at all, digested, and stored in private folders."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.errors import IncompleteError, InputError, UsageError

if TYPE_CHECKING:
    from types import FrameType

SUFFIX = ".partial"
_CHUNK = 1 << 20
_PREFIX = "czcheck-run-"
_NAME = re.compile(_PREFIX + r"[a-z0-9_]{8}", re.ASCII)
# Descriptors that hold the locks on this process's folders.
_locks: dict[Path, int] = {}
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary file next to a target, which takes the target's place at the end.

    What an earlier, killed run left next to this target is removed first.

    Args:
        target: The file to make or replace.

    Yields:
        Path of the temporary file, in the target's folder; it may be written and read at will.

    Raises:
        InputError: The target's folder is missing or cannot be written, the disk is full, or the
            target is a folder, a device or a pipe. The temporary file is gone then, the target
            untouched.
    """
    folder = target.parent
    if not folder.is_dir():
        raise InputError(f"{target}: cannot be written: the folder {folder} does not exist")
    if target.is_dir():
        raise InputError(f"{target}: cannot be written: a folder of that name is in the way")
    if target.exists() and not target.is_file():
        # Root could put a file in the place of /dev/null.
        raise InputError(f"{target}: cannot be written: is a device or a pipe; name a file")
    temporary = folder / f".{target.name}.{os.getpid()}-{os.urandom(4).hex()}{SUFFIX}"
    try:
        _remove_abandoned(target)
        with _ending_cleanly():
            temporary.touch(0o666, exist_ok=False)
            yield temporary
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
            temporary.replace(target)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {reason(error)}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_writable(named: Path) -> None:
    """See that a file can be put somewhere, before there is anything to put there.

    Raises:
        UsageError: It is a folder, its folder does not exist, or nothing can be written there.
    """
    if named.is_dir():
        raise UsageError(f"{named}: is a folder; name a file in it")
    check_folder_of(named)


def check_folder_of(named: Path) -> None:
    """See that something can be put into the folder that a path names, a device excepted.

    Args:
        named: A file or a folder.

    Raises:
        UsageError: Its folder does not exist, or nothing can be written there; or links lead in a
            circle.
    """
    try:
        folder = named.resolve().parent
    except (OSError, RuntimeError):
        raise UsageError(f"{named}: is a link that leads in a circle; name another place") from None
    if not folder.is_dir():
        raise UsageError(f"{named}: the folder {named.parent} does not exist; make it first")
    if named.exists() and not named.is_file() and not named.is_dir():
        return
    import tempfile  # noqa: PLC0415 - slow, and seldom needed

    try:
        # Modes do not tell what root or a read-only disk may do.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"{named}: the folder {named.parent} cannot be written: {reason(error)}"
        ) from None


def reason(error: OSError) -> str:
    """What an error of the file system means, in a few words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    if error.errno == errno.EFBIG:
        return "the file would be larger than the limit on file sizes allows"
    return (error.strerror or str(error)).lower()


def abandoned(target: Path) -> re.Pattern[str]:
    """Names of temporary files next to a target; the group is the number of their process.

    Args:
        target: The file that they were to take the place of.
    """
    return re.compile(
        rf"\.{re.escape(target.name)}\.([0-9]+)-[0-9a-f]{{8}}{re.escape(SUFFIX)}", re.DOTALL
    )


def _remove_abandoned(target: Path) -> None:
    """Remove temporary files of this target whose process is gone."""
    names = abandoned(target)
    for path in target.parent.iterdir():
        if (found := names.fullmatch(path.name)) is not None and not _alive(int(found[1])):
            with suppress(OSError):
                path.unlink()


def _alive(pid: int) -> bool:
    if os.name == "nt":  # signal 0 would end the process there
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


@contextmanager
def _ending_cleanly() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the program by an exception, so that files are cleaned up."""
    import signal  # noqa: PLC0415
    import threading  # noqa: PLC0415

    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise SystemExit(128 + number)

    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class AbandonedError(Exception):
    """Ends a `placing` without a result; never seen by users."""


@contextmanager
def placing(path: Path) -> Iterator[Path]:
    """A temporary file that takes the place of `path` at the end.

    Args:
        path: The file to make or replace.

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
    import signal  # noqa: PLC0415
    import threading  # noqa: PLC0415

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


def write_file(path: Path, data: bytes, *, append: bool = False) -> None:
    """Write a file: whole, or not at all; a device or a pipe is written to as it is.

    Args:
        path: The file, or a link to it.
        data: What goes into it.
        append: Whether it is added to rather than replaced.

    Raises:
        IncompleteError: The file cannot be written. What was there before stays.
    """
    place = path.resolve()
    try:
        if append or (place.exists() and not place.is_file()):
            with place.open("ab" if append else "wb") as stream:
                stream.write(data)
        else:
            with replacing(place) as temporary:
                temporary.write_bytes(data)
    except OSError as error:
        raise IncompleteError(f"{path}: cannot be written: {reason(error)}") from error
    except InputError as error:
        raise IncompleteError(str(error)) from error


def digest(pieces: Iterable[bytes]) -> str:
    """SHA-256 of bytes that come in pieces, in hexadecimal.

    Args:
        pieces: The pieces, in order.
    """
    import hashlib  # noqa: PLC0415

    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return digest(iter(lambda: stream.read(_CHUNK), b""))


def write_private(path: Path, data: bytes, suffix: str = SUFFIX) -> None:
    """Write a file that only this user can read, whole or not at all; quick rather than durable.

    Args:
        path: The file to make or replace.
        data: What goes into it.
        suffix: Ending of the temporary file next to it.

    Raises:
        OSError: It cannot be written. What was there before stays.
    """
    import tempfile  # noqa: PLC0415 - slow, and seldom needed

    descriptor, name = tempfile.mkstemp(suffix, "", path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def is_private(found: os.stat_result) -> bool:
    """Whether a file or folder belongs to the user, and nobody else can write to it."""
    if os.name != "posix":
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_WRITE


def private_folder() -> Path:
    """A new, empty folder that only this user can enter. Clears up after runs that were killed."""
    import tempfile  # noqa: PLC0415  (slow, and only the run level needs it)

    sweep(Path(tempfile.gettempdir()))
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with suppress(FileNotFoundError):  # swept away before it was locked
            lock = _lock(folder, wait=True)
            if lock is None:
                return folder
            if folder.exists():
                _locks[folder] = lock
                return folder
            os.close(lock)


def remove_folder(folder: Path) -> None:
    """Remove a private folder with everything in it."""
    import shutil  # noqa: PLC0415

    shutil.rmtree(folder, ignore_errors=True)
    lock = _locks.pop(folder, None)
    if lock is not None:
        os.close(lock)


def sweep(place: Path) -> None:
    """Remove private folders whose owner is gone: it was killed, or the machine was.

    Each owner holds a lock on its folder, which the system takes back when it ends. A number of
    the process would not do: numbers come again, and mean something else in each container.

    Args:
        place: The folder of temporary files.
    """
    if not hasattr(os, "getuid"):
        return  # no locks on folders here
    import shutil  # noqa: PLC0415

    try:
        found = [entry for entry in os.scandir(place) if _NAME.fullmatch(entry.name)]
    except OSError:
        return
    for entry in found:
        try:
            ours = entry.stat(follow_symlinks=False).st_uid == os.getuid()
            lock = _lock(Path(entry.path), wait=False) if ours else None
        except OSError:
            continue  # still in use, or gone by now
        if lock is not None:
            shutil.rmtree(entry.path, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path, *, wait: bool) -> int | None:
    """Lock a folder for as long as the descriptor that is returned stays open.

    Args:
        folder: The folder.
        wait: Whether to wait for another process that holds it.

    Returns:
        The descriptor; None where folders cannot be locked.

    Raises:
        OSError: It is locked and `wait` is not set, or it is no folder.
    """
    try:
        import fcntl  # noqa: PLC0415
    except ImportError:
        return None
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(lock)
        if not wait:
            raise
        return None
    return lock
