"""Asks a loaded network for answers, and keeps what goes wrong while it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from czcheck.runtime.deaths import CommandFailed, WorkerDied
from czcheck.runtime.record import Failure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.runtime.answers import Answer
    from czcheck.runtime.process import Worker


class Asker:
    """A loaded network that is asked one tile after another.

    Attributes:
        failures: What it failed on and survived, in order.
        died: What ended its process; None while that lives.
        runs: How many tiles were asked.
    """

    def __init__(self, worker: Worker) -> None:
        """Ask nothing yet.

        Args:
            worker: The process, with the network loaded.
        """
        self._worker = worker
        self.failures: list[Failure] = []
        self.died: Failure | None = None
        self.runs = 0

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
        batch = tile[None] if tile.ndim == 3 else tile  # noqa: PLR2004  (no batch axis)
        self.runs += 1
        try:
            return self._worker.predict(batch)
        except WorkerDied as death:
            self.died = failure("predict", name, death)
        except CommandFailed as failed:
            self.failures.append(failure("predict", name, failed))
        return None


def failure(phase: str, tile: str | None, error: WorkerDied | CommandFailed) -> Failure:
    """What went wrong, as a record.

    Args:
        phase: What the network was asked to do.
        tile: Name of the tile; None outside `predict`.
        error: How it ended.
    """
    return Failure(phase=phase, tile=tile, kind=error.kind, reason=error.reason)
