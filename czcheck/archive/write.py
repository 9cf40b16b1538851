"""Write archives: the same bytes for the same members."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from czcheck.files import replacing

Members = Iterable[tuple[str, "bytes | Path"]]

DATE = (1980, 1, 1, 0, 0, 0)
UTF8_NAMES = 0x800
DEFLATE_LEVEL = 6
CHUNK = 1 << 16
SAMPLES, SAMPLE_BYTES = 16, 1 << 16
REPEATS_PAY = 0.98
"""Searching for repeats pays where a sample gets smaller by that factor. In weights there are none:
looking for them takes three times the time and makes them larger."""


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
