"""The source in the framework that wrote it, in another interpreter."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.building import keras2
from czcheck.building.expected import after, before
from czcheck.building.proof import Comparer
from czcheck.building.results import OriginalProof
from czcheck.building.working import Working
from czcheck.errors import IncompleteError, InputError
from czcheck.network.files import SavedModelFolder
from czcheck.runtime.deaths import CommandFailed, WorkerDied, text_of
from czcheck.runtime.limits import DEFAULT_RUNNER_LIMITS, RunnerLimits
from czcheck.runtime.networks import Worker
from czcheck.runtime.unpack import unpack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.building.expected import Added
    from czcheck.building.plan import Examined
    from czcheck.building.results import Lowering
    from czcheck.limits import Limits

CHILD = Path(__file__).with_name("original_child.py")
SECONDS_LOAD = 300


class Original(Working):
    """A shut-in process of another interpreter that runs the source as it is."""

    def __init__(self, python: str, source: Path, limits: RunnerLimits | None = None) -> None:
        """Start nothing yet.

        Args:
            python: The interpreter.
            source: The SavedModel's folder or the Keras file.
            limits: Limits on time and memory.
        """
        self._python = python
        self._source = source
        self._worker = Worker(python=python, limits=limits or DEFAULT_RUNNER_LIMITS, script=CHILD)
        self._framework = self._version = ""
        self._batch = 1
        self._added: Added | None = None
        self._comparer = Comparer(str(source))
        self._tile = (0, 0)

    def load(self, examined: Examined, lowering: Lowering, added: Added, limits: Limits) -> None:
        """Load the source.

        Args:
            examined: What is known of it: loader, signature, precision.
            lowering: What was made of it.
            added: Operations that stand around the network in the archive.
            limits: Limits on what is copied.

        Raises:
            IncompleteError: The interpreter cannot be started, or its framework not load it.
            InputError: The source exceeds the limits.
        """
        environment = self._worker.hello()
        self._version = environment.python
        self._framework = f"TensorFlow {environment.tensorflow}"
        self._batch = max(1, lowering.source_batch)
        self._added = added
        self._comparer = Comparer(str(self._source), examined.precision)
        self._tile = lowering.tile
        try:
            if self._source.is_dir():
                files = SavedModelFolder(self._source)
                self._worker.load(
                    unpack(files, self._worker.folder / "source", limits),
                    loader=examined.loader,
                    signature=examined.signature,
                    input=lowering.source_input,
                    output=lowering.source_output,
                )
                return
            self._load_keras()
        except (CommandFailed, WorkerDied) as error:
            raise self._not_run(error.reason) from error

    def _load_keras(self) -> None:
        writer = keras2.writer_of(self._source)
        copy = self._worker.folder / f"source{self._source.suffix.lower()}"
        shutil.copyfile(self._source, copy)
        record = self._worker.command(
            "load_keras",
            SECONDS_LOAD,
            path=str(copy),
            standalone=writer.standalone,
            major=writer.numbers[0],
        )
        self._framework = f"{text_of(record, 'keras')} in {self._framework}"

    def _not_run(self, reason: str) -> IncompleteError:
        return IncompleteError(
            f"{self._python}: cannot run {self._source}: {reason}; --runtime takes an interpreter "
            "in which the framework that wrote it is installed"
        )

    def add(self, tile: str, pixels: NDArray[Any], found: NDArray[Any], *, raw: bool) -> None:
        """Compare the archive's output for one tile.

        Args:
            tile: The tile's name.
            pixels: Its pixels, (height, width, channels).
            found: The archive's output.
            raw: Whether the tile has the raw range, not [0, 1].

        Raises:
            InputError: The outputs differ by more than the tolerance.
            IncompleteError: The process did not survive, or its framework failed.
        """
        assert self._added is not None
        given, steady = before(self._added.before, pixels, self._added.maximum)
        if not steady:
            return
        try:
            output = self._worker.predict(np.repeat(given[None], self._batch, axis=0))
        except (CommandFailed, WorkerDied) as error:
            raise self._not_run(error.reason) from error
        if output.array is None:
            raise self._not_run(f"its output is of type {output.dtype}")
        own = after(self._added.after, output.array[:1])
        if own.shape != found.shape:
            raise InputError(
                f"{self._source}: {self._framework} returns the shape {own.shape}, the archive's "
                f"network {found.shape}"
            )
        differs = self._comparer.add(tile, own, found, raw=raw)
        if differs is not None:
            raise InputError(
                f"{self._source}: the archive's network does not compute what {self._framework} "
                f"(Python {self._version}) computes: {differs}"
            )

    def result(self) -> OriginalProof:
        """End the process; what all comparisons together show.

        Raises:
            IncompleteError: The process did not end normally.
        """
        try:
            self._worker.finish()
        except WorkerDied as error:
            raise self._not_run(error.reason) from error
        proof = self._comparer.result(self._tile, of_archive=True)
        return OriginalProof(self._framework, self._version, proof.scaled, proof.raw)
