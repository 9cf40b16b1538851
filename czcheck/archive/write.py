"""Write archives: the same bytes for the same members, whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from czcheck.errors import InputError, UsageError

if TYPE_CHECKING:
    from types import FrameType

Members = Iterable[tuple[str, "bytes | Path"]]

DATE = (1980, 1, 1, 0, 0, 0)
UTF8_NAMES = 0x800
DEFLATE_LEVEL = 6
CHUNK = 1 << 16
SAMPLES, SAMPLE_BYTES = 16, 1 << 16
REPEATS_PAY = 0.98
"""Searching for repeats pays where a sample gets smaller by that factor. In weights there are none:
looking for them takes three times the time and makes them larger."""
SUFFIX = ".partial"


def write_archive(
    target: str | Path | IO[bytes], members: Members, *, deflate: bool = True
) -> None:
    """Write a ZIP archive whose bytes depend on its members alone.

    Times, permissions and the operating system leave no trace: every member is dated 1980-01-01,
    `create_system` and `external_attr` are 0, names are UTF-8 (flag bit 11), as in archives that
    ZEN itself writes. Section 1.1 of the format.

    Args:
        target: Path, written atomically, or a stream that can be written to.
        members: Names and contents (bytes, or a file to copy) in the order to write them.
        deflate: Whether to compress; empty members are stored in any case.

    Raises:
        InputError: The path cannot be written, or a file cannot be read. Nothing is left behind,
            and a file that was there before stays as it was.
    """
    if isinstance(target, (str, Path)):
        with replacing(Path(target)) as temporary, temporary.open("wb") as stream:
            _write(stream, members, deflate=deflate)
    else:
        _write(target, members, deflate=deflate)


class _Utf8Named(zipfile.ZipInfo):
    """A member whose name is marked as UTF-8 even where it is plain ASCII, as ZEN does."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802  (zipfile's name)
        return self.filename.encode("utf-8"), self.flag_bits | UTF8_NAMES


def _write(stream: IO[bytes], members: Members, *, deflate: bool) -> None:
    method = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w", method, compresslevel=DEFLATE_LEVEL) as archive:
        for name, content in members:
            size = content.stat().st_size if isinstance(content, Path) else len(content)
            info = _Utf8Named(name, DATE)
            info.create_system = 0
            info.external_attr = 0
            info.compress_type = method if size else zipfile.ZIP_STORED
            info.file_size = size
            with archive.open(info, "w") as into:
                if info.compress_type == zipfile.ZIP_DEFLATED and not _repeats_pay(content, size):
                    # zipfile knows levels only. Its compressor has seen nothing yet.
                    into._compressor = _huffman_only()  # type: ignore[attr-defined]  # noqa: SLF001
                if isinstance(content, Path):
                    with content.open("rb") as source:
                        shutil.copyfileobj(source, into, CHUNK)
                else:
                    into.write(content)
            info.external_attr = 0  # `open` gives members of mode 0 the mode 0600


def _repeats_pay(content: bytes | Path, size: int) -> bool:
    """Whether deflate is to search for repeats. Depends on the content alone.

    Args:
        content: The bytes, or a file.
        size: Their number.
    """
    if size < 2 * SAMPLES * SAMPLE_BYTES:
        return True
    sample = _sample(content, size)
    searched = len(zlib.compress(sample, DEFLATE_LEVEL))
    packer = _huffman_only()
    return searched < REPEATS_PAY * len(packer.compress(sample) + packer.flush())


def _sample(content: bytes | Path, size: int) -> bytes:
    """Pieces from all over a content."""
    starts = [index * (size - SAMPLE_BYTES) // (SAMPLES - 1) for index in range(SAMPLES)]
    if isinstance(content, bytes):
        return b"".join(content[start : start + SAMPLE_BYTES] for start in starts)
    pieces = []
    with content.open("rb") as stream:
        for start in starts:
            stream.seek(start)
            pieces.append(stream.read(SAMPLE_BYTES))
    return b"".join(pieces)


def _huffman_only() -> zlib._Compress:
    """A compressor that gives frequent bytes short codes and searches for nothing."""
    return zlib.compressobj(
        DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_HUFFMAN_ONLY
    )


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary file beside a target, which takes the target's place at the end.

    What an earlier, killed run left beside this target is removed first.

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
    temporary = folder / f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
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

    Args:
        named: The file.

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
    """Names of temporary files beside a target; the group is the number of their process.

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

    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
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
