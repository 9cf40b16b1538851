"""Segments one plane: reads tiles, runs and labels them, hands on blocks; all at the same time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from czcheck.runtime.output_statistics import most_probable
from czcheck.segmenting.runner import SLOTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.images.image import Image, Plane
    from czcheck.images.writer import Kind
    from czcheck.segmenting.job import Padding
    from czcheck.segmenting.layout import Layout, TilePlace
    from czcheck.segmenting.runner import ModelRunner


_PERCENT = 100
Item = TypeVar("Item")
Result = TypeVar("Result")
MADE: Mapping[Kind, Callable[[Block], NDArray[Any]]] = {
    "labels": lambda block: block.labels,
    "probabilities": lambda block: block.probabilities,
    "confidence": lambda block: confidence(block.probabilities),
}
"""What is written of a block, by kind."""


class Labeller:
    """Turns probabilities into labels.

    Attributes:
        dtype: dtype of the labels: uint8 where the label values fit, else uint16.
    """

    def __init__(self, label_values: Sequence[int], min_confidence: float = 0) -> None:
        """Prepare.

        Args:
            label_values: The label of each class, 1 to 65535.
            min_confidence: Percent, 0 to 100.
        """
        self.dtype: np.dtype[Any] = np.min_scalar_type(max(label_values))
        self._values = np.asarray(label_values, self.dtype)
        # In float32, as the probabilities are: 0.9 must not be below 90 %.
        self._least = np.float32(min_confidence / _PERCENT)

    def __call__(self, probabilities: NDArray[np.float32]) -> NDArray[Any]:
        """The label of each pixel.

        Args:
            probabilities: `(height, width, classes)`, finite.

        Returns:
            `(height, width)`: the label of the most probable class, the first of equals; 0 where
            its probability is below the minimum confidence.
        """
        labels, best = most_probable(probabilities, self._values)
        if self._least > 0:
            labels[best < self._least] = 0
        return labels


def confidence(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest probability of each pixel.

    Args:
        probabilities: `(height, width, classes)`.

    Returns:
        `(height, width)`, float32.
    """
    best: NDArray[np.float32] = probabilities.max(axis=-1)
    return best


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The used part of one tile. Blocks of a plane touch each other and do not overlap.

    Attributes:
        plane: The plane of the image.
        place: The tile.
        pixels: The image here, `(height, width, channels)`, as the file has them.
        probabilities: The network's output, float32, `(height, width, classes)`.
        labels: `(height, width)`, uint8 or uint16: the LabelValue of the most probable class, or 0
            where its probability is below the minimum confidence.
    """

    plane: Plane
    place: TilePlace
    pixels: NDArray[Any]
    probabilities: NDArray[np.float32]
    labels: NDArray[Any]

    @property
    def top(self) -> int:
        """First row in the plane."""
        return self.place.rows.keep_from

    @property
    def left(self) -> int:
        """First column in the plane."""
        return self.place.columns.keep_from


class Sink(Protocol):
    """Takes the blocks of a plane, row by row. Called from one thread at a time, not always one."""

    def take(self, block: Block) -> None:
        """Take one block. Its arrays must not be changed, and not be stored without copying."""


def segment_plane(
    runner: ModelRunner,
    image: Image,
    plane: Plane,
    layout: Layout,
    sinks: Iterable[Sink],
    *,
    numbers: Iterable[int] | None = None,
    progress: Callable[[], None] | None = None,
) -> None:
    """Run a network over the tiles of one plane.

    While the network runs one tile, the next ones are read and the block of the one before is
    handed on, each in a thread of its own. Only a few tiles are in memory at any time.

    Args:
        runner: The network; its job says how to pad, and below which confidence a pixel gets 0.
        image: The image, with the channels that the network takes; see `images.for_model`.
        plane: One of its planes.
        layout: The plane's tiles.
        sinks: What takes the blocks; each gets all of them, in the order of the layout.
        numbers: Numbers of the tiles to run, in the order of the layout; all if left out.
        progress: Called after each tile, from a thread.

    Raises:
        InputError: The image is damaged, or the network failed.
        IncompleteError: The network's process could not be started, or there is no room.
    """
    takers = tuple(sinks)
    labeller = Labeller(runner.label_values, runner.job.min_confidence)
    places = [layout[number] for number in numbers] if numbers is not None else layout

    def read(place: TilePlace) -> tuple[TilePlace, NDArray[Any]]:
        return place, read_tile(image, plane, place, runner.job.pad)

    def hand_on(place: TilePlace, tile: NDArray[Any], output: NDArray[np.float32]) -> None:
        used = output[place.inside]
        block = Block(plane, place, tile[place.inside], used, labeller(used))
        for sink in takers:
            sink.take(block)
        if progress is not None:
            progress()

    with _thread("czcheck-read") as reading, _thread("czcheck-write") as writing:
        writes: deque[Future[None]] = deque()
        for (place, tile), output in _outputs(runner, _ahead(reading, read, places), plane):
            writes.append(writing.submit(hand_on, place, tile, output))
            del tile, output
            if len(writes) > 1:
                writes.popleft().result()
        while writes:
            writes.popleft().result()


def read_tile(image: Image, plane: Plane, place: TilePlace, pad: Padding) -> NDArray[Any]:
    """One tile of an image, padded where it extends over the edges.

    Returns:
        `(height, width, channels)`, as the file has them.

    Raises:
        InputError: The image is damaged here.
    """
    axes = [(place.rows, plane.height), (place.columns, plane.width)]
    (top, bottom), (left, right) = (
        (max(0, span.start), min(length, span.start + span.size)) for span, length in axes
    )
    pixels = image.read(plane, top, left, bottom - top, right - left)
    margins = [
        (max(0, -span.start), max(0, span.start + span.size - length)) for span, length in axes
    ]
    if not any(map(any, margins)):
        return pixels

    if pad == "zeros":
        return np.pad(pixels, [*margins, (0, 0)])
    return np.pad(pixels, [*margins, (0, 0)], mode="reflect")


def _outputs(
    runner: ModelRunner, tiles: Iterable[tuple[TilePlace, NDArray[Any]]], plane: Plane
) -> Iterator[tuple[tuple[TilePlace, NDArray[Any]], NDArray[np.float32]]]:
    """Each tile with its output. The next one is submitted before waiting for the output."""
    waiting: deque[tuple[TilePlace, NDArray[Any]]] = deque()
    for place, pixels in tiles:
        where = f"the tile at row {place.rows.start}, column {place.columns.start}"
        runner.submit(pixels, where + (f" of plane {plane.name}" if plane.name else ""))
        waiting.append((place, pixels))
        if len(waiting) == SLOTS:
            output = runner.collect()
            yield waiting.popleft(), output
    while waiting:
        output = runner.collect()
        yield waiting.popleft(), output


def _ahead(
    executor: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Result]:
    """Results in order, with work on the next item under way while one is used."""
    under_way: deque[Future[Result]] = deque()
    for item in items:
        under_way.append(executor.submit(work, item))
        if len(under_way) > 1:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


@contextmanager
def _thread(name: str) -> Iterator[ThreadPoolExecutor]:
    """One thread; left early, it does not begin with what still waits."""
    pool = ThreadPoolExecutor(1, name)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
