"""A band: whole rows of an image's tiles, segmented by one process out of many.

Chunks of the store inside one band are written by the worker that segments it. Chunks in
chunks that neighbouring bands share is handed back, for one process to write: so no two processes
ever write the same chunk, and a band that is segmented again writes the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.errors import IncompleteError, UsageError
from czcheck.images.chunks import PartWriter
from czcheck.segmenting.planes import MADE, segment_plane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.images.chunks import ZarrPart
    from czcheck.images.image import Plane
    from czcheck.images.writer import Kind
    from czcheck.runtime.outputs import Environment
    from czcheck.segmenting.layout import Layout
    from czcheck.segmenting.planes import Block
    from czcheck.segmenting.runner import ModelRunner

BANDS_PER_WORKER = 4
"""So that a worker that is quicker, or comes later, has something to do."""


@dataclass(frozen=True, slots=True)
class Band:
    """What one process has to do. Plain values, which can be sent to another machine.

    Attributes:
        image: Absolute path of the image, which all machines share.
        plane: Number of the plane among those selected.
        numbers: Numbers of the tiles, in the order of the layout.
        parts: Where results go, by kind.
        inner: First row, and the row behind the last one, of the chunks that are this band's alone;
            equal where there are none.
    """

    image: str
    plane: int
    numbers: tuple[int, ...]
    parts: Mapping[Kind, ZarrPart]
    inner: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of a tile in chunks that are not the band's alone.

    Attributes:
        number: Number of the tile.
        top: First row in the plane.
        pixels: What is to be written, by kind; as wide as the used part of the tile.
    """

    number: int
    top: int
    pixels: Mapping[Kind, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class BandResult:
    """The result of a band.

    Attributes:
        written: Numbers of the tiles that are in the store.
        pieces: What is left to be written.
        pixels: Number of pixels by label.
        environment: What the network ran in.
        peak_bytes: The most memory that its process has had in use; 0 if unknown.
    """

    written: tuple[int, ...]
    pieces: tuple[Piece, ...]
    pixels: Mapping[int, int]
    environment: Environment
    peak_bytes: int


def bands_of(
    layout: Layout, numbers: list[int], chunk: int, workers: int
) -> Iterator[tuple[tuple[int, ...], tuple[int, int]]]:
    """Cut tiles into bands.

    Args:
        layout: The plane's tiles.
        numbers: Those that are to be segmented, in order.
        chunk: Rows of a chunk.
        workers: How many processes there are.

    Yields:
        Numbers of a band's tiles, and its `inner` rows.
    """
    across = len(layout.columns)
    rows = sorted({number // across for number in numbers})
    few = max(1, -(-len(rows) // (BANDS_PER_WORKER * workers)))
    selected = set(numbers)
    band: list[int] = []
    for row in rows:
        # Where rows are missing in between, another run has written them: chunks are shared there.
        if band and (row != band[-1] + 1 or len(band) >= few):
            yield _band(layout, band, selected, chunk)
            band = []
        band.append(row)
    if band:
        yield _band(layout, band, selected, chunk)


def _band(
    layout: Layout, rows: list[int], selected: set[int], chunk: int
) -> tuple[tuple[int, ...], tuple[int, int]]:
    across, height = len(layout.columns), layout.shape[0]
    every = [row * across + column for row in rows for column in range(across)]
    numbers = tuple(number for number in every if number in selected)
    top, bottom = layout.rows[rows[0]].keep_from, layout.rows[rows[-1]].keep_to
    first = -(-top // chunk) * chunk
    last = bottom if bottom == height else bottom // chunk * chunk
    spans = [layout.rows[row] for row in rows]
    # A tile has one piece at most; and where a row has gaps, its chunks are another run's, too.
    both = any(span.keep_from < first and span.keep_to > last for span in spans)
    if first >= last or both or len(numbers) != len(every):
        return numbers, (top, top)
    return numbers, (first, last)


def run_band(runner: ModelRunner, band: Band) -> BandResult:
    """Segment a band and write its own chunks.

    Raises:
        InputError: The image is damaged, or the network failed.
        IncompleteError: The network's process could not be started, the image or the store cannot
            be reached, or there is no room.
    """
    runner.load()
    try:
        opened = runner.open(band.image)
    except UsageError as error:
        raise IncompleteError(f"{error}; every worker has to reach the image there") from error
    with opened as image:
        plane = image.planes[band.plane]
        layout = runner.layout(plane)
        sink = _BandSink(plane, layout, band, {k: PartWriter(p) for k, p in band.parts.items()})
        segment_plane(runner, image, plane, layout, [sink], numbers=band.numbers)
        sink.flush()
    assert runner.environment is not None
    return BandResult(
        tuple(sink.written), tuple(sink.pieces), sink.pixels, runner.environment, runner.peak_bytes
    )


@dataclass(slots=True)
class _BandSink:
    """Writes the rows that are the band's own, and collects the others."""

    plane: Plane
    layout: Layout
    band: Band
    writers: Mapping[Kind, PartWriter]
    written: list[int] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    pixels: dict[int, int] = field(default_factory=dict)

    def take(self, block: Block) -> None:
        for label, count in zip(*np.unique(block.labels, return_counts=True), strict=True):
            self.pixels[int(label)] = self.pixels.get(int(label), 0) + int(count)
        number = block.place.row * len(self.layout.columns) + block.place.column
        made = {kind: MADE[kind](block) for kind in self.writers}
        top, bottom = block.top, block.top + block.labels.shape[0]
        first, last = (min(max(each, top), bottom) for each in self.band.inner)
        for kind, writer in self.writers.items():
            if first < last:
                writer.write(first, block.left, made[kind][first - top : last - top])
        outside = [(start, end) for start, end in ((top, first), (last, bottom)) if start < end]
        if first >= last:
            outside = [(top, bottom)]
        if not outside:
            self.written.append(number)
        for start, end in outside:
            rows = slice(start - top, end - top)
            # Copied, so that the rest of the block can be freed.
            pieces = {kind: pixels[rows].copy() for kind, pixels in made.items()}
            self.pieces.append(Piece(number, start, pieces))

    def flush(self) -> None:
        for writer in self.writers.values():
            writer.flush()
