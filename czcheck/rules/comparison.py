"""CZ42x: outputs compared with those of another runtime and with a baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.changes.outputs import worst_of
from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, Severity, TilePixel
from czcheck.text import percent, tiles_in_words
from czcheck.tolerances import reason_for

if TYPE_CHECKING:
    from czcheck.runtime.baseline import BaselineComparison
    from czcheck.runtime.compare import RuntimeComparison, TileComparison
    from czcheck.runtime.record import RunRecord

# Without a finite output of the right shape and type there is nothing to compare.
_OUTPUTS_ARE_VALID = ("CZ403", "CZ404", "CZ405")


@rule("CZ424", severity=Severity.ERROR, level=Level.RUN, requires=_OUTPUTS_ARE_VALID)
def answers_are_the_same_elsewhere(run: RunRecord, elsewhere: RuntimeComparison) -> Iterator[Found]:
    """The outputs differ in the other runtime.

    Says: TensorFlow {there} (Python {python}) gives other outputs for {tiles} than TensorFlow
        {here}: {difference}.
    Why: The model was checked in one runtime and is used in another; if their outputs differ, the
        check says nothing about the use.
    Fix: Look for an operation whose meaning depends on the version (resizing, random numbers,
        training mode) and replace it; `czcheck build` writes a network that TensorFlow 2.0.0 runs
        and proves that its outputs are the same.
    Format: 2, N2; 2, N11
    Example: [tile noise, row 3, column 4, channel 1] TensorFlow 2.0.0 (Python 3.7.16) gives other
        outputs for the tiles `nuclei` and `noise` than TensorFlow 2.21.0: 2.5 % of the labels of
        `noise` change, and a probability changes by 0.6 at row 3, column 4, channel 1 of `noise`
        (allowed: at most 0.001).
    """
    bad = [tile for tile in elsewhere.tiles if tile.differs]
    if bad:
        worst = worst_of(bad)
        yield Found(
            place_of(worst),
            here=run.environment.tensorflow,
            there=elsewhere.environment.tensorflow,
            python=elsewhere.environment.python,
            tiles=tiles_in_words(tile.tile for tile in bad),
            difference=(
                (f"{labels_in_words(worst)}, and " if worst.comparison.labels else "")
                + f"{change_in_words(worst)} ({allowed_in_words(worst)})"
            ),
        )


@rule("CZ425", severity=Severity.ERROR, level=Level.RUN, requires=_OUTPUTS_ARE_VALID)
def network_runs_elsewhere(elsewhere: RuntimeComparison) -> Iterator[Found]:
    """The network does not run in the other runtime.

    Says: TensorFlow {there} (Python {python}) {what}: {reason}.
    Why: A runtime that cannot load or run the network cannot segment with it, even if the runtime
        that exported it can.
    Fix: Lower the network with `czcheck build`, which leaves only what TensorFlow 2.0.0 knows;
        replace operations that the network itself needs by older ones.
    Format: 2, N2
    Example: TensorFlow 2.0.0 (Python 3.7.16) cannot load the network: Op type not registered
        'DisableCopyOnRead' in binary.
    """
    environment = elsewhere.environment
    reasons: dict[tuple[str, str], list[str]] = {}
    for failure in elsewhere.failures:
        reasons.setdefault((failure.phase, failure.reason), []).append(str(failure.tile))
    for (phase, reason), tiles in reasons.items():
        what = {"load": "cannot load the network", "exit": "does not exit properly"}.get(
            phase, f"fails on {tiles_in_words(tiles)}"
        )
        yield Found(
            TilePixel(tiles[0]) if phase == "predict" else None,
            there=environment.tensorflow,
            python=environment.python,
            what=what,
            reason=reason,
        )


@rule("CZ426", severity=Severity.ERROR, level=Level.RUN, requires=_OUTPUTS_ARE_VALID)
def answers_are_those_of_the_baseline(baseline: BaselineComparison) -> Iterator[Found]:
    """The outputs differ from the baseline.

    Says: The outputs differ from those of the baseline (model {model}): {difference}.
    Why: The baseline stores the outputs that were accepted before; a model with other outputs
        segments differently, intended or not.
    Fix: If the change is intended, inspect its results and make a new baseline with `czcheck
        baseline`; if not, look for what changed in training, weights, preprocessing or export.
    Format: 2, N11
    """
    golden = baseline.baseline
    if baseline.other is not None:
        yield Found(model=golden.model_id, difference=baseline.other)
        return
    allowed = golden.tolerances
    relabelled = [
        tile for tile in baseline.tiles if tile.comparison.agreement < allowed.min_agreement
    ]
    changed = [tile for tile in baseline.tiles if tile.comparison.change > tile.tolerance]
    parts = []
    if relabelled:
        most = f"at most {percent(1 - allowed.min_agreement)}"
        parts.append(f"{labels_in_words(worst_of(relabelled))} (allowed: {most})")
    if changed:
        worst = worst_of(changed)
        parts.append(f"{change_in_words(worst)} ({allowed_in_words(worst)})")
    parts.extend(
        f"the Dice coefficient of the class `{name}` is {dice:.3g} (allowed: at least "
        f"{allowed.min_dice:g})"
        for name, dice in zip(golden.classes, baseline.dice, strict=False)
        if dice is not None and dice < allowed.min_dice
    )
    if parts:
        bad = [tile for tile in baseline.tiles if tile in relabelled or tile in changed]
        where = f"on {tiles_in_words(tile.tile for tile in bad)}, " if len(bad) > 1 else ""
        worst = worst_of(relabelled or changed or list(baseline.tiles))
        yield Found(place_of(worst), model=golden.model_id, difference=where + "; ".join(parts))


def place_of(tile: TileComparison) -> TilePixel:
    """The pixel whose probability changed most; the tile where there is none."""
    at = tile.comparison.at
    if at is None:
        return TilePixel(tile.tile)
    return TilePixel(tile.tile, at.row, at.column, at.channel)


def labels_in_words(tile: TileComparison) -> str:
    """How many labels of a tile changed."""
    found = tile.comparison
    return f"{percent(1 - found.agreement, 2)} of the labels of `{tile.tile}` change"


def allowed_in_words(tile: TileComparison) -> str:
    """How far a probability may change, and why that far where the network is a coarse one."""
    return f"allowed: at most {tile.tolerance:g}{reason_for(tile.precision)}"


def change_in_words(tile: TileComparison) -> str:
    """By how much a probability changed, and where."""
    found = tile.comparison
    if found.at is None:
        return "the output has another shape"
    return (
        f"a probability changes by {found.change:.2g} at row {found.at.row}, column "
        f"{found.at.column}, channel {found.at.channel} of `{tile.tile}`"
    )
