"""How a worker is shut in: environment, folders, and what of it was reached."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from czcheck.runtime.deaths import count_of, text_of


def lacking_of(record: dict[str, Any], *, asked_for: bool, gpu: bool) -> str | None:
    """What keeps a process from being in a sandbox; None if it is in one.

    Args:
        record: Its answer to `hello`.
        asked_for: Whether it was told to shut itself in.
        gpu: Whether it may use a GPU.
    """
    if gpu:
        return "a GPU is used"
    sandbox = record.get("sandbox")
    if not isinstance(sandbox, dict):
        return "it cannot build one" if asked_for else "none was asked for"
    if record.get("memory_limited") is not True:
        return "its memory cannot be limited"
    return text_of(sandbox, "lacking") or None


def isolation(record: dict[str, Any], lacking: str | None, *, gpu: bool) -> str:
    """The isolation that was reached, in words.

    Args:
        record: The process's answer to `hello`.
        lacking: See `lacking_of`.
        gpu: Whether it may use a GPU.
    """
    if lacking is None:
        version = count_of(record["sandbox"], "landlock")
        return f"sandbox: Landlock ABI {version}, seccomp, limits on time, memory and files"
    if record.get("memory_limited") is True:
        kept = "separate process, time and memory limits"
    elif gpu:
        kept = "separate process, time limit; no memory limit with a GPU"
    else:
        kept = "separate process, time limit; no memory limit on this platform"
    return f"process isolation ({kept}); not a sandbox: {lacking}"


# Not secrets, and without them some installations cannot load their libraries.
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR")


def environment(folder: Path, *, gpu: bool, building: bool = False) -> dict[str, str]:
    """The environment of a worker. It holds nothing of the caller's but library paths.

    Args:
        folder: The worker's private folder; everything that libraries keep goes there.
        gpu: Whether the worker may use one.
        building: Whether it builds. Memory that is freed is then kept to be used again, in place of
            asking the system for fresh pages each time, which halves the CPU time of copying large
            weights; what is in use at the peak is a matter of luck then, so not where memory is
            measured. And all of TensorFlow's kernels are there, whatever the processor: a dilated
            transposed convolution, which lowering replaces, has one in oneDNN alone.

    Returns:
        Names and values.
    """
    variables = {name: os.environ[name] for name in _KEPT if name in os.environ}
    home = str(folder)
    variables.update(
        PATH=os.defpath,
        HOME=home,
        USERPROFILE=home,
        TMPDIR=home,
        TEMP=home,
        TMP=home,
        KERAS_HOME=home,
        LANG="C.UTF-8",
        TF_CPP_MIN_LOG_LEVEL="2",
        # One arena for every thread would fill the address space on machines of many cores.
        MALLOC_ARENA_MAX="4",
        # numpy would start threads, and these would stay outside of the sandbox.
        OPENBLAS_NUM_THREADS="1",
    )
    if building:
        # The first two are read by glibc; no other C library minds.
        variables.update(
            MALLOC_MMAP_MAX_="0",
            MALLOC_TRIM_THRESHOLD_=str(sys.maxsize),
            TF_ENABLE_ONEDNN_OPTS="1",
        )
    if gpu:
        variables["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    else:
        variables["CUDA_VISIBLE_DEVICES"] = "-1"
    return variables
