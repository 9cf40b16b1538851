"""Compares answers to the same tiles: of two runtimes, two networks, today and then."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.runtime.deaths import Failure
from czcheck.runtime.output_statistics import Pixel, lead, most_probable
from czcheck.runtime.session import Session
from czcheck.tolerances import DEFAULT_TOLERANCES, Tolerances

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from czcheck.limits import Limits
    from czcheck.network.facts import Network
    from czcheck.network.files import SavedModelFiles
    from czcheck.runtime.networks import Worker
    from czcheck.runtime.outputs import Environment, Output
    from czcheck.test_tiles.patterns import Tile

SCALED_TOLERANCE = DEFAULT_TOLERANCES.runtime_scaled
RAW_TOLERANCE = DEFAULT_TOLERANCES.runtime_raw
"""Largest change of a probability that is no difference. On the raw range float32 itself moves a
network with batch normalisation by 8e-4; on tiles scaled to [0, 1] by 1e-7."""

_AXES = 4
_ALIKE = 1e-5


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two answers to one tile.

    Attributes:
        change: Largest change of a value, relative to the value where that is above 1, as no
            probability is; infinite where only one of the two is finite, or their shapes differ.
        at: Where that is, with the new value; None where nothing changed or the shapes differ.
        labels: Pixels whose label changed, but for ties.
        ties: Pixels whose label changed although, within the tolerance, two classes were equal.
        pixels: Pixels compared.
        overlap: For each class the pixels that have its label in both answers, and the sum of those
            that have it in either; twice the first over the second is the Dice coefficient.
    """

    change: float
    at: Pixel | None
    labels: int
    ties: int
    pixels: int
    overlap: tuple[tuple[int, int], ...] = ()

    @property
    def agreement(self) -> float:
        """Share of pixels whose label is the same, ties included, 0..1."""
        return 1 - self.labels / self.pixels if self.pixels else 0.0


@dataclass(frozen=True, slots=True)
class TileComparison:
    """Two answers to a tile, by the tile's name.

    Attributes:
        tile: Name of the tile.
        tolerance: Largest change that is no difference.
        comparison: How far the answers are apart.
        precision: What the network computes in: `float32`, `float16` or `bfloat16`.
    """

    tile: str
    tolerance: float
    comparison: Comparison
    precision: str = "float32"

    @property
    def differs(self) -> bool:
        """Whether they are further apart than rounding explains."""
        return self.comparison.labels > 0 or self.comparison.change > self.tolerance


@dataclass(frozen=True, slots=True)
class RuntimeComparison:
    """A network's answers in another runtime, held against those in the first one.

    Attributes:
        environment: The other runtime.
        failures: What did not work there.
        tiles: Comparisons, in the order of the tiles.
    """

    environment: Environment
    failures: tuple[Failure, ...]
    tiles: tuple[TileComparison, ...]


def tolerance_for(tile: Tile, tolerances: Tolerances = DEFAULT_TOLERANCES) -> float:
    """Largest change of a probability that is no difference, by the range of the tile."""
    scaled = float(abs(tile.pixels).max(initial=0)) <= 1
    return tolerances.runtime_scaled if scaled else tolerances.runtime_raw


def is_flat(pixels: NDArray[Any]) -> bool:
    """Whether all pixels of a tile are equal.

    Standardising such a tile divides the rounding of its mean by next to nothing: a sound network's
    answer then depends on the order in which a runtime adds up, and shows no difference of meaning.
    """
    return bool(pixels.size) and float(pixels.min()) == float(pixels.max())


def compare(before: NDArray[Any], after: NDArray[Any], tie: float) -> Comparison:
    """Compare two answers to one tile, class by class: an answer may have many.

    Args:
        before: Probabilities, `(batch, height, width, classes)`.
        after: The same, later or from elsewhere.
        tie: How close the two best classes of a pixel were for it to count as a tie.

    Returns:
        The comparison.
    """
    if before.shape != after.shape or before.ndim != _AXES or not before.size:
        pixels = before.size // max(1, before.shape[-1] if before.ndim else 1)
        return Comparison(float("inf"), None, pixels, 0, pixels)
    change, at = 0.0, None
    for channel in range(before.shape[-1]):
        gap = _gap(before[..., channel], after[..., channel])
        largest = float(gap.max())
        # Of two classes the probabilities change alike, but for rounding: the first is named.
        if largest > change * (1 + _ALIKE):
            _, row, column = (int(axis) for axis in np.unravel_index(int(gap.argmax()), gap.shape))
            at = Pixel(float(after[0, row, column, channel]), row, column, channel)
        change = max(change, largest)
    label_before, best = most_probable(before)
    label_after, _ = most_probable(after)
    changed = label_before != label_after
    ties = int(np.count_nonzero(changed & (lead(before, label_before, best) <= tie)))
    return Comparison(
        change=change,
        at=at,
        labels=int(np.count_nonzero(changed)) - ties,
        ties=ties,
        pixels=changed.size,
        overlap=tuple(
            _overlap(label_before == channel, label_after == channel)
            for channel in range(before.shape[-1])
        ),
    )


