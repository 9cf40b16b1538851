"""The process in which libCZI reads: a damaged file can crash it, and only it.

Started by `czi_process.py`. Requests are JSON lines on standard input; each is answered by a JSON
line on standard output, and by the pixels after it.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import IO, Any

from czcheck.images.czi_packing import has_split_colours

# Numbers of planes beyond which the file is refused; of places along an unknown dimension.
_MOST_PLANES, _FEW = 2_000_000, 10
_ZSTD_1 = 6
_CACHE_BYTES = 128 << 20
_MOST_MEMORY = 8 << 30


def main(path: str) -> None:
    """Answer requests until there are no more.

    Args:
        path: The file.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    try:
        _limit_memory()
        file = _open(path)
        _answer(answers, _described(file, path))
    except Exception as error:  # noqa: BLE001 - whatever libCZI raises is told
        _answer(answers, {"error": f"{error or type(error).__name__}"})
        return
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            pixels = file.read(**request)
        except Exception as error:  # noqa: BLE001
            _answer(answers, {"error": f"{error or type(error).__name__}"})
        else:
            _answer(answers, {"shape": pixels.shape, "dtype": pixels.dtype.name}, pixels)


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
    """What the blocks of the file say, which hold more than the library sums up of them.

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


def _answer(answers: IO[bytes], header: dict[str, Any], pixels: Any = None) -> None:
    answers.write(json.dumps(header).encode() + b"\n")
    if pixels is not None:
        answers.write(
            memoryview(pixels).cast("B") if pixels.flags.c_contiguous else pixels.tobytes()
        )
    answers.flush()
