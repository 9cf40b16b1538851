"""The process in which libCZI reads: a damaged file can crash it, and only it.

Started by `czi.py`. Requests are JSON lines on standard input; the reply to each is a JSON line on
standard output, and the pixels after it.

How the pixels of a block are packed is read here as well, which the library does not report:
libCZI, as pylibCZIrw 5.1.1 to 6.1.0 bring it, reads 48-bit colours wrongly where their low and high
bytes were split before compression (zstd1 with "hi-lo byte packing").
"""

from __future__ import annotations

import json
import signal
import struct
import sys
from typing import IO, Any

# Numbers of planes beyond which the file is refused; of places along an unknown dimension.
_MOST_PLANES, _FEW = 2_000_000, 10
_CACHE_BYTES = 128 << 20
_MOST_MEMORY = 8 << 30
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


def main(path: str) -> None:
    """Serve requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    replies, sys.stdout = sys.stdout.buffer, sys.stderr
    try:
        _limit_memory()
        file = _open(path)
        _reply(replies, _described(file, path))
    except Exception as error:  # noqa: BLE001 - whatever libCZI raises is reported
        _reply(replies, {"error": f"{error or type(error).__name__}"})
        return
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            pixels = file.read(**request)
        except Exception as error:  # noqa: BLE001
            _reply(replies, {"error": f"{error or type(error).__name__}"})
        else:
            _reply(replies, {"shape": pixels.shape, "dtype": pixels.dtype.name}, pixels)


def _limit_memory() -> None:
    try:
        import resource  # noqa: PLC0415
    except ImportError:  # not on Windows
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or hard > _MOST_MEMORY:
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, hard))


def _open(path: str) -> Any:
    from pylibCZIrw import czi  # noqa: PLC0415

    cache = czi.CacheOptions(
        type=czi.CacheType.Standard, max_memory_usage=_CACHE_BYTES, max_sub_block_count=10_000
    )
    return czi.CziReader(path, cache_options=cache)


def _described(file: Any, path: str) -> dict[str, Any]:
    """What is in the blocks of the file, more than the library sums up of them.

    Its bounding boxes give dimensions their lengths, not where they begin.
    """
    scenes: dict[int, list[int]] = {}
    planes: dict[tuple[int, ...], list[int]] = {}
    types: dict[int, set[str]] = {}
    others: dict[str, set[int]] = {}
    packed: set[int] = set()
    largest = 0

    def look(_: int, block: Any) -> bool:
        nonlocal largest
        size, box = block.physicalSize, block.logicalRect
        largest = max(largest, size.w * size.h)
        if (size.w, size.h) != (box.w, box.h):
            return True  # of a pyramid
        at = block.coordinate.to_dict()
        scene, channel = at.get("S", -1), at.get("C", 0)
        corners = scenes.setdefault(scene, [box.x, box.y, box.x + box.w, box.y + box.h])
        corners[:2] = min(corners[0], box.x), min(corners[1], box.y)
        corners[2:] = max(corners[2], box.x + box.w), max(corners[3], box.y + box.h)
        tiles = planes.setdefault((scene, at.get("T", 0), at.get("Z", 0), channel), [0, 0])
        tiles[0] += 1
        tiles[1] += size.w * size.h
        pixel_type = block.pixelType.name
        types.setdefault(channel, set()).add(pixel_type)
        if pixel_type == "Bgr48" and block.compressionModeRaw == _ZSTD_1:
            packed.add(channel)
        for name in at.keys() - set("STZC"):
            others.setdefault(name, set()).add(at[name])
        return len(planes) <= _MOST_PLANES

    file.enumerate_subblocks(look)
    split = bool(packed) and has_split_colours(path)
    return {
        "scenes": {key: [x, y, right - x, end - y] for key, (x, y, right, end) in scenes.items()},
        "planes": [[*plane, *tiles] for plane, tiles in planes.items()],
        "pixel_types": {channel: sorted(each) for channel, each in types.items()},
        "split": sorted(packed) if split else [],
        "others": {name: sorted(each)[:_FEW] for name, each in others.items()},
        "largest": largest,
        "metadata": file.raw_metadata,
    }


def _reply(replies: IO[bytes], header: dict[str, Any], pixels: Any = None) -> None:
    replies.write(json.dumps(header).encode() + b"\n")
    if pixels is not None:
        replies.write(
            memoryview(pixels).cast("B") if pixels.flags.c_contiguous else pixels.tobytes()
        )
    replies.flush()


def has_split_colours(path: str) -> bool:
    """Whether a file has blocks of 48-bit colours whose low and high bytes were split.

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
