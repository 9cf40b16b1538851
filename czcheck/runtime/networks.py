"""A worker: the process in which an untrusted network is loaded, and answers tiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.errors import IncompleteError
from czcheck.runtime import outputs as arrays
from czcheck.runtime.deaths import CommandFailed, WorkerDied, count_of, number_of, sizes_of, text_of
from czcheck.runtime.outputs import LoadRecord, Output
from czcheck.runtime.process import WorkerProcess
from czcheck.runtime.unpack import stop_rewrites
from czcheck.runtime.worker import C_LIBRARY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OBJECT_LOADER = "the network needs TensorFlow's object loader"
ELSEWHERE = "the network is not a copy in the process's own folder"


class Worker(WorkerProcess):
    """One process that loads one network after another and runs tiles through it."""

    def load(
        self,
        folder: Path,
        *,
        loader: str,
        signature: str,
        input: tuple[str, str],  # noqa: A002  (the field's own word)
        output: tuple[str, str],
    ) -> LoadRecord:
        """Load a network in place of the one before.

        What the session loader of TensorFlow's C library does not load goes to a process that
        imports TensorFlow, which has both loaders; so does a network outside of the process's
        folder, since the C library needs a changed copy, see `unpack.stop_rewrites`.

        Args:
            folder: The SavedModel.
            loader: Which of TensorFlow's loaders to try first, `session` or `object`.
            signature: Name of the serving signature.
            input: Key and tensor name of its input.
            output: Key and tensor name of its output.

        Returns:
            Which loader worked, and how long it took.

        Raises:
            CommandFailed: Neither loader can load it.
            WorkerDied: The process did not survive it.
            IncompleteError: See `hello`.
        """
        request = {
            "path": str(folder),
            "loader": loader,
            "signature": signature,
            "input": dict(zip(("key", "tensor"), input, strict=True)),
            "output": dict(zip(("key", "tensor"), output, strict=True)),
        }
        if self.hello().backend == C_LIBRARY:
            if loader != "session":
                self.restart_in_python(OBJECT_LOADER)
            elif not folder.resolve().is_relative_to(self.folder.resolve()):
                self.restart_in_python(ELSEWHERE)  # its file would be changed
            else:
                stop_rewrites(folder)
                try:
                    return self._load(request)
                except CommandFailed as failed:
                    self.restart_in_python(f"the C library does not load it ({failed.reason})")
        return self._load(request)

    def _load(self, request: dict[str, Any]) -> LoadRecord:
        record = self.command("load", self.limits.seconds_load, **request)
        return LoadRecord(
            loader=text_of(record, "loader"),
            seconds=number_of(record, "seconds"),
            first_error=text_of(record, "first_error") or None,
            peak_bytes=count_of(record, "peak_bytes"),
        )

    def predict(self, tile: NDArray[np.float32]) -> Output:
        """Run one tile through the network.

        Args:
            tile: Pixels as the network takes them, `(1, height, width, channels)`.

        Returns:
            The network's answer.

        Raises:
            CommandFailed: The network raised an exception.
            WorkerDied: The process did not survive it.
            IncompleteError: See `hello`.
        """
        self.submit(tile)
        return self.collect()

    def submit(self, tile: NDArray[np.float32], slot: int = 0) -> None:
        """Hand over one tile, to be answered when the ones before it have been.

        With more than one slot the next tile waits in the process while the one before it runs.
        Whatever is wrong with the process is told by `collect`.

        Args:
            tile: Pixels as the network takes them, `(1, height, width, channels)`.
            slot: Where to put it. Its last answer has to be collected.

        Raises:
            IncompleteError: See `hello`; or there is no room for the tile.
        """
        sandboxed = self.hello().sandboxed
        if not self.running:
            return  # it is dead
        folder = self.folder
        asked = folder / ("tile.npy" if slot == 0 else f"tile-{slot}.npy")
        answered = folder / self.answers[slot]
        try:
            arrays.write_array(asked, tile)
            if not sandboxed:  # else nobody could make it again
                answered.unlink(missing_ok=True)
        except OSError as error:
            raise IncompleteError(
                f"{folder}: a tile cannot be handed over: {error.strerror}"
            ) from error
        self.send("predict", tile=str(asked), output=str(answered))

    def collect(self, slot: int = 0) -> Output:
        """Wait for the answer to the tile that was submitted first among those not collected.

        Args:
            slot: Where that was put.

        Returns:
            The network's answer.

        Raises:
            CommandFailed: The network raised an exception.
            WorkerDied: The process did not survive it.
        """
        record = self.receive("predict", self.limits.seconds_tile, self.limits.seconds_tile)
        dtype, seconds = text_of(record, "dtype"), number_of(record, "seconds")
        peak_bytes = count_of(record, "peak_bytes")
        if record.get("stored") is not True:
            return Output(None, dtype, sizes_of(record, "shape"), seconds, peak_bytes)
        try:
            array = arrays.read_array(self.folder / self.answers[slot], self.limits.output_bytes)
        except arrays.UnreadableArrayError as error:
            self.close()
            raise WorkerDied(str(error), "predict", "protocol") from error
        return Output(array, dtype, array.shape, seconds, peak_bytes)
