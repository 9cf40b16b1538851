"""How far answers may be off before it is a finding."""

from __future__ import annotations

from dataclasses import dataclass

# What float32 itself does to a network with batch normalisation on raw intensities, with room.
RAW_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Tolerances:
    """Thresholds of the rules about answers. The configuration may set each of them.

    Attributes:
        range: How far a probability may lie outside 0..1 (CZ406); a softmax stays within 2e-7.
        sum: How far the probabilities of a pixel may sum to something else than 1 (CZ407).
        sum_noted: The same, above which it is noted (CZ408).
        repeat: Change of a probability when the same tile is asked again (CZ411). Of one machine,
            one process: anything above 1e-5 is no rounding.
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


DEFAULT_TOLERANCES = Tolerances()
