"""What a model's answers are held against where the user asks for it: a runtime, a baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import czcheck.runtime
from czcheck.errors import UnavailableError
from czcheck.options import Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.model import Model
    from czcheck.runtime.answers import Answer
    from czcheck.runtime.baseline import Baseline, BaselineComparison
    from czcheck.runtime.compare import KeptAnswers, RuntimeComparison
    from czcheck.runtime.networks import Worker
    from czcheck.runtime.session import Keep
    from czcheck.test_tiles.patterns import Tile

DEFAULT_OPTIONS = Options()


class Comparisons:
    """Both comparisons of one model. Nothing is kept or started where neither is asked for."""

    def __init__(
        self,
        model: Model,
        options: Options = DEFAULT_OPTIONS,
        baseline: Baseline | None = None,
        new_worker: Callable[[str], Worker] | None = None,
        keep: Keep | None = None,
    ) -> None:
        """Compare nothing yet.

        Args:
            model: The opened archive.
            options: Its options; `runtime` is the interpreter to compare with.
            baseline: Baseline to compare with; None for none.
            new_worker: Makes a process of an interpreter; needed for a runtime.
            keep: Called with every output as well.
        """
        self._model = model
        self._tolerances = options.tolerances
        self._runtime = options.runtime
        self._baseline = baseline
        self._new_worker = new_worker
        self._others = [] if keep is None else [keep]
        self._worker: Worker | None = None
        self._tiles: Sequence[Tile] = ()
        self._kept: KeptAnswers | None = None

    @property
    def not_asked(self) -> dict[str, str]:
        """The facts that nobody asked for, with the reason."""
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

    def expect(self, tiles: Sequence[Tile], *keep: Keep) -> Keep | None:
        """Get ready for the answers to tiles.

        Args:
            tiles: The tiles that the network is about to be asked.
            *keep: Who else is to be called with each answer.

        Returns:
            What to call with each answer; None where nobody wants to know.
        """
        listeners = [*self._others, *keep]
        if self._runtime is not None or self._baseline is not None:
            self._tiles = tiles
            self._kept = czcheck.runtime.KeptAnswers({tile.name for tile in tiles})
            listeners.append(self._kept.add)
        if len(listeners) < 2:  # nobody, or one that needs no other
            return listeners[0] if listeners else None

        def tell(name: str, batch: NDArray[Any], answer: Answer | None) -> None:
            for listener in listeners:
                listener(name, batch, answer)

        return tell

    def elsewhere(self) -> RuntimeComparison:
        """The answers in the other runtime, held against those in the first one.

        Raises:
            UnavailableError: The network was not run.
            IncompleteError: The other interpreter cannot be started, or has no TensorFlow.
        """
        self.start_early()
        if self._kept is None or self._worker is None:
            raise UnavailableError("the network was not run")
        model = self._model
        return czcheck.runtime.compare_elsewhere(
            self._worker,
            model.files,
            model.loaded,
            self._tiles,
            self._kept,
            model.limits,
            self._tolerances,
        )

    def against_baseline(self) -> BaselineComparison:
        """The answers, held against the baseline.

        Raises:
            UnavailableError: The network was not run.
            IncompleteError: The baseline was made with other tiles.
            UsageError: The baseline is damaged.
        """
        baseline, metadata = self._baseline, self._model.metadata
        if self._kept is None or baseline is None:
            raise UnavailableError("the network was not run")
        return czcheck.runtime.compare_with_baseline(
            baseline,
            lambda tile: czcheck.runtime.golden_answer(baseline, tile),
            self._tiles,
            self._kept,
            classes=len(metadata.classes),
            pixel_type=metadata.pixel_types[0],
            scaled=bool(metadata.scale_inputs_by_bitdepth),
            precision=self._model.network.precision,
        )

    def close(self) -> None:
        """End the other process and forget the answers."""
        if self._worker is not None:
            self._worker.close()
        if self._kept is not None:
            self._kept.close()
