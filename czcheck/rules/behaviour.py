"""CZ4xx: which changes of the input affect the output, and how far the border reaches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, Severity, TilePixel
from czcheck.runtime.measure import variations as ways
from czcheck.text import count, first_of, listed, rounded_percent

if TYPE_CHECKING:
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.runtime.measure.agreement import Agreement
    from czcheck.runtime.measure.borders import ReachRecord
    from czcheck.runtime.record import RunRecord
    from czcheck.tolerances import Tolerances

_SOUND = ("CZ405", "CZ406", "CZ407")
_STEADY = (*_SOUND, "CZ411")
_MANY = 4


@rule("CZ409", severity=Severity.NOTE, level=Level.RUN, requires=_SOUND)
def every_class_wins_somewhere(run: RunRecord, metadata: ModelMetadata) -> Iterator[Found]:
    """A class is never the most probable one.

    Says: No pixel of any of the {count} test tiles is assigned to {classes}.
    Why: Test tiles need not show every class, so this may be right; but a class that no pixel is
        ever assigned to was missing in training, or the classes are listed in another order than
        the network's channels.
    Fix: Run `czcheck verify --tiles` with images that show this class, and compare the order of
        the classes with that of the network's outputs.
    Format: 2, N10
    """
    won = _won(run)
    if not won or _constant(run) is not None:  # CZ410 says more
        return
    missing = [number for number in range(len(won[0])) if not any(each[number] for each in won)]
    if missing:
        names = [_class_name(metadata, number) for number in missing]
        yield Found(count=len(won), classes=_listed(names))


@rule("CZ410", severity=Severity.WARNING, level=Level.RUN, requires=_SOUND)
def answer_is_not_constant(run: RunRecord, metadata: ModelMetadata) -> Iterator[Found]:
    """The prediction is one class everywhere.

    Says: Every pixel of every natural tile ({tiles}) is assigned to {name}.
    Why: A network that distinguishes nothing is untrained, was saved without its weights, or
        expects another range of intensities.
    Fix: Run `czcheck verify --tiles` with images of the kind that the network was trained on; if
        the prediction stays the same, scale the intensities inside the network, and check that the
        saved weights are the trained ones.
    Format: 2, N16; 2, N20
    """
    number = _constant(run)
    if number is not None:
        tiles = [f"`{each.tile}`" for each in run.answers if each.natural]
        yield Found(
            TilePixel(tiles[0].strip("`")),
            tiles=_listed(tiles),
            name=_class_name(metadata, number),
        )


@rule("CZ411", severity=Severity.WARNING, level=Level.RUN, requires=_SOUND)
def answer_is_repeatable(run: RunRecord, tolerances: Tolerances) -> Iterator[Found]:
    """The output is not repeatable.

    Says: The output for the tile `{tile}` differs {how}: {what}.
    Why: A segmentation made with this model cannot be reproduced, and neighbouring tiles do not fit
        together.
    Fix: Export the network in inference mode (`training=False`): without dropout, noise, random
        augmentation or pooling, and with batch normalisation by its learnt statistics.
    Format: 2, N19
    """
    found = run.behaviour
    if found is None:
        return
    for agreement, how in ((found.again, ways.AGAIN), (found.fresh, ways.FRESH)):
        if agreement is not None and agreement.difference > tolerances.repeat:
            what = "labels change" if agreement.share < 1 else "probabilities change"
            other = ways.variation(found.tile, how)
            yield Found(TilePixel(found.tile), tile=found.tile, how=how, what=what, other=other)


@rule("CZ412", severity=Severity.WARNING, level=Level.RUN, requires=_STEADY)
def answer_does_not_depend_on_the_batch(run: RunRecord, tolerances: Tolerances) -> Iterator[Found]:
    """The output depends on the batch.

    Says: The output for the tile `{tile}` differs in a batch with another tile: {what}.
    Why: ZEN sends one tile at a time; the output then differs from that in the batches of training.
        Batch normalisation in training mode causes this.
    Fix: Export the network in inference mode (`training=False`), and compute no statistics over the
        first axis; declare a batch of 1 for a network that is made for single tiles.
    Format: 2, N5; 2, N19
    """
    found = run.behaviour
    if found is None:
        return
    at, other = TilePixel(found.tile), ways.variation(found.tile, ways.BATCH)
    if found.batch_failure is not None:
        what = f"the network fails, {found.batch_failure}"
        yield Found(at, tile=found.tile, what=what, other=other)
    elif found.batch is not None and _moved_by_batch(found.batch, tolerances):
        yield Found(at, tile=found.tile, what=_change(found.batch), other=other)


@rule("CZ419", severity=Severity.NOTE, level=Level.RUN, requires=_STEADY)
def range_of_intensities_does_not_matter(
    run: RunRecord, metadata: ModelMetadata, tolerances: Tolerances
) -> Iterator[Found]:
    """The output depends on the range of intensities.

    Says: For the tile `{tile}`, raw intensities (0 to {top}) give {raw}, intensities scaled to 0 to
        1 give {scaled}; {equal} of the labels are equal.
    Why: The metadata does not state which of the two the network receives, and programs differ:
        some pass raw intensities, some divide by the largest value of the PixelType.
    Fix: Make the network independent of the range, by standardising each tile inside it, or declare
        the range that it was trained on with the element ScaleInputsByBitdepth, for programs that
        read it.
    Format: 2, N16
    """
    found = run.behaviour
    if found is None or found.scaled is None or metadata.scale_inputs_by_bitdepth is not None:
        return
    if found.scaled.share < tolerances.label_agreement:
        yield Found(
            TilePixel(found.tile),
            tile=found.tile,
            top=metadata.pixel_type.maximum,
            raw=_shares(metadata, found.labels),
            scaled=_shares(metadata, found.scaled.won),
            equal=rounded_percent(found.scaled.share),
            other=ways.variation(found.tile, ways.SCALED),
        )


@rule("CZ420", severity=Severity.NOTE, level=Level.RUN, requires=_STEADY)
def order_of_colours_does_not_matter(run: RunRecord, tolerances: Tolerances) -> Iterator[Found]:
    """The output depends on the order of the colours.

    Says: With red and blue exchanged, {changed} of the labels of the tile `{tile}` change.
    Why: ZEN passes blue, green, red; most networks are trained on red, green, blue. Whether this
        one reverses the order itself cannot be seen from its output.
    Fix: Run `czcheck verify --tiles` with an image whose segmentation you know; if it is wrong, put
        a layer that reverses the channels (`RgbToBgr`) before the network.
    Format: 2, N13
    """
    found = run.behaviour
    if found is None or found.colours is None:
        return
    if found.colours.share < tolerances.label_agreement:
        yield Found(
            TilePixel(found.tile),
            tile=found.tile,
            changed=rounded_percent(1 - found.colours.share),
            other=ways.variation(found.tile, ways.COLOURS),
        )


@rule("CZ421", severity=Severity.ERROR, level=Level.RUN, requires=_STEADY)
def answer_lies_as_the_tile(run: RunRecord) -> Iterator[Found]:
    """The output is rotated or mirrored.

    Says: The output is {way}, as shown by moving the content of the tile `{tile}`.
    Why: The labels are not where the objects are; assembled from tiles, the segmentation is
        scrambled.
    Fix: Look for a transposition, a flip or a reshape with height and width exchanged at the head
        or the end of the network, left over from training on images that were read in another
        order.
    Format: 2, N6; 2, N9
    """
    found = run.behaviour
    if found is not None and found.orientation is not None and found.orientation.wrong:
        yield Found(
            TilePixel(found.tile),
            tile=found.tile,
            way=found.orientation.way,
            other=ways.variation(found.tile, ways.MOVED),
        )


def _moved_by_batch(batch: Agreement, tolerances: Tolerances) -> bool:
    labels_change = batch.share < tolerances.label_agreement
    return batch.difference > (tolerances.batch if labels_change else tolerances.batch_limit)


def _won(run: RunRecord) -> list[tuple[int, ...]]:
    """For each tile, how many pixels each class is the most probable one of."""
    return [each.statistics.classes_won for each in run.answers if each.statistics is not None]


def _constant(run: RunRecord) -> int | None:
    """The class that is most probable everywhere on all natural tiles, if there is one."""
    natural = [
        each.statistics.classes_won
        for each in run.answers
        if each.natural and each.statistics is not None
    ]
    totals = [sum(each) for each in zip(*natural, strict=True)]
    winners = [number for number, total in enumerate(totals) if total]
    return winners[0] if len(totals) > 1 and len(winners) == 1 else None


def _class_name(metadata: ModelMetadata, number: int) -> str:
    return f"`{metadata.classes[number].name}`"


def _listed(names: Sequence[str]) -> str:
    """Names in words; of many, the first ones."""
    return listed(names) if len(names) <= _MANY else first_of(names, _MANY)


def _shares(metadata: ModelMetadata, won: Sequence[int]) -> str:
    """The share of a tile that is assigned to each class, the largest first."""
    total = sum(won)
    order = sorted((number for number in range(len(won)) if won[number]), key=lambda n: -won[n])
    parts = [f"{rounded_percent(won[n] / total)} {_class_name(metadata, n)}" for n in order]
    return _listed(parts) if parts else "no labels"


def _change(agreement: Agreement) -> str:
    if not math.isfinite(agreement.difference):
        return "it has another shape, or is not a number"
    largest = f"probabilities change by up to {agreement.difference:.1g}"
    if agreement.labels_equal == agreement.pixels:
        return f"{largest}, labels do not"
    return f"{rounded_percent(1 - agreement.share)} of the labels change, {largest}"


_WARNING, _NOTE, _RUN = Severity.WARNING, Severity.NOTE, Level.RUN
# A network that draws lots has no reach to speak of.


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
    found, recommended = reach.at(tolerance), reach.recommended
    advice = "no border that fits the tile is enough"
    if recommended is not None:
        cost = rounded_percent(reach.cost_of(recommended))
        advice = f"{recommended} is enough and costs {cost} of each tile"
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
