"""Limits on a network that runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

from czcheck.limits import GIB, MIB

Backend: TypeAlias = Literal["auto", "python"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)


@dataclass(frozen=True, slots=True)
class RunnerLimits:
    """Upper bounds on one worker, and how it reaches TensorFlow.

    Attributes:
        seconds_start: Wall-clock seconds until TensorFlow is imported.
        seconds_load: Wall-clock seconds to load a network, both loaders together.
        seconds_tile: Wall-clock seconds to answer one tile.
        seconds_exit: Wall-clock seconds to end after the last command.
        seconds_cpu: CPU seconds of the process, all threads together: a backstop.
        memory_bytes: Address space of the process; the target has 8 GB for a tile.
        log_bytes: What the process may write to its log before it is ended.
        output_bytes: Size of one answer.
        file_bytes: Size of any file that the process writes.
        threads: Threads in each of TensorFlow's two pools; None leaves it to TensorFlow.
        backend: `auto` for TensorFlow's C library where it can run the network, which takes a
            fraction of the time; `python` for an import of TensorFlow in every case.
    """

    seconds_start: float = 120
    seconds_load: float = 120
    seconds_tile: float = 120
    seconds_exit: float = 20
    seconds_cpu: int = 24 * 3600
    memory_bytes: int = 8 * GIB
    log_bytes: int = 1 * MIB
    output_bytes: int = 1 * GIB
    file_bytes: int = 2 * GIB
    threads: int | None = None
    backend: Backend = "auto"


DEFAULT_RUNNER_LIMITS = RunnerLimits()


def given_limits(
    seconds: float | None, gibibytes: float | None, backend: Backend | None = None
) -> RunnerLimits | None:
    """Limits as commands are given them.

    Args:
        seconds: Most time to load a network, and for each tile; None for the default.
        gibibytes: Most memory of its process, in GiB; None for the default.
        backend: How it reaches TensorFlow; None for the default.

    Returns:
        The limits; None where all are the default.
    """
    if seconds is None and gibibytes is None and backend is None:
        return None
    standard = DEFAULT_RUNNER_LIMITS
    return RunnerLimits(
        seconds_load=seconds or standard.seconds_load,
        seconds_tile=seconds or standard.seconds_tile,
        memory_bytes=int(gibibytes * GIB) if gibibytes else standard.memory_bytes,
        backend=backend or standard.backend,
    )


class Budgets(NamedTuple):
    """What a network may cost before it is a finding. None is no budget.

    Attributes:
        load_seconds: Wall-clock seconds to load it.
        tile_seconds: Wall-clock seconds for a tile: the median over the test tiles but the first.
        memory_bytes: The most memory that its process has in use, TensorFlow's own included.
    """

    load_seconds: float | None = None
    tile_seconds: float | None = None
    memory_bytes: int | None = None

    @property
    def given(self) -> bool:
        """Whether there is any."""
        budgets = (self.load_seconds, self.tile_seconds, self.memory_bytes)
        return any(budget is not None for budget in budgets)


NO_BUDGETS = Budgets()
