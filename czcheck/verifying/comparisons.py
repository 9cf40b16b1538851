"""Comparisons of a model's outputs that the user requests: with a runtime, with a baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import czcheck.runtime
from czcheck.errors import UnavailableError
from czcheck.options import Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.model import Model
    from czcheck.runtime.baseline import Baseline, BaselineComparison
    from czcheck.runtime.compare import RuntimeComparison, StoredOutputs
    from czcheck.runtime.networks import Worker
    from czcheck.runtime.outputs import Output
    from czcheck.runtime.session import OnOutput
    from czcheck.test_tiles.patterns import Tile

DEFAULT_OPTIONS = Options()


class Comparisons:
    """Both comparisons of one model. Without a request nothing is stored or started."""

    def __init__(
        self,
        model: Model,
        options: Options = DEFAULT_OPTIONS,
        baseline: Baseline | None = None,
        new_worker: Callable[[str], Worker] | None = None,
        on_output: OnOutput | None = None,
    ) -> None:
        """Compare nothing yet.

        Args:
            model: The opened archive.
            options: Its options; `runtime` is the interpreter to compare with.
            baseline: Baseline to compare with; None for none.
            new_worker: Makes a process of an interpreter; needed for a runtime.
            on_output: Called with every output as well.
        """
        self._model = model
        self._tolerances = options.tolerances
        self._runtime = options.runtime
        self._baseline = baseline
        self._new_worker = new_worker
        self._others = [] if on_output is None else [on_output]
        self._worker: Worker | None = None
        self._tiles: Sequence[Tile] = ()
        self._stored: StoredOutputs | None = None

    @property
    def not_requested(self) -> dict[str, str]:
        """The facts that were not requested, with the reason."""
        reasons = {}
        if self._runtime is None:
            reasons["elsewhere"] = "no --runtime given"
        if self._baseline is None:
            reasons["baseline"] = "no --baseline given"
        return reasons

    @property
    def sources(self) -> dict[str, Callable[[], Any]]:
        """Both facts, by name."""
        return {"elsewhere": self.elsewhere, "baseline": self.against_baseline}

    def start_early(self) -> None:
        """Let the other runtime import TensorFlow while the first one works."""
        if self._runtime is None or self._new_worker is None:
            return
        if self._worker is None:
            self._worker = self._new_worker(self._runtime)
            self._worker.start()

    def expect(self, tiles: Sequence[Tile], *on_output: OnOutput) -> OnOutput | None:
        """Prepare for the outputs for tiles.

        Args:
            tiles: The tiles that the network will be run on.
            *on_output: Further callbacks for each output.

        Returns:
            The callback for each output; None if there is no need for one.
        """
        listeners = [*self._others, *on_output]
        if self._runtime is not None or self._baseline is not None:
            self._tiles = tiles
            self._stored = czcheck.runtime.StoredOutputs({tile.name for tile in tiles})
            listeners.append(self._stored.add)
        if len(listeners) < 2:  # none, or one that needs no other
            return listeners[0] if listeners else None

        def call_all(name: str, batch: NDArray[Any], output: Output | None) -> None:
            for listener in listeners:
                listener(name, batch, output)

        return call_all

    def elsewhere(self) -> RuntimeComparison:
        """The outputs in the other runtime, compared with those in the first one.

        Raises:
            UnavailableError: The network was not run.
            IncompleteError: The other interpreter cannot be started, or has no TensorFlow.
        """
        self.start_early()
        if self._stored is None or self._worker is None:
            raise UnavailableError("the network was not run")
        model = self._model
        return czcheck.runtime.compare_elsewhere(
            self._worker,
            model.files,
            model.loaded,
            self._tiles,
            self._stored,
            model.limits,
            self._tolerances,
        )

    def against_baseline(self) -> BaselineComparison:
        """The outputs, compared with the baseline.

        Raises:
            UnavailableError: The network was not run.
            IncompleteError: The baseline was made with other tiles.
            UsageError: The baseline is damaged.
        """
        baseline, metadata = self._baseline, self._model.metadata
        if self._stored is None or baseline is None:
            raise UnavailableError("the network was not run")
        return czcheck.runtime.compare_with_baseline(
            baseline,
            lambda tile: czcheck.runtime.golden_output(baseline, tile),
            self._tiles,
            self._stored,
            classes=len(metadata.classes),
            pixel_type=metadata.pixel_types[0],
            scaled=bool(metadata.scale_inputs_by_bitdepth),
            precision=self._model.network.precision,
        )

    def close(self) -> None:
        """End the other process and delete the stored outputs."""
        if self._worker is not None:
            self._worker.close()
        if self._stored is not None:
            self._stored.close()
