"""Limits on a network that runs."""

from __future__ import annotations

from dataclasses import dataclass

from czcheck.limits import GIB, MIB


@dataclass(frozen=True, slots=True)
class RunnerLimits:
    """Upper bounds on one worker.

    Attributes:
        seconds_start: Wall-clock seconds until TensorFlow is imported.
        seconds_load: Wall-clock seconds to load a network, both loaders together.
        seconds_tile: Wall-clock seconds to answer one tile.
        seconds_exit: Wall-clock seconds to end after the last command.
        memory_bytes: Address space of the process; the target has 8 GB for a tile.
        log_bytes: What the process may write to its log before it is ended.
        answer_bytes: Size of one answer.
        file_bytes: Size of any file that the process writes.
        threads: Threads in each of TensorFlow's two pools; None leaves it to TensorFlow.
    """

    seconds_start: float = 120
    seconds_load: float = 120
    seconds_tile: float = 120
    seconds_exit: float = 20
    memory_bytes: int = 8 * GIB
    log_bytes: int = 1 * MIB
    answer_bytes: int = 1 * GIB
    file_bytes: int = 2 * GIB
    threads: int | None = None


DEFAULT_RUNNER_LIMITS = RunnerLimits()
