"""The run of one file: its process, its tiles, what outputs are compared with, what is stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import czcheck.report
from czcheck import runtime, test_tiles
from czcheck.archive.foreign import PayloadKind
from czcheck.errors import (
    IncompleteError,
    InputError,
    NotApplicableError,
    UnavailableError,
    UsageError,
)
from czcheck.options import Options
from czcheck.specification import test_images

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.archive.container import Payload
    from czcheck.model import Model
    from czcheck.progress import FileProgress
    from czcheck.report.gallery import Collector, Gallery
    from czcheck.rules.finding import Finding
    from czcheck.runtime.baseline import Baseline, BaselineComparison
    from czcheck.runtime.compare import RuntimeComparison, StoredOutputs
    from czcheck.runtime.networks import Worker
    from czcheck.runtime.outputs import Output
    from czcheck.runtime.record import RunRecord
    from czcheck.runtime.session import OnOutput
    from czcheck.runtime.source import WorkerSource
    from czcheck.test_tiles.patterns import Tile
    from czcheck.verifying.evidence import Spool


@dataclass(frozen=True, slots=True)
class Recording:
    """What is stored of a run beyond its verdict.

    Attributes:
        evidence: Folder for the evidence for findings; None to store nothing.
        on_output: Called with each tile and its output; None for no call.
        preview_side: Most pixels along a side of a preview of a tile; None to make none.
    """

    evidence: Path | None = None
    on_output: OnOutput | None = None
    preview_side: int | None = None

    @property
    def anything(self) -> bool:
        """Whether anything is stored."""
        return (self.evidence, self.on_output, self.preview_side) != (None, None, None)


class FileRun:
    """The network's processes for one file: started early, used once, ended in every case."""

    def __init__(
        self,
        model: Model,
        options: Options,
        baseline: Baseline | None,
        source: WorkerSource,
        recording: Recording,
        progress: FileProgress | None,
    ) -> None:
        """Start nothing yet.

        Args:
            model: The opened archive.
            options: Its options.
            baseline: Stored outputs to compare with; None for none.
            source: Where processes come from.
            recording: What to store of the run.
            progress: Called after each tile.
        """
        self._model = model
        self._options = options
        self._baseline = baseline
        self._source = source
        self._recording = recording
        self._progress = progress
        self._worker: Worker | None = None
        self._spool: Spool | None = None
        self._collector: Collector | None = None
        # With another runtime or a baseline to compare with: its process, and the outputs.
        self._elsewhere: Worker | None = None
        self._tiles: Sequence[Tile] = ()
        self._stored: StoredOutputs | None = None

    def start_early(self) -> None:
        """Let TensorFlow's import begin while the static levels run, if there is a network."""
        payload = payload_of(self._model)
        if payload is not None and payload.kind is PayloadKind.SAVED_MODEL:
            self._start()
            self._start_elsewhere()

    def _start_elsewhere(self) -> Worker | None:
        """The process of the other runtime; None where none was requested."""
        if self._options.runtime is not None and self._elsewhere is None:
            self._elsewhere = self.another(self._options.runtime)
            self._elsewhere.start()
        return self._elsewhere

    def _start(self) -> Worker:
        if self._worker is None:
            network = None
            with suppress(UnavailableError):  # nothing will be loaded
                network = self._model.loaded
            self._worker = self._source.worker(network=network)
            self._worker.start()
        return self._worker

    def another(self, python: str | None = None) -> Worker:
        """Another process, not started yet.

        Args:
            python: Its interpreter; the one that runs the network if left out.
        """
        return self._source.worker(python)

    def record(self) -> RunRecord:
        """Run the test tiles through the network.

        Raises:
            NotApplicableError: Running the network would not show what the model does.
            UnavailableError: The static levels found no network that could be run, or one that
                must not be.
            IncompleteError: The process could not be started, or an image cannot be read.
        """
        model = self._model
        if (reason := model.left_to_build(run=True)) is not None:
            raise NotApplicableError(f"left to `czcheck build`: {reason}")
        if (objection := model.safety.objection(self._options.allow_op)) is not None:
            raise UnavailableError(f"the network must not be run: {objection}")
        try:
            tiles = list(battery(model, [*self._options.tiles, *test_images(model)]))
        except UnavailableError:
            raise
        except (InputError, UsageError) as error:  # an image of the user's, not the model
            raise IncompleteError(str(error)) from error
        report = self._progress
        return runtime.run_network(
            self._start(),
            model.files,
            model.loaded,
            model.metadata,
            tiles,
            model.limits,
            None if report is None else lambda done, total: report(model.path, done, total),
            keep=_call_all(self._callbacks(tiles)),
            fresh=self.another if self._options.thorough else None,
            tolerances=self._options.tolerances,
            reach=lambda: model.reach,
        )

    def _callbacks(self, tiles: Sequence[Tile]) -> list[OnOutput]:
        """Callbacks for each output: those that store it, and the caller's."""
        listeners: list[OnOutput] = []
        if self._recording.on_output is not None:
            listeners.append(self._recording.on_output)
        if self._recording.evidence is not None:
            from czcheck.verifying.evidence import Spool  # noqa: PLC0415 - seldom

            self._spool = Spool()
            listeners.append(self._spool.add)
        if (side := self._recording.preview_side) is not None:
            metadata = self._model.metadata
            self._collector = czcheck.report.Collector(
                {tile.name: tile.natural for tile in tiles},
                [each.color for each in metadata.classes],
                bgr=metadata.pixel_type.is_colour,
                side=side,
            )
            listeners.append(self._collector.add)
        if self._options.runtime is not None or self._baseline is not None:
            self._tiles = tiles
            self._stored = runtime.StoredOutputs({tile.name for tile in tiles})
            listeners.append(self._stored.add)
        return listeners

    def elsewhere(self) -> RuntimeComparison:
        """The outputs in the other runtime, compared with those in the first one.

        Raises:
            UnavailableError: The network was not run.
            IncompleteError: The other interpreter cannot be started, or has no TensorFlow.
        """
        worker, model = self._start_elsewhere(), self._model
        if self._stored is None or worker is None:
            raise UnavailableError("the network was not run")
        return runtime.compare_elsewhere(
            worker,
            model.files,
            model.loaded,
            self._tiles,
            self._stored,
            model.limits,
            self._options.tolerances,
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
        return runtime.compare_with_baseline(
            baseline,
            lambda tile: runtime.golden_output(baseline, tile),
            self._tiles,
            self._stored,
            classes=len(metadata.classes),
            pixel_type=metadata.pixel_types[0],
            scaled=bool(metadata.scale_inputs_by_bitdepth),
            precision=self._model.network.precision,
        )

    def gallery(self, findings: Sequence[Finding]) -> Gallery | None:
        """Previews of the run, if they are requested and anything ran.

        Args:
            findings: All findings on the file.
        """
        return None if self._collector is None else self._collector.gallery(findings)

    def write_evidence(self, findings: Sequence[Finding]) -> list[str]:
        """Write the evidence for findings of the run, if that is requested.

        Args:
            findings: All findings on the file.

        Returns:
            Names of the files.

        Raises:
            IncompleteError: They cannot be written.
        """
        folder = self._recording.evidence
        if folder is None or self._spool is None:
            return []

        metadata = self._model.metadata
        from czcheck.verifying.evidence import write_evidence  # noqa: PLC0415 - seldom

        return write_evidence(
            folder,
            findings,
            self._spool,
            archive=self._model.path.name,
            sha256=self._model.sha256,
            colours=[each.color for each in metadata.classes],
            bgr=metadata.pixel_type.is_colour,
        )

    def __enter__(self) -> FileRun:  # noqa: PYI034 - typing.Self came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, whatever they are doing, and delete what was stored."""
        for each in (self._elsewhere, self._stored, self._spool, self._worker):
            if each is not None:
                each.close()


def _call_all(listeners: list[OnOutput]) -> OnOutput | None:
    """One callback that calls all; None for none."""
    if len(listeners) < 2:  # none, or one that needs no other
        return listeners[0] if listeners else None

    def call(name: str, batch: NDArray[Any], output: Output | None) -> None:
        for listener in listeners:
            listener(name, batch, output)

    return call


def payload_of(model: Model) -> Payload | None:
    """The payload, or None where there is none that can be read."""
    try:
        return model.payload
    except UnavailableError:
        return None


def battery(model: Model, images: Iterable[Path]) -> Iterator[Tile]:
    """The tiles that a network is run on: the built-in ones, then those of images.

    Args:
        model: The model, whose tile and pixel type they fit.
        images: Images and folders of images.

    Yields:
        Tiles, in the range that the metadata requires.

    Raises:
        UnavailableError: The network has no fixed tile, or the metadata cannot be read.
        InputError: An image cannot be read.
        UsageError: There is no such image.
    """
    fed = model.network.input
    shape = None if fed is None else fed.shape
    if shape is None or len(shape) != 4 or None in shape[1:]:  # NHWC
        raise UnavailableError("the network has no fixed tile")
    height, width, channels = (size or 0 for size in shape[1:])
    # If the metadata scales intensities, the network gets scaled ones.
    divisor = model.metadata.input_divisor
    sources = [test_tiles.tiles(height, width, channels, model.metadata.pixel_types[0])]
    sources += [test_tiles.tiles_from(path, height, width, channels) for path in images]
    for tile in chain.from_iterable(sources):
        scaled: Any = tile.pixels if divisor == 1 else tile.pixels / divisor
        yield dataclasses.replace(tile, pixels=scaled)
