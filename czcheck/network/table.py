"""Reads the sorted string table that `variables.index` is.

Layout, from the end: a footer of 48 bytes with the places of the meta index and of the index block
and a magic number; the index block, which names the data blocks; the data blocks. A block holds
entries (bytes of the key shared with the one before, bytes of its own, bytes of the value, all as
varints), a list of restart points, and is followed by its compression (one byte) and a checksum
(four bytes). Checkpoints are written without compression.
"""

from __future__ import annotations

from collections.abc import Iterator

from czcheck.network.grammar import varint

_FOOTER = 48
_MAGIC = bytes.fromhex("57fb808b247547db")
_TRAILER = 5
MAX_ENTRIES = 200_000
# A key may share its beginning with the one before, so that a small file can make long ones.
_MAX_KEY = 4096


class TableError(ValueError):
    """The bytes are no table, or a damaged one. Its text is part of a sentence."""


def entries(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """All entries of a table.

    Args:
        data: The whole file.

    Yields:
        Key and value, in the order of the file.

    Raises:
        TableError: The table is damaged, compressed, or has too many entries.
    """
    if len(data) < _FOOTER or data[-len(_MAGIC) :] != _MAGIC:
        raise TableError("is not a checkpoint index (its last bytes are wrong)")
    footer = data[-_FOOTER:]
    position = 0
    for _ in range(2):
        _, position = _varint(footer, position)
    start, position = _varint(footer, position)
    length, _ = _varint(footer, position)
    count = 0
    for blocks, (_, handle) in enumerate(_block(data, start, length)):
        if blocks > MAX_ENTRIES:
            raise TableError(f"has more than {MAX_ENTRIES} blocks")
        block_start, position = _varint(handle, 0)
        block_length, _ = _varint(handle, position)
        for entry in _block(data, block_start, block_length):
            count += 1
            if count > MAX_ENTRIES:
                raise TableError(f"has more than {MAX_ENTRIES} entries")
            yield entry


def _block(data: bytes, start: int, length: int) -> Iterator[tuple[bytes, bytes]]:
    """The entries of one block."""
    end = start + length
    if end + _TRAILER > len(data) - _FOOTER:
        raise TableError("is damaged (a block lies beyond its end)")
    if data[end] != 0:
        raise TableError("is compressed, which TensorFlow's checkpoints are not")
    restarts = int.from_bytes(data[end - 4 : end], "little")
    limit = end - 4 - 4 * restarts
    if length < 4 or limit < start:  # the number of restart points
        raise TableError("is damaged (a block is too short)")
    position, key = start, b""
    while position < limit:
        shared, position = _varint(data, position)
        own, position = _varint(data, position)
        size, position = _varint(data, position)
        if shared > len(key) or position + own + size > limit:
            raise TableError("is damaged (an entry lies beyond its block)")
        if shared + own > _MAX_KEY:
            raise TableError(f"has a key of more than {_MAX_KEY} bytes")
        key = key[:shared] + data[position : position + own]
        position += own
        yield key, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number and the position after it."""
    value, position = varint(data, position, len(data))
    if position < 0:
        raise TableError("is damaged (a number does not end)")
    return value, position
