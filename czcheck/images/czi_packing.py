"""How the pixels of a CZI's blocks are packed, which the library that reads them does not tell.

libCZI, as pylibCZIrw 5.1.1 to 6.1.0 bring it, reads 48-bit colours wrongly where their low and high
bytes were split before compression (zstd1 with "hi-lo byte packing").
"""

from __future__ import annotations

import struct
from typing import IO

_DIRECTORY, _BLOCK = b"ZISRAWDIRECTORY", b"ZISRAWSUBBLOCK"
# Bytes of a segment's header, and of what stands before the entries of the directory.
_HEADER, _BEFORE_ENTRIES = 32, 128
_DIRECTORY_AT = 52  # in the header of the file, behind that of its segment
_ENTRY, _DIMENSION = struct.Struct("<2siqii6xi"), 20
_MOST_DIMENSIONS = 64
_SIZES = struct.Struct("<iiq")
_LEAST_BEFORE_DATA = 256
_BGR48, _ZSTD_1 = 4, 6
_PACKING, _SPLIT = 1, 1


def has_split_colours(path: str) -> bool:
    """Whether a file has blocks of 48-bit colours whose low and high bytes were split.

    Args:
        path: A CZI file that libCZI has opened.

    Raises:
        ValueError: Its directory of blocks cannot be followed.
    """
    with open(path, "rb") as file:  # noqa: PTH123 - in a process that imports little
        (at,) = struct.unpack("<q", _read(file, _HEADER + _DIRECTORY_AT, 8))
        head = _read(file, at, _HEADER + 4)
        if not head.startswith(_DIRECTORY):
            raise ValueError("there is no directory of blocks where the header says")
        (count,) = struct.unpack_from("<i", head, _HEADER)
        place = at + _HEADER + _BEFORE_ENTRIES
        for _ in range(count):
            schema, pixel_type, position, _, compression, dimensions = _ENTRY.unpack(
                _read(file, place, _ENTRY.size)
            )
            if schema != b"DV" or not 0 <= dimensions <= _MOST_DIMENSIONS:
                raise ValueError("the directory of blocks has an entry of an unknown kind")
            size = _ENTRY.size + dimensions * _DIMENSION
            if (pixel_type, compression) == (_BGR48, _ZSTD_1) and _is_split(file, position, size):
                return True
            place += size
    return False


def _is_split(file: IO[bytes], position: int, entry: int) -> bool:
    """Whether the header before a block's compressed bytes says that low and high are split."""
    head = _read(file, position, _HEADER + _SIZES.size)
    if not head.startswith(_BLOCK):
        raise ValueError("there is no block where the directory says")
    metadata, _, _ = _SIZES.unpack_from(head, _HEADER)
    before = max(_LEAST_BEFORE_DATA, _SIZES.size + entry)
    size, kind, how = _read(file, position + _HEADER + before + metadata, 3)
    return size == 3 and kind == _PACKING and bool(how & _SPLIT)


def _read(file: IO[bytes], place: int, size: int) -> bytes:
    file.seek(place)
    data = file.read(size)
    if len(data) != size:
        raise ValueError("the directory of blocks is cut short")
    return data
