"""What running a network costs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from czcheck.runtime.output_statistics import TileOutput
    from czcheck.runtime.outputs import LoadRecord

MEGA = 1_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """Time and memory of one run. Seconds are of the wall clock, within the network's process.

    Attributes:
        load_seconds: Time to load the network.
        first_tile_seconds: Time of the first tile, in which TensorFlow prepares the graph.
        tile_seconds: Median over the other tiles; None where there was only one.
        megapixel_seconds: The same for a million pixels.
        peak_bytes: The most memory that the process has had in use, TensorFlow's own 0.5 GB
            included; None where that is not known.
    """

    load_seconds: float
    first_tile_seconds: float
    tile_seconds: float | None
    megapixel_seconds: float | None
    peak_bytes: int | None

    def to_json(self) -> dict[str, Any]:
        """Plain data, as the report holds it."""
        return {
            "load_seconds": round(self.load_seconds, 4),
            "first_tile_seconds": round(self.first_tile_seconds, 4),
            "tile_seconds": _rounded(self.tile_seconds),
            "megapixel_seconds": _rounded(self.megapixel_seconds),
            "peak_bytes": self.peak_bytes,
        }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


def cost_of(load: LoadRecord, answers: Sequence[TileOutput], peak_bytes: int) -> Cost | None:
    """Add up the cost of a run.

    Args:
        load: How the network was loaded.
        answers: Its answers to single tiles, in the order in which they were asked.
        peak_bytes: The most memory that its process has had in use; 0 if unknown.

    Returns:
        The cost; None where no tile was answered.
    """
    if not answers:
        return None
    later = [answer.seconds for answer in answers[1:]]
    typical = statistics.median(later) if later else None
    _, height, width, _ = answers[0].expected
    return Cost(
        load_seconds=load.seconds,
        first_tile_seconds=answers[0].seconds,
        tile_seconds=typical,
        megapixel_seconds=None if typical is None else typical * MEGA / (height * width),
        peak_bytes=peak_bytes or None,
    )
