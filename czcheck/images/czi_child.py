"""The process in which libCZI reads: a damaged file can crash it, and only it.

Started by `czi_process.py`. Requests are JSON lines on standard input; each is answered by a JSON
line on standard output, and by the pixels after it.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import IO, Any

# Blocks of a mosaic are alike, so looking at some is enough.
_LOOKED_AT = 200
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
        _answer(answers, _described(file))
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


def _described(file: Any) -> dict[str, Any]:
    box = file.total_bounding_box_no_pyramid
    largest = looked = 0

    def look(_: int, block: Any) -> bool:
        nonlocal largest, looked
        size = block.physicalSize
        largest, looked = max(largest, size.w * size.h), looked + 1
        return looked < _LOOKED_AT

    file.enumerate_subblocks(look)
    count = min(box["C"][1] - box["C"][0], 10_000)
    return {
        "box": box,
        "scenes": file.scenes_bounding_rectangle_no_pyramid,
        "all": file.total_bounding_rectangle_no_pyramid,
        "pixel_types": [str(file.get_channel_pixel_type(each)) for each in range(count)],
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
