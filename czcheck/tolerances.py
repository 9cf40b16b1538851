"""How far outputs may be off before it is a finding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

# What float32 itself does to a network with batch normalisation on raw intensities, with room.
RAW_TOLERANCE = 1e-3


class Rounding(NamedTuple):
    """What rounding alone does to probabilities in a type of few digits, with room.

    Attributes:
        scaled: Largest change on tiles scaled to 0..1.
        raw: The same on tiles in the raw range.
    """

    scaled: float
    raw: float


HALF = {"float16": Rounding(2e-3, 3e-2), "bfloat16": Rounding(1e-2, 1e-1)}
"""By the type that a network computes in. U-Nets of three levels (plain, grouped, bilinear, layer
normalisation) in mixed precision, tiles of 128 x 128, TensorFlow 2.21 with oneDNN's kernels and
with its own against 2.0.0: float16 changed by up to 9e-4 on 0 to 1 and 6e-3 on 0 to 255, bfloat16
by 2e-3 and 3.1e-2. On 0 to 65535 both are at the end of their means, up to 0.4 and 1: where such a
network does not standardise its input, nobody can tell what it computes."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """Thresholds of the rules about outputs. The configuration may set each of them.

    Attributes:
        range: How far a probability may lie outside 0..1 (CZ406); a softmax stays within 2e-7.
        sum: How far the probabilities of a pixel may sum to something else than 1 (CZ407).
        sum_noted: The same, above which it is noted (CZ408).
        repeat: Change of a probability when the same tile is run again (CZ411). Of one machine,
            one process: anything above 1e-5 is no rounding. Threads may add up in another order;
            what is next to nothing in float32 can be a whole step in half precision.
        batch: Change of a probability in a batch where labels change as well (CZ412). Float32
            itself moves a network with batch normalisation by 1.3e-4 on intensities of 0 to 255,
            and further on larger ones; it does not change labels.
        batch_limit: The same where no labels change (CZ412).
        label_agreement: Share of the labels that has to be equal for a network not to mind a
            change, 0..1 (CZ412, CZ419, CZ420).
        seam: Change of a probability that is seen as a seam between tiles (CZ413, CZ418).
        faint: Change of a probability that is worth telling (CZ414, CZ416, CZ417); the recommended
            BorderSize keeps changes below it.
        border_spare: Pixels that a border may have above the network's reach (CZ415).
        border_waste: Part of each tile that a border may throw away for nothing, 0..1 (CZ415).
        runtime_scaled: Change of a probability in another runtime, on tiles scaled to 0..1 (CZ424).
        runtime_raw: The same on tiles in the raw range (CZ424).
        baseline_change: Change of a probability against the baseline (CZ426); None for what the
            baseline itself allows.
        baseline_agreement: Smallest share of equal labels in a tile, 0..1 (CZ426); None likewise.
        baseline_dice: Smallest Dice coefficient of a class, 0..1 (CZ426); None likewise.
    """

    range: float = 1e-6
    sum: float = 1e-3
    sum_noted: float = 1e-5
    repeat: float = 1e-5
    batch: float = 1e-3
    batch_limit: float = 1e-2
    label_agreement: float = 0.999
    seam: float = 1e-2
    faint: float = 1e-3
    border_spare: int = 8
    border_waste: float = 0.1
    runtime_scaled: float = 1e-5
    runtime_raw: float = RAW_TOLERANCE
    baseline_change: float | None = None
    baseline_agreement: float | None = None
    baseline_dice: float | None = None

    def at(self, precision: str) -> Tolerances:
        """The tolerances for a network that computes in a type of few digits.

        Args:
            precision: `float32`, `float16` or `bfloat16`, see `Network.precision`.

        Returns:
            These, and in half precision wider ones for comparisons of two outputs: as far as they
            are not set to something else than their defaults.
        """
        if precision not in HALF:
            return self
        scaled, raw = HALF[precision]
        plain = DEFAULT_TOLERANCES
        return replace(
            self,
            repeat=scaled if self.repeat == plain.repeat else self.repeat,
            batch=raw if self.batch == plain.batch else self.batch,
            batch_limit=raw if self.batch_limit == plain.batch_limit else self.batch_limit,
            runtime_scaled=(
                scaled if self.runtime_scaled == plain.runtime_scaled else self.runtime_scaled
            ),
            runtime_raw=raw if self.runtime_raw == plain.runtime_raw else self.runtime_raw,
        )


def coarser(one: str, other: str) -> str:
    """The one of two precisions, see `Network.precision`, that has fewer digits."""
    return max(one, other, key=("float32", *HALF).index)


def reason_for(precision: str) -> str:
    """Why a tolerance is as wide as it is, to stand behind it; empty in float32.

    Args:
        precision: `float32`, `float16` or `bfloat16`.
    """
    return f", as the network computes in {precision}" if precision in HALF else ""


DEFAULT_TOLERANCES = Tolerances()
