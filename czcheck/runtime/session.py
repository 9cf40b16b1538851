"""A network in its process: loaded once, run on tile after tile, finished once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from czcheck.runtime.deaths import CommandFailed, Failure, WorkerDied
from czcheck.runtime.unpack import unpack

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from czcheck.limits import Limits
    from czcheck.network.files import SavedModelFiles
    from czcheck.network.saved_model import Network
    from czcheck.runtime.networks import Worker
    from czcheck.runtime.outputs import Environment, LoadRecord, Output

OnOutput: TypeAlias = "Callable[[str, NDArray[Any], Output | None], None]"


class Session:
    """A network in its process. What goes wrong is recorded, so that what came before it counts.

    Attributes:
        loaded: How it was loaded; None if it was not.
        failures: What it failed on and survived, in order.
        died: What ended its process before its time; None if nothing did.
        runs: How many tiles were run.
        peak_bytes: The most memory that the process has had in use; 0 if unknown.
    """

    def __init__(self, worker: Worker, keep: OnOutput | None = None, slots: int = 1) -> None:
        """Run nothing yet.

        Args:
            worker: The process.
            keep: Called with the name of each tile that `predict` runs, the batch that was run, and
                the output, or None where the network failed.
            slots: How many tiles may be submitted and not collected; at most those of the process.
        """
        self._worker = worker
        self._keep = keep
        self._slots = slots
        self._submitted: deque[tuple[str, int]] = deque()
        self.loaded: LoadRecord | None = None
        self.failures: list[Failure] = []
        self.died: Failure | None = None
        self.runs = 0
        self.peak_bytes = 0

    @property
    def environment(self) -> Environment:
        """What it runs in; waits until its process has told.

        Raises:
            IncompleteError: The process could not be started.
        """
        return self._worker.hello()

    def load(self, files: SavedModelFiles, network: Network, limits: Limits) -> LoadRecord | None:
        """Unpack the network into the process's folder, and load it.

        Args:
            files: The SavedModel.
            network: Its facts.
            limits: Limits on what is unpacked.

        Returns:
            How it was loaded; None where that failed.

        Raises:
            UnavailableError: It has no signature with one input and one output.
            InputError: The SavedModel exceeds the limits.
            IncompleteError: The process could not be started, or nothing could be unpacked.
        """
        self._worker.hello()
        return self.open(unpack(files, self._worker.folder / "model", limits), network)

    def open(self, folder: Path, network: Network) -> LoadRecord | None:
        """Load a network from where it is, in place of the one before.

        Args:
            folder: The SavedModel.
            network: Its facts.

        Returns:
            How it was loaded; None where that failed.

        Raises:
            UnavailableError: It has no signature with one input and one output.
            IncompleteError: The process could not be started.
        """
        try:
            self.loaded = load_network(self._worker, folder, network)
        except WorkerDied as death:
            self.died = failure("load", None, death)
        except CommandFailed as failed:
            self.failures.append(failure("load", None, failed))
        return self.loaded

    def predict(self, name: str, tile: NDArray[Any]) -> Output | None:
        """Run one tile.

        Args:
            name: What to call the tile in a failure.
            tile: Pixels, float32, `(height, width, channels)`; or a batch of them.

        Returns:
            The network's output; None where it failed, or died before.
        """
        if self.died is not None:
            return None
        batch = tile[None] if tile.ndim == 3 else tile
        self.runs += 1
        output = self._output(name, lambda: self._worker.predict(batch))
        if self._keep is not None:
            self._keep(name, batch, output)
        return output

    def submit(self, name: str, batch: NDArray[Any]) -> None:
        """Start running one tile, without waiting for its output.

        Args:
            name: What to call the tile in a failure.
            batch: Pixels, float32, `(1, height, width, channels)`.

        Raises:
            IncompleteError: There is no room for it.
        """
        slot = self.runs % self._slots
        self.runs += 1
        self._submitted.append((name, slot))
        self._worker.submit(batch, slot)

    @property
    def waiting(self) -> int:
        """How many tiles were submitted and not collected."""
        return len(self._submitted)

    def collect(self) -> tuple[str, Output | None]:
        """Wait for the tile that was submitted first: its name and its output, as for `predict`."""
        name, slot = self._submitted.popleft()
        return name, self._output(name, lambda: self._worker.collect(slot))

    def _output(self, name: str, output_of: Callable[[], Output]) -> Output | None:
        try:
            output = output_of()
        except WorkerDied as death:
            self.died = failure("predict", name, death)
        except CommandFailed as failed:
            self.failures.append(failure("predict", name, failed))
        else:
            self.peak_bytes = max(self.peak_bytes, output.peak_bytes)
            return output
        return None

    def numbers(self, name: str, tile: NDArray[Any]) -> Output | None:
        """Run one tile whose output has to hold numbers; one that holds none is a failure.

        Args:
            name: What to call the tile in a failure.
            tile: As for `predict`.
        """
        answer = self.predict(name, tile)
        if answer is not None and answer.array is None:
            reason = f"the answer is of type {answer.dtype}, which holds no numbers"
            self.failures.append(Failure("predict", name, "exception", reason))
            return None
        return answer

    def finish(self) -> None:
        """See that the process ends normally, unless it is dead: only then do its outputs count."""
        if self.died is None:
            try:
                self._worker.finish()
            except WorkerDied as death:
                self.died = failure("exit", None, death)

    @property
    def all_failures(self) -> tuple[Failure, ...]:
        """Everything that went wrong, in the order in which it did."""
        return (*self.failures, *(() if self.died is None else (self.died,)))


def load_network(worker: Worker, folder: Path, network: Network) -> LoadRecord:
    """Load an unpacked network in the way that its graph asks for.

    Args:
        worker: The process.
        folder: The SavedModel.
        network: Its facts.

    Raises:
        UnavailableError: It has no signature with one input and one output.
        CommandFailed: Neither loader can load it.
        WorkerDied: The process did not survive it.
        IncompleteError: The process could not be started.
    """
    fed, fetched = network.required_ends
    assert network.serving is not None
    return worker.load(
        folder,
        loader=network.loader,
        signature=network.serving.name,
        input=(fed.key, fed.tensor),
        output=(fetched.key, fetched.tensor),
    )


def failure(phase: str, tile: str | None, error: WorkerDied | CommandFailed) -> Failure:
    """What went wrong, as a record.

    Args:
        phase: What the network was asked to do.
        tile: Name of the tile; None outside `predict`.
        error: How it ended.
    """
    return Failure(phase=phase, tile=tile, kind=error.kind, reason=error.reason)
