"""How far a process is shut in, by what it says of itself."""

from __future__ import annotations

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