def _gap(before: NDArray[Any], after: NDArray[Any]) -> NDArray[Any]:
    """How far the values of two planes are apart; NaN is the same as NaN."""
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    with np.errstate(invalid="ignore", over="ignore"):
        gap: NDArray[Any] = np.abs(before - after) / np.maximum(1, np.abs(before))
    gap[np.isnan(gap)] = np.inf
    gap[same] = 0
    return gap


def _overlap(before: NDArray[Any], after: NDArray[Any]) -> tuple[int, int]:
    counts = [int(np.count_nonzero(each)) for each in (before & after, before, after)]
    return counts[0], counts[1] + counts[2]


class StoredOutputs(Mapping[str, "NDArray[Any]"]):
    """Answers by the names of their tiles, kept on disk until they are compared: they are large."""

    def __init__(self, tiles: Collection[str]) -> None:
        """Keep nothing yet.

        Args:
            tiles: Names of the tiles whose answers are to be kept.
        """
        self._tiles = tiles
        self._folder: Path | None = None
        self._files: dict[str, Path] = {}

    def add(self, tile: str, batch: NDArray[Any], answer: Output | None) -> None:  # noqa: ARG002
        """Keep the first answer to a tile, where it holds numbers; a `Keep`, see `Session`."""
        from czcheck.files import private_folder  # noqa: PLC0415
        from czcheck.runtime.outputs import write_array  # noqa: PLC0415

        if tile not in self._tiles or tile in self._files:
            return
        if answer is None or answer.array is None:
            return
        if self._folder is None:
            self._folder = private_folder()
        path = self._folder / f"{len(self._files)}.npy"
        write_array(path, answer.array)
        self._files[tile] = path

    def __len__(self) -> int:
        """Number of answers."""
        return len(self._files)

    def __iter__(self) -> Iterator[str]:
        """The names of their tiles."""
        return iter(self._files)

    def __contains__(self, tile: object) -> bool:
        """Whether there is an answer to the tile of that name; it is not read."""
        return tile in self._files

    def __getitem__(self, tile: str) -> NDArray[Any]:
        """The answer to the tile of that name."""
        array: NDArray[Any] = np.load(self._files[tile], allow_pickle=False)
        return array

    def close(self) -> None:
        """Forget all answers."""
        from czcheck.files import remove_folder  # noqa: PLC0415

        if self._folder is not None:
            remove_folder(self._folder)
            self._folder = None
        self._files = {}


def compare_elsewhere(
    worker: Worker,
    files: SavedModelFiles,
    network: Network,
    tiles: Sequence[Tile],
    kept: StoredOutputs,
    limits: Limits,
    tolerances: Tolerances = DEFAULT_TOLERANCES,
) -> RuntimeComparison:
    """Ask the network the same tiles in another runtime.

    Args:
        worker: A process of the other runtime; it is used up.
        files: The SavedModel.
        network: Its facts.
        tiles: The tiles that the first runtime was asked.
        kept: What it answered.
        limits: Limits on what is unpacked.
        tolerances: How far the answers may be apart, in float32.

    Returns:
        What came of it. Every tile is asked, and those that are not flat are compared; after a
        death there, the ones before it.

    Raises:
        IncompleteError: The interpreter could not be started or has no TensorFlow.
        InputError: The SavedModel exceeds the limits.
        UnavailableError: The network has no signature with one input and one output.
    """
    session = Session(worker)
    loaded = session.load(files, network, limits)
    environment = session.environment
    tolerances = tolerances.at(network.precision)
    compared: list[TileComparison] = []
    if loaded is not None:
        for tile in tiles:
            if tile.name not in kept:
                continue
            answer = session.numbers(tile.name, tile.pixels)
            if session.died is not None:
                break
            if answer is None or is_flat(tile.pixels):
                continue
            assert answer.array is not None
            tolerance = tolerance_for(tile, tolerances)
            found = compare(kept[tile.name], answer.array, tolerance)
            compared.append(TileComparison(tile.name, tolerance, found, network.precision))
        session.finish()
    return RuntimeComparison(environment, session.all_failures, tuple(compared))
