"""Reads a checkpoint: its table of entries, and where each tensor lies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from czcheck.errors import InputError
from czcheck.limits import Limits
from czcheck.network import dtypes
from czcheck.network.facts import CheckpointIndex, Dims, IndexEntry, Problem
from czcheck.network.files import SavedModelFiles, read_whole
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


INDEX = "variables/variables.index"
_DATA = "variables/variables.data-"
_MAX_SHARDS = 10_000
_BIG_ENDIAN = 1


def is_data(name: str) -> bool:
    """Whether a file is named like a checkpoint's data."""
    return name.startswith(_DATA)


def data_name(shard: int, shards: int) -> str:
    """Name of a data file, counted from 0."""
    return f"{_DATA}{shard:05d}-of-{shards:05d}"


def is_counted(name: str, shards: int) -> bool:
    """Whether a data file is one of those that an index counts, which can claim any number.

    Args:
        name: Name of the file.
        shards: Number of data files.
    """
    number = name.removeprefix(_DATA).partition("-")[0]
    if not (number.isascii() and number.isdigit() and len(number) <= len(str(_MAX_SHARDS))):
        return False
    return int(number) < shards and name == data_name(int(number), shards)


def dims_of(shape: Any) -> Dims | None:
    """A shape message as sizes; None for an open size, None as a whole for an open rank."""
    if shape.unknown_rank:
        return None
    return tuple(None if each.size < 0 else each.size for each in shape.dim)


def read_index(
    files: SavedModelFiles, limits: Limits
) -> tuple[CheckpointIndex | None, list[Problem]]:
    """Read `variables.index` and hold it against the data files.

    Args:
        files: The SavedModel.
        limits: Limits on the size of the index.

    Returns:
        What it says, None where it is missing or unreadable, and what is wrong with it. A missing
        index is no problem by itself: a network may have no variables.
    """
    if INDEX not in files.names:
        stray = [name for name in files.names if is_data(name)]
        return None, [Problem(INDEX, f"is missing, while {name} is there", True) for name in stray]
    from czcheck.network import messages  # noqa: PLC0415 - protobuf when needed

    header = None
    listed = []
    try:
        for key, value in entries(read_whole(files, INDEX, limits.index_bytes)):
            if not key:
                header = messages.parse(messages.BundleHeaderProto, value)
            else:
                entry = messages.parse(messages.BundleEntryProto, value)
                listed.append(_entry(key.decode("utf-8", "backslashreplace"), entry))
    except TableError as error:
        return None, [Problem(INDEX, str(error), True)]
    except InputError as error:
        return None, [Problem(INDEX, f"cannot be read: {error}", True)]
    if header is None:
        return None, [Problem(INDEX, "has no header", True)]
    index = CheckpointIndex(header.num_shards, tuple(listed))
    return index, list(_problems(index, header.endianness, files))


def _entry(key: str, entry: Any) -> IndexEntry:
    return IndexEntry(
        key=key,
        dtype=dtypes.name(entry.dtype),
        shape=dims_of(entry.shape),
        shard=entry.shard_id,
        offset=entry.offset,
        size=entry.size,
        sliced=bool(entry.slices),
    )


def _problems(index: CheckpointIndex, endianness: int, files: SavedModelFiles) -> Iterator[Problem]:
    """What does not fit together in an index that could be read."""
    if endianness == _BIG_ENDIAN:
        yield Problem(INDEX, "was written on a big-endian machine", True)
    if not 1 <= index.shards <= _MAX_SHARDS:
        yield Problem(INDEX, f"counts {index.shards} data files", True)
        return
    there = set(files.names)
    missing = [
        name
        for name in (data_name(shard, index.shards) for shard in range(index.shards))
        if name not in there
    ]
    for name in missing:
        yield Problem(name, "is missing; the index counts on it", True)
    for entry in index.entries:
        yield from _entry_problems(entry, index.shards, set(missing), files)


def _entry_problems(
    entry: IndexEntry, shards: int, missing: set[str], files: SavedModelFiles
) -> Iterator[Problem]:
    """What is wrong with one entry."""
    if not 0 <= entry.shard < shards:
        yield Problem(entry.key, f"lies in data file {entry.shard} of {shards}")
        return
    name = data_name(entry.shard, shards)
    if entry.offset < 0 or entry.size < 0:
        yield Problem(entry.key, "has a negative place or size")
    elif name not in missing and entry.offset + entry.size > files.size(name):
        yield Problem(
            entry.key,
            f"ends at byte {entry.offset + entry.size} of {name}, which has {files.size(name)}",
        )
    if entry.dtype.startswith("unknown"):
        yield Problem(entry.key, f"has a dtype that no TensorFlow knows: {entry.dtype}")
        return
    if entry.shape is None or None in entry.shape:
        yield Problem(entry.key, "has a shape that is open")
        return
    item = dtypes.item_bytes(dtypes.number(entry.dtype.removesuffix("_ref")))
    count = math.prod(size or 0 for size in entry.shape)
    if item is not None and not entry.sliced and count * item != entry.size:
        yield Problem(
            entry.key,
            f"holds {entry.size} bytes; {entry.dtype} of shape {list(entry.shape)} needs "
            f"{count * item}",
        )
