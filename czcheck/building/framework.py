"""The source in the framework that wrote it, in another interpreter."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.building import keras2
from czcheck.building.equivalence import Comparer, after, before
from czcheck.errors import IncompleteError, InputError
from czcheck.network.files import SavedModelFolder
from czcheck.runtime.deaths import CommandFailed, WorkerDied, text_of
from czcheck.runtime.limits import DEFAULT_RUNNER_LIMITS, RunnerLimits
from czcheck.runtime.networks import Worker
from czcheck.runtime.session import Session

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

    from czcheck.building.process import Lowering
    from czcheck.limits import Limits

CHILD = Path(__file__).with_name("framework_child.py")
SECONDS_LOAD = 300


@dataclass(frozen=True, slots=True)
class FrameworkEquivalence:
    """How far the archive's outputs are from those of the framework that wrote the source.

    Attributes:
        framework: Its name and version, `Keras 2.3.1 in TensorFlow 1.15.5`.
        python: Version of the interpreter.
        scaled: Largest difference of a probability on tiles scaled to [0, 1].
        raw: The same on the raw range of the pixel type.
    """

    framework: str
    python: str
    scaled: float
    raw: float


class Framework:
    """A shut-in process of another interpreter that runs the source. A context manager."""

    def __init__(
        self, python: str, source: Path, limits: RunnerLimits = DEFAULT_RUNNER_LIMITS
    ) -> None:
        """Start nothing yet.

        Args:
            python: The interpreter.
            source: The SavedModel's folder or the Keras file.
            limits: Limits on time and memory.
        """
        self._python = python
        self._source = source
        self._worker = Worker(python=python, limits=limits, script=CHILD)

    def __enter__(self) -> Self:
        """Start the process; it imports its framework while others work."""
        self._worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the process; everything it wrote is removed."""
        self._worker.close()

    def load(self, lowering: Lowering, limits: Limits) -> FrameworkCheck:
        """Load the source.

        Args:
            lowering: What was made of it.
            limits: Limits on what is copied.

        Raises:
            IncompleteError: The interpreter cannot be started, or its framework not load it.
            InputError: The source exceeds the limits.
        """
        environment = self._worker.hello()
        name = f"TensorFlow {environment.tensorflow}"
        session = Session(self._worker)
        if not self._source.is_dir():
            name = f"{self._load_keras()} in {name}"
        elif session.load(SavedModelFolder(self._source), lowering.network, limits) is None:
            raise self.not_run(session.all_failures[-1].reason)
        return FrameworkCheck(self, self._source, name, environment.python, session, lowering)

    def _load_keras(self) -> str:
        """Load a Keras file; returns name and version of the Keras that did."""
        writer = keras2.writer_of(self._source)
        copy = self._worker.folder / f"source{self._source.suffix.lower()}"
        shutil.copyfile(self._source, copy)
        fields = {"path": str(copy), "standalone": writer.standalone, "major": writer.numbers[0]}
        try:
            return text_of(self._worker.command("load_keras", SECONDS_LOAD, **fields), "keras")
        except (CommandFailed, WorkerDied) as error:
            raise self.not_run(error.reason) from error

    def not_run(self, reason: str) -> IncompleteError:
        """The error for a source that the framework cannot run.

        Args:
            reason: Why.
        """
        return IncompleteError(
            f"{self._python}: cannot run {self._source}: {reason}; --runtime takes an interpreter "
            "in which the framework that wrote it is installed"
        )


class FrameworkCheck:
    """Compares the archive's outputs with those of the framework that wrote the source."""

    def __init__(
        self,
        process: Framework,
        source: Path,
        name: str,
        python: str,
        session: Session,
        lowering: Lowering,
    ) -> None:
        """Start with nothing compared.

        Args:
            process: The framework's process.
            source: The source, to name in errors.
            name: Name and version of the framework.
            python: Version of the interpreter.
            session: The source, loaded.
            lowering: What was made of it.
        """
        self._process = process
        self._source = source
        self._name = name
        self._python = python
        self._session = session
        self._lowering = lowering
        self._comparer = Comparer(str(source), lowering.network.precision)

    def add(self, tile: str, pixels: NDArray[Any], found: NDArray[Any], raw: bool) -> None:
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
        added, batch = self._lowering.added, max(1, self._lowering.source_batch)
        given, _ = before(added.before, pixels, added.maximum)
        output = self._session.numbers(tile, np.repeat(given[None], batch, axis=0))
        if output is None:
            raise self._process.not_run(self._session.all_failures[-1].reason)
        assert output.array is not None
        own = after(added.after, output.array[:1])
        if own.shape != found.shape:
            raise InputError(
                f"{self._source}: {self._name} returns the shape {own.shape}, the archive's "
                f"network {found.shape}"
            )
        differs = self._comparer.add(tile, own, found, raw=raw)
        if differs is not None:
            raise InputError(
                f"{self._source}: the archive's network does not compute what {self._name} "
                f"(Python {self._python}) computes: {differs}"
            )

    def result(self) -> FrameworkEquivalence:
        """End the process; what all comparisons together show.

        Raises:
            IncompleteError: The process did not end normally.
        """
        self._session.finish()
        if self._session.died is not None:
            raise self._process.not_run(self._session.died.reason)
        found = self._comparer.result(self._lowering.tile, of_archive=True)
        return FrameworkEquivalence(self._name, self._python, found.scaled, found.raw)
