"""One file's run: its process started early, used once, closed in every case."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import czcheck.report
from czcheck import runtime, test_tiles, verifying
from czcheck.archive.container import PayloadKind
from czcheck.errors import (
    IncompleteError,
    InputError,
    NotApplicableError,
    UnavailableError,
    UsageError,
)
from czcheck.runtime.limits import Budgets
from czcheck.specification import test_images
from czcheck.tolerances import DEFAULT_TOLERANCES
from czcheck.verifying.comparisons import Comparisons
from czcheck.verifying.gathering import payload_of

if TYPE_CHECKING:
    from czcheck.model import CzModel
    from czcheck.progress import FileProgress
    from czcheck.report.gallery import Collector, Gallery
    from czcheck.rules.finding import Finding
    from czcheck.runtime.asking import Keep
    from czcheck.runtime.networks import Worker
    from czcheck.runtime.record import RunRecord
    from czcheck.runtime.source import WorkerSource
    from czcheck.test_tiles.patterns import Tile
    from czcheck.verifying.evidence import Spool


class FileRun:
    """The network's process for one file.

    Attributes:
        thorough: Whether answers are repeated in a fresh process.
        budgets: What the network may cost.
        tolerances: How far answers may be off.
        evidence: Folder for what findings rest on; None to keep nothing.
        preview_side: Most pixels along a side of a picture of a tile; None to make none.
        comparisons: What its answers are held against.
        done: What the run showed; None before.
    """

    def __init__(
        self,
        model: CzModel,
        tiles: Sequence[str | Path],
        source: WorkerSource,
        progress: FileProgress | None,
        allow_op: Collection[str] = (),
    ) -> None:
        """Start nothing yet.

        Args:
            model: The opened archive.
            tiles: Images and folders of images to run beside the test tiles.
            source: Where processes come from.
            progress: Called after each tile.
            allow_op: Operations that the user admits.
        """
        self._model = model
        self._tiles = [*map(Path, tiles), *test_images(model)]
        self._source = source
        self._progress = progress
        self._allow_op = allow_op
        self._worker: Worker | None = None
        self.thorough = False
        self.budgets = Budgets()
        self.tolerances = DEFAULT_TOLERANCES
        self.evidence: Path | None = None
        self._spool: Spool | None = None
        self.preview_side: int | None = None
        self._collector: Collector | None = None
        self.comparisons = Comparisons(model)
        self.done: RunRecord | None = None

    def start_early(self) -> None:
        """Let TensorFlow's import begin while the static levels run, if there is a network."""
        payload = payload_of(self._model)
        if payload is not None and payload.kind is PayloadKind.SAVED_MODEL:
            self._start()
            self.comparisons.start_early()

    def _start(self) -> Worker:
        if self._worker is None:
            self._worker = self._source.worker()
            self._worker.start()
        return self._worker

    def another(self, python: str | None = None) -> Worker:
        """A further process, not started yet.

        Args:
            python: Its interpreter; the one that runs the network if left out.
        """
        return self._source.worker(python, fresh=True)

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
        if (objection := model.safety.objection(self._allow_op)) is not None:
            raise UnavailableError(f"the network must not be run: {objection}")
        try:
            tiles = list(battery(model, self._tiles))
        except UnavailableError:
            raise
        except (InputError, UsageError) as error:  # an image of the user's, not the model
            raise IncompleteError(str(error)) from error
        report = self._progress
        self.done = runtime.run_network(
            self._start(),
            model.files,
            model.loaded,
            model.metadata,
            tiles,
            model.limits,
            None if report is None else lambda done, total: report(model.path, done, total),
            keep=self.comparisons.expect(tiles, *self._keep(tiles)),
            fresh=self.another if self.thorough else None,
            tolerances=self.tolerances,
            reach=lambda: model.reach,
        )
        return self.done

    def _keep(self, tiles: Sequence[Tile]) -> list[Keep]:
        """Where answers go: while it is not known which of them are evidence, and to be seen."""
        listeners: list[Keep] = []
        if self.evidence is not None:
            self._spool = verifying.Spool()
            listeners.append(self._spool.keep)
        if self.preview_side is not None:
            metadata = self._model.metadata
            self._collector = czcheck.report.Collector(
                {tile.name: tile.natural for tile in tiles},
                [each.color for each in metadata.classes],
                bgr=metadata.pixel_type.is_colour,
                side=self.preview_side,
            )
            listeners.append(self._collector.keep)
        return listeners

    def gallery(self, findings: Sequence[Finding]) -> Gallery | None:
        """What the run looked like, if that is asked for and anything ran.

        Args:
            findings: All findings on the file.
        """
        return None if self._collector is None else self._collector.gallery(findings)

    def keep_evidence(self, findings: Sequence[Finding]) -> list[str]:
        """Write what findings of the run rest on, if that is asked for.

        Args:
            findings: All findings on the file.

        Returns:
            Names of the files.

        Raises:
            IncompleteError: They cannot be written.
        """
        if self.evidence is None or self._spool is None:
            return []

        metadata = self._model.metadata
        return verifying.write_evidence(
            self.evidence,
            findings,
            self._spool,
            archive=self._model.path.name,
            sha256=self._model.sha256,
            colours=[each.color for each in metadata.classes],
            bgr=metadata.pixel_type.is_colour,
        )

    def close(self) -> None:
        """End the process, whatever it is doing, and drop what was kept."""
        self.comparisons.close()
        if self._spool is not None:
            self._spool.close()
        if self._worker is not None:
            self._worker.close()


def battery(model: CzModel, images: Iterable[Path]) -> Iterator[Tile]:
    """The tiles that a network is asked: the built-in ones, then those of images.

    Args:
        model: The model, whose tile and pixel type they fit.
        images: Images and folders of images.

    Yields:
        Tiles, in the range that the metadata asks for.

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
    # Where the metadata says that intensities are scaled, the network gets them so.
    divisor = model.metadata.input_divisor
    sources = [test_tiles.tiles(height, width, channels, model.metadata.pixel_types[0])]
    sources += [test_tiles.tiles_from(path, height, width, channels) for path in images]
    for tile in chain.from_iterable(sources):
        scaled: Any = tile.pixels if divisor == 1 else tile.pixels / divisor
        yield dataclasses.replace(tile, pixels=scaled)
