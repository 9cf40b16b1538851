"""Asks a loaded network for answers, and keeps what goes wrong while it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from czcheck.runtime.deaths import CommandFailed, WorkerDied
from czcheck.runtime.record import Failure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.runtime.answers import Answer
    from czcheck.runtime.networks import Worker

Keep: TypeAlias = "Callable[[str, NDArray[Any], Answer | None], None]"


class Asker:
    """A loaded network that is asked one tile after another.

    Attributes:
        failures: What it failed on and survived, in order.
        died: What ended its process; None while that lives.
        runs: How many tiles were asked.
        peak_bytes: The most memory that the process has had in use; 0 if unknown.
    """

    def __init__(self, worker: Worker, keep: Keep | None = None) -> None:
        """Ask nothing yet.

        Args:
            worker: The process, with the network loaded.
            keep: Called with the name of each tile, the batch it was asked in, and the answer, or
                None where the network failed.
        """
        self._worker = worker
        self._keep = keep
        self.failures: list[Failure] = []
        self.died: Failure | None = None
        self.runs = 0
        self.peak_bytes = 0

    def ask(self, name: str, tile: NDArray[Any]) -> Answer | None:
        """The network's answer to one tile.

        Args:
            name: What to call the tile in a failure.
            tile: Pixels, float32, `(height, width, channels)`; or a batch of them.

        Returns:
            The answer; None where the network failed, or died before.
        """
        if self.died is not None:
            return None
        batch = tile[None] if tile.ndim == 3 else tile  # no batch axis
        self.runs += 1
        answer = None
        try:
            answer = self._worker.predict(batch)
        except WorkerDied as death:
            self.died = failure("predict", name, death)
        except CommandFailed as failed:
            self.failures.append(failure("predict", name, failed))
        else:
            self.peak_bytes = max(self.peak_bytes, answer.peak_bytes)
        if self._keep is not None:
            self._keep(name, batch, answer)
        return answer


def failure(phase: str, tile: str | None, error: WorkerDied | CommandFailed) -> Failure:
    """What went wrong, as a record.

    Args:
        phase: What the network was asked to do.
        tile: Name of the tile; None outside `predict`.
        error: How it ended.
    """
    return Failure(phase=phase, tile=tile, kind=error.kind, reason=error.reason)
