"""Baselines: golden answers, and how far today's answers are from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.errors import IncompleteError
from czcheck.runtime.compare import RAW_TOLERANCE, TileComparison, compare
from czcheck.tolerances import DEFAULT_TOLERANCES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.runtime.compare import StoredOutputs
    from czcheck.test_tiles.patterns import Tile
    from czcheck.tolerances import Tolerances

SEED = 0
BLOCKS = 8
_MEAN_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class BaselineTolerances:
    """What may change without being a difference.

    Attributes:
        max_change: Largest change of a probability.
        min_agreement: Smallest share of pixels with the same label in any tile, 0..1.
        min_dice: Smallest Dice coefficient of any class over all tiles, 0..1.
    """

    max_change: float = RAW_TOLERANCE
    min_agreement: float = 0.9999
    min_dice: float = 0.99


@dataclass(frozen=True, slots=True)
class GoldenTile:
    """A tile that was asked.

    Attributes:
        name: Name of a built-in test tile.
        seed: Seed of everything random in it.
        means: Mean intensity of each of 8x8 blocks, row by row: they show whether the tile
            of that name is still the same.
    """

    name: str
    seed: int
    means: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a baseline says of itself; the answers stay in the file.

    Attributes:
        path: The file.
        model_id: Id of the model that gave the answers.
        model_name: Its name.
        sha256: Digest of its archive.
        czcheck: Version of czcheck that made the baseline.
        tensorflow: Version of TensorFlow that gave the answers.
        height: Height of a tile.
        width: Width of a tile.
        channels: Channels of a tile.
        pixel_type: The format's name of the pixel type.
        scaled: Whether intensities of integer types were scaled to 0..1, as the metadata may ask.
        classes: Names of the classes.
        tiles: The tiles that were asked.
        tolerances: What may change.
    """

    path: Path
    model_id: str
    model_name: str
    sha256: str
    czcheck: str
    tensorflow: str
    height: int
    width: int
    channels: int
    pixel_type: str
    scaled: bool
    classes: tuple[str, ...]
    tiles: tuple[GoldenTile, ...]
    tolerances: BaselineTolerances

    def with_tolerances(self, tolerances: Tolerances) -> Baseline:
        """The baseline with other tolerances where some are set.

        Args:
            tolerances: What the user sets.
        """
        own = self.tolerances
        change, agreement = tolerances.baseline_change, tolerances.baseline_agreement
        dice = tolerances.baseline_dice
        return replace(
            self,
            tolerances=BaselineTolerances(
                own.max_change if change is None else change,
                own.min_agreement if agreement is None else agreement,
                own.min_dice if dice is None else dice,
            ),
        )


@dataclass(frozen=True, slots=True)
class BaselineComparison:
    """Today's answers, held against a baseline.

    Attributes:
        baseline: The baseline.
        other: Why nothing can be compared, as part of a sentence; None where it could.
        tiles: Comparisons, in the order of the baseline's tiles.
        dice: For each class the Dice coefficient over all tiles; None where no pixel has it.
    """

    baseline: Baseline
    other: str | None
    tiles: tuple[TileComparison, ...] = ()
    dice: tuple[float | None, ...] = ()


def block_means(pixels: NDArray[Any]) -> tuple[float, ...]:
    """Mean intensity of each block of a tile, to six digits.

    Args:
        pixels: `(height, width, channels)`.
    """
    return tuple(
        float(f"{block.mean(dtype=np.float64):.6g}")
        for rows in np.array_split(pixels, min(BLOCKS, pixels.shape[0]), axis=0)
        for block in np.array_split(rows, min(BLOCKS, pixels.shape[1]), axis=1)
    )


def compare_with_baseline(
    baseline: Baseline,
    golden_output: Callable[[str], NDArray[Any]],
    tiles: Sequence[Tile],
    kept: StoredOutputs,
    *,
    classes: int,
    pixel_type: str,
    scaled: bool,
    precision: str = "float32",
) -> BaselineComparison:
    """Hold answers against a baseline.

    Args:
        baseline: The baseline.
        golden_output: Yields its answer to the tile of a name.
        tiles: The tiles that were asked today.
        kept: What the network answered to them.
        classes: Number of classes of the model.
        pixel_type: Its pixel type.
        scaled: Whether its metadata asks for intensities scaled to 0..1.
        precision: What its network computes in. In half precision a probability may change by
            more, unless the baseline has a tolerance of its own.

    Returns:
        How far they are apart.

    Raises:
        IncompleteError: This version of czcheck asks other tiles than the baseline's.
    """
    by_name = {tile.name: tile for tile in tiles}
    asked = next(iter(by_name.values())).pixels.shape if by_name else (0, 0, 0)
    then = (baseline.height, baseline.width, baseline.channels)
    if asked != then:
        other = f"its tiles are {_sizes(then)}, those of the model {_sizes(asked)}"
        return BaselineComparison(baseline, other)
    if classes != len(baseline.classes):
        other = f"it has {len(baseline.classes)} classes, the model {classes}"
        return BaselineComparison(baseline, other)
    if pixel_type != baseline.pixel_type:
        other = f"its pixel type is {baseline.pixel_type}, that of the model {pixel_type}"
        return BaselineComparison(baseline, other)
    if scaled != baseline.scaled:
        ranges = ("raw", "scaled to 0..1")
        other = (
            f"its intensities are {ranges[baseline.scaled]}, those of the model {ranges[scaled]}"
        )
        return BaselineComparison(baseline, other)
    rounding = DEFAULT_TOLERANCES.at(precision).runtime_raw
    allowed = baseline.tolerances.max_change
    if allowed == RAW_TOLERANCE:
        allowed = rounding
    compared = []
    overlap, total = [0.0] * classes, [0] * classes
    for golden in baseline.tiles:
        tile = by_name.get(golden.name)
        if tile is None or golden.name not in kept or not _is_same(tile, golden):
            raise IncompleteError(
                f"{baseline.path}: the tile {golden.name} of czcheck {baseline.czcheck}, which "
                "made the baseline, is not the one of this czcheck; make the baseline anew"
            )
        tie = min(allowed, rounding)
        found = compare(golden_output(golden.name), kept[golden.name], tie)
        compared.append(TileComparison(golden.name, allowed, found, precision))
        for label, (both, either) in enumerate(found.overlap):
            overlap[label] += both
            total[label] += either
    dice = tuple(2 * a / b if b else None for a, b in zip(overlap, total, strict=True))
    return BaselineComparison(baseline, None, tuple(compared), dice)


def _is_same(tile: Tile, golden: GoldenTile) -> bool:
    """Whether a tile is the one that was asked then, but for the last digits of other machines."""
    means = block_means(tile.pixels)
    room = _MEAN_TOLERANCE * max(1e-9, *(abs(mean) for mean in means))
    return len(means) == len(golden.means) and all(
        abs(now - then) <= room for now, then in zip(means, golden.means, strict=True)
    )


def _sizes(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape)
