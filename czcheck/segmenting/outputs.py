"""What is written of one image: all files complete, then all put in place; or none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.files import placing, settle, uninterrupted, writing
from czcheck.images.formats import create
from czcheck.images.writer import SOURCE, Content, Kind, Writer
from czcheck.metadata.pixel_types import MONOCHROME
from czcheck.segmenting.overlay import Overlay
from czcheck.segmenting.places import preview_of
from czcheck.segmenting.planes import MADE, Block

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray
    from typing_extensions import Self

    from czcheck.images.chunks import ZarrPart
    from czcheck.images.image import Image, Plane
    from czcheck.images.output_zarr import ZarrOutput
    from czcheck.segmenting.bands import BandResult
    from czcheck.segmenting.layout import Layout, TilePlace
    from czcheck.segmenting.places import Requested
    from czcheck.segmenting.planes import Sink
    from czcheck.segmenting.runner import ModelRunner


class Outputs:
    """The files of one image. A context manager: left by an exception, it leaves none of them.

    Left otherwise, all files are completed first, and only then put in place, one directly after
    the other: what can take long or go wrong is done by then.

    Attributes:
        written: The requested files.
    """

    def __init__(
        self,
        image: Image,
        places: Requested,
        runner: ModelRunner,
        *,
        resume: bool = False,
        unfinished: Callable[[str], None] | None = None,
        deferred: ExitStack | None = None,
    ) -> None:
        """Begin nothing yet.

        Args:
            image: The image.
            places: Where its files go.
            runner: What makes them.
            resume: Whether to continue what was interrupted.
            unfinished: Called with each store that is left unfinished and can be resumed.
            deferred: What puts the files in place later; None to do so here.
        """
        self._deferred = deferred
        self._image = image
        self._places = places
        self._runner = runner
        self._resume = resume
        self._unfinished = unfinished
        self._stack = ExitStack()
        self._writers: dict[Kind, Writer] = {}
        self.written: list[str] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for kind, place in self._places.images:
                content = Content(
                    kind,
                    self._image.planes,
                    self._runner.model.metadata.classes,
                    self._image.pixel_size,
                    source=self._source(),
                )
                writer = create(place, content, resume=self._resume)
                self._writers[kind] = stack.enter_context(writer)
                self.written.append(place)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._finish(kind, error, trace)
            return
        try:
            for writer in self._writers.values():
                writer.complete()
        except BaseException as failure:
            self._finish(type(failure), failure, failure.__traceback__)
            raise
        if self._deferred is not None:
            self._deferred.push(self._finish)
            return
        with uninterrupted():
            self._finish(None, None, None)

    def _finish(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the files in place, or leave none of them."""
        self._stack.__exit__(kind, error, trace)
        if kind is not None:
            for writer in self._writers.values():
                if self._unfinished is not None and writer.resumable is not None:
                    self._unfinished(writer.resumable)

    def _source(self) -> dict[str, Any]:
        """What all files are made of."""
        job = self._runner.job
        return {
            "model": self._runner.model.metadata.model_id,
            "image": self._image.path,
            "tile": list(self._runner.tile),
            "border": self._runner.border,
            "align": self._runner.stride,
            "pad": job.pad,
            "min_confidence": job.min_confidence,
            **({"missing": list(self._image.missing)} if self._image.missing else {}),
        }

    def sinks(self) -> list[Sink]:
        """The sinks that write the blocks of a plane."""
        return [_WriterSink(writer, MADE[kind]) for kind, writer in self._writers.items()]

    def parts(self, plane: Plane) -> dict[Kind, ZarrPart]:
        """Where other processes write the results of a plane; all of them are OME-Zarr."""
        return {kind: each.part(plane) for kind, each in self._stores()}

    def take(self, plane: Plane, layout: Layout, result: BandResult) -> None:
        """Write the chunks that other processes left, and record those that they wrote.

        Raises:
            IncompleteError: The disk is full, or cannot be written.
        """
        for kind, store in self._stores():
            for number in result.written:
                store.record(plane, *layout[number].region)
            for piece in result.pieces:
                region = layout[piece.number].region
                store.write_piece(plane, region, piece.top, piece.pixels[kind])

    def _stores(self) -> Iterator[tuple[Kind, ZarrOutput]]:
        from czcheck.images.output_zarr import ZarrOutput  # noqa: PLC0415

        for kind, writer in self._writers.items():
            assert isinstance(writer, ZarrOutput)  # others are refused before
            if not writer.is_complete:
                yield kind, writer

    def runs(self, plane: Plane, layout: Layout) -> Iterator[tuple[bool, list[int]]]:
        """The tiles of a plane in order, as runs of those that are written and those that are not.

        Yields:
            Whether they are there from a run that is resumed, and the tiles' numbers.
        """
        if "labels" not in self._writers or not self._resume:
            yield False, list(range(len(layout)))
            return
        for done, tiles in groupby(
            enumerate(layout), lambda each: self._is_written(plane, each[1])
        ):
            yield done, [number for number, _ in tiles]

    def _is_written(self, plane: Plane, place: TilePlace) -> bool:
        return all(each.written(plane, *place.region) for each in self._writers.values())

    def stored(self, plane: Plane, place: TilePlace) -> Block:
        """The stored part of a tile of a resumed run. It has no probabilities.

        Raises:
            InputError: The image is damaged here.
            IncompleteError: What was written cannot be read.
        """
        labels = self._writers["labels"].read(plane, *place.region)
        pixels = self._image.read(plane, *place.region)
        return Block(plane, place, pixels, np.zeros((*labels.shape, 0), np.float32), labels)

    def overlay(self, plane: Plane) -> Overlay | None:
        """An empty preview of a plane; None if none is requested."""
        if self._places.overlay is None:
            return None
        metadata = self._runner.model.metadata
        colours = metadata.pixel_type.is_colour
        bgr = colours and metadata.color_handling != MONOCHROME
        return Overlay(plane, metadata.classes, bgr=bgr)

    def write_overlay(self, overlay: Overlay, plane: Plane, shares: Mapping[int, float]) -> None:
        """Write the preview of a plane.

        Args:
            overlay: The preview, filled.
            plane: The plane, whose name goes into the file's where there are several.
            shares: See `Overlay.save`.

        Raises:
            IncompleteError: The disk is full, or the file cannot be written.
        """
        assert self._places.overlay is not None
        path = preview_of(self._places.overlay, plane)
        temporary = self._stack.enter_context(placing(path))
        about = {SOURCE: json.dumps({"Kind": "overlay", **self._source()})}
        with writing(path):
            overlay.save(temporary, shares, about)
        settle(path, temporary)
        self.written.append(str(path))


@dataclass(frozen=True, slots=True)
class _WriterSink:
    """Writes one kind of result."""

    writer: Writer
    made: Callable[[Block], NDArray[Any]]

    def take(self, block: Block) -> None:
        self.writer.write(block.plane, block.top, block.left, self.made(block))


@dataclass(slots=True)
class Shares:
    """Counts the pixels of each label. A `Sink`.

    Attributes:
        pixels: Number of pixels by label.
    """

    pixels: dict[int, int] = field(default_factory=dict)

    def take(self, block: Block) -> None:
        """Count one block."""
        counts = np.bincount(block.labels.ravel())
        for label in np.flatnonzero(counts).tolist():
            self.pixels[label] = self.pixels.get(label, 0) + int(counts[label])
