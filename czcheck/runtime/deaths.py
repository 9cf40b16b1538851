"""What can become of a worker, told in words. Rules see only `Failure`."""

from __future__ import annotations

import math
import re
import signal
from dataclasses import dataclass
from typing import Any

TEXT = 400
_WORDS = 200
_AXES = 64
_MEMORY_KINDS = ("MemoryError", "ResourceExhaustedError")
_MEMORY = re.compile(
    r"bad_alloc|out of memory|cannot allocate memory|MemoryError|failed to allocate", re.IGNORECASE
)
# What TensorFlow and the C++ runtime print before they abort.
_LAST_WORDS = re.compile(r"Check failed|terminate called|Fatal|^F[0-9 ]|Abort|[Ee]rror|what\(\)")
_PREFIX = re.compile(r"^[FEWI]\d{4} [\d:.]+ +\d+ |^\d{4}-\d\d-\d\d [\d:.]+: [FEWI] ")


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that the network did not survive, or did not do.

    Attributes:
        phase: `load`, `predict` or `exit`.
        tile: Name of the tile that was running; None outside `predict`.
        kind: `exception`, `abort`, `signal`, `memory`, `time`, `log`, `exit` or `protocol`.
        reason: What happened, in one line without a full stop.
    """

    phase: str
    tile: str | None
    kind: str
    reason: str


class WorkerDied(Exception):  # it is what happened
    """The process ended, or had to be ended.

    Attributes:
        reason: What happened, without a full stop.
        phase: What it was asked to do: `start`, `load`, `predict`, `exit`, ...
        kind: `abort`, `signal`, `memory`, `time`, `log`, `exit` or `protocol`.
    """

    def __init__(self, reason: str, phase: str, kind: str) -> None:
        """Keep what happened."""
        super().__init__(reason)
        self.reason = reason
        self.phase = phase
        self.kind = kind


class CommandFailed(Exception):
    """A command raised an exception; the process lives on.

    Attributes:
        reason: Type and text of the exception, in one line.
        kind: `exception` or `memory`.
        record: The whole answer.
    """

    def __init__(self, record: dict[str, Any]) -> None:
        """Read the answer."""
        name, error = text_of(record, "kind"), text_of(record, "error")
        self.reason = name if error in ("", name) else f"{name}: {error}"
        self.kind = "memory" if name in _MEMORY_KINDS else "exception"
        self.record = record
        super().__init__(self.reason)


def text_of(record: dict[str, Any], key: str, most: int = TEXT) -> str:
    """A text from an answer, in one line of at most so many characters; empty if it is none."""
    value = record.get(key)
    return " ".join(value[: 2 * most].split())[:most] if isinstance(value, str) else ""


def number_of(record: dict[str, Any], key: str) -> float:
    """A number from an answer, finite and not below 0; 0 if it is none."""
    value = record.get(key)
    try:
        number = float(value) if isinstance(value, (int, float)) else 0.0
    except OverflowError:
        return 0.0
    return number if 0 <= number < math.inf else 0.0


def count_of(record: dict[str, Any], key: str) -> int:
    """A whole number from an answer, at most 2**63; 0 if it is none."""
    value = record.get(key)
    return min(value, 1 << 63) if isinstance(value, int) and value > 0 else 0


def sizes_of(record: dict[str, Any], key: str) -> tuple[int, ...]:
    """The sizes of an array from an answer, each at most 2**63; empty if they are none."""
    value = record.get(key)
    if not isinstance(value, list) or len(value) > _AXES:
        return ()
    return tuple(count_of({key: size}, key) for size in value)


def death_of(code: int, log: str, phase: str, memory_bytes: int) -> WorkerDied:
    """Say what a process died of.

    Args:
        code: Its exit code, negative for a signal.
        log: The end of its log.
        phase: What it was asked to do.
        memory_bytes: The limit that was set on its memory.

    Returns:
        The death, to be raised.
    """
    if _MEMORY.search(log):
        limit = memory_bytes / 2**30
        return WorkerDied(f"the process ran out of memory (limit {limit:g} GiB)", phase, "memory")
    words = "" if code == 0 else _last_words(log)  # a network that just leaves says nothing
    if code >= 0:
        return WorkerDied(f"the process ended with exit code {code}{words}", phase, "exit")
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGABRT":
        return WorkerDied(f"the process aborted (SIGABRT){words}", phase, "abort")
    if name == "SIGKILL":
        reason = "the process was killed (SIGKILL), as the system does when memory runs out"
        return WorkerDied(reason, phase, "signal")
    return WorkerDied(f"the process was killed by {name}{words}", phase, "signal")


def _last_words(log: str) -> str:
    """The last line of a log that looks like a reason, as `: reason`."""
    for line in reversed(log.splitlines()):
        if _LAST_WORDS.search(line):
            return ": " + " ".join(_PREFIX.sub("", line).split())[:_WORDS]
    return ""
