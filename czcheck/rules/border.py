"""CZ4xx, further part: how far the border reaches, and whether tiles fit together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, Severity, TilePixel
from czcheck.text import count, rounded_percent

if TYPE_CHECKING:
    from czcheck.runtime.measure.borders import ReachRecord
    from czcheck.runtime.record import RunRecord
    from czcheck.tolerances import Tolerances

_WARNING, _NOTE, _RUN = Severity.WARNING, Severity.NOTE, Level.RUN
# A network that draws lots has no reach to speak of.
_STEADY = ("CZ405", "CZ406", "CZ407", "CZ411")


@rule("CZ413", severity=_WARNING, level=_RUN, requires=_STEADY)
def border_hides_seams(borders: RunRecord, tolerances: Tolerances) -> Iterator[Found]:
    """The border is too small: seams between tiles are visible.

    Says: BorderSize is {declared}, but the surroundings of a tile change probabilities by up to
        {measured} that far from the edge, and by more than {tolerance} up to {reach};
        {recommended}.
    Why: Neighbouring tiles differ where they meet, so objects are cut or doubled along a grid of
        lines.
    Fix: Declare the recommended BorderSize, with a larger tile if too little of it is left.
    Format: 2, N15
    """
    reach = borders.reach
    if reach is not None and _is_below(reach, tolerances.seam):
        yield _too_small(reach, tolerances.seam)


@rule("CZ414", severity=_NOTE, level=_RUN, requires=_STEADY)
def border_hides_traces(borders: RunRecord, tolerances: Tolerances) -> Iterator[Found]:
    """The border leaves faint traces of the tiles.

    Says: BorderSize is {declared}, but the surroundings of a tile change probabilities by up to
        {measured} that far from the edge, and by more than {tolerance} up to {reach};
        {recommended}.
    Why: Classes change only where two of them are about equally probable; confidence maps show
        faint lines.
    Fix: Declare the recommended BorderSize if such traces matter.
    Format: 2, N15
    """
    reach = borders.reach
    if (
        reach is not None
        and _is_below(reach, tolerances.faint)
        and not _is_below(reach, tolerances.seam)
    ):
        yield _too_small(reach, tolerances.faint)


def _is_below(reach: ReachRecord, tolerance: float) -> bool:
    """Whether the declared border is smaller than the reach at a tolerance."""
    found = reach.at(tolerance)
    if found is not None:
        return reach.declared < found
    # CZ417 tells where a change never settles because the network is global.
    return reach.kind != "global-inside"


def _too_small(reach: ReachRecord, tolerance: float) -> Found:
    found, wanted = reach.at(tolerance), reach.recommended
    advice = "no border that fits the tile is enough"
    if wanted is not None:
        advice = (
            f"{wanted} is enough and costs {rounded_percent(reach.cost_of(wanted))} of each tile"
        )
    return Found(
        TilePixel(reach.asked),
        declared=reach.declared,
        measured="any amount" if reach.change is None else f"{reach.change:.2g}",
        tolerance=f"{tolerance:g}",
        reach="the middle of the tile" if found is None else f"{count(found, 'pixel')} from it",
        recommended=advice,
    )


@rule("CZ415", severity=_NOTE, level=_RUN, requires=_STEADY)
def border_is_no_larger_than_needed(borders: RunRecord, tolerances: Tolerances) -> Iterator[Found]:
    """The border is far larger than the network's reach.

    Says: BorderSize is {declared}, but the network reaches no farther than {bound}: {waste} of each
        tile is computed and discarded, where {enough} would suffice.
    Why: Every image takes longer to segment than necessary; the result is the same.
    Fix: Set BorderSize to the network's reach in pixels.
    Format: 2, N15
    """
    reach = borders.reach
    bound = None if reach is None else reach.static.largest
    if reach is None or bound is None or reach.kind not in ("local", "global-input"):
        return
    waste, enough = reach.cost_of(reach.declared), reach.cost_of(bound)
    if (
        reach.declared > bound + tolerances.border_spare
        and waste - enough > tolerances.border_waste
    ):
        yield Found(
            declared=reach.declared,
            bound=count(bound, "pixel"),
            waste=rounded_percent(waste),
            enough=rounded_percent(enough),
        )


@rule("CZ416", severity=_NOTE, level=_RUN, requires=_STEADY)
def answer_does_not_depend_on_input_statistics(
    borders: RunRecord, tolerances: Tolerances
) -> Iterator[Found]:
    """The output depends on whole-tile statistics.

    Says: Every pixel's output depends on statistics of the whole tile{cause}; what is near the
        tile's edges changes probabilities in the middle by up to {measured}.
    Why: The same pixel gets other probabilities in another tile, whatever the border: brightness
        and contrast of the rest of the tile affect them.
    Fix: Nothing, if images are evenly bright; otherwise scale by fixed numbers instead of the
        tile's own mean and deviation.
    Format: 2, N14
    """
    reach = borders.reach
    if reach is not None and reach.kind == "global-input" and reach.plateau > tolerances.faint:
        yield _global(reach)


@rule("CZ417", severity=_WARNING, level=_RUN, requires=_STEADY)
def tiling_can_be_exact(borders: RunRecord, tolerances: Tolerances) -> Iterator[Found]:
    """No border makes tiles fit together.

    Says: The network looks at the whole tile at once{cause}; what is near its edges or beyond
        changes probabilities in the middle by up to {measured}, whatever the border.
    Why: Neighbouring tiles differ along their seams by about as much.
    Fix: Train with batch normalisation instead of instance or group normalisation, and without
        pooling over the whole tile; or make the tile as large as memory allows.
    Format: 2, N14
    """
    reach = borders.reach
    if reach is not None and reach.kind == "global-inside" and reach.plateau > tolerances.faint:
        yield _global(reach)


def _global(reach: ReachRecord) -> Found:
    node = reach.static.because if reach.static.kind == reach.kind else None
    return Found(
        TilePixel(reach.asked_far),
        cause="" if node is None else f" (operation {node.op}, node {node.name})",
        measured=f"{reach.plateau:.2g}",
    )


@rule("CZ418", severity=_NOTE, level=_RUN, requires=_STEADY)
def answer_does_not_depend_on_the_origin(
    borders: RunRecord, tolerances: Tolerances
) -> Iterator[Found]:
    """The output depends on where a tile begins.

    Says: Far from every edge, probabilities change by up to {measured} when the tile begins
        {offset} further down and to the right, which is not a multiple of the network's stride of
        {stride}.
    Why: Pooling and strides divide the tile into blocks, counted from its own corner. ZEN places
        tiles without regard to these blocks, so two tiles may differ along their seam, and a
        cropped image gets other results.
    Fix: Nothing has to be done; training with shifted images reduces it, as does pooling after
        blurring instead of taking the largest value.
    Format: 2, N14
    """
    offsets = borders.offsets
    if offsets is None or offsets.change <= tolerances.seam or offsets.change <= 2 * offsets.usual:
        return
    yield Found(
        TilePixel(offsets.tile),
        measured=f"{offsets.change:.2g}",
        offset=count(offsets.offset, "pixel"),
        stride=count(offsets.stride, "pixel"),
    )
