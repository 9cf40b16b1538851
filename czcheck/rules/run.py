"""CZ4xx: what the network does when it runs, and what that costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from czcheck.limits import GIB
from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, Severity, TilePixel
from czcheck.text import tiles_in_words

if TYPE_CHECKING:
    from czcheck.network.reach import StaticCost
    from czcheck.runtime.limits import Budgets
    from czcheck.runtime.output_statistics import Pixel, Statistics, TileOutput
    from czcheck.runtime.record import RunRecord
    from czcheck.tolerances import Tolerances

_RUNNABLE = ("CZ301", "CZ302", "CZ303", "CZ304", "CZ305", "CZ306", "CZ307", "CZ317")
# What the static scan refuses is never loaded.
_HARMLESS = ("CZ330", "CZ331", "CZ332", "CZ333", "CZ335")
# Values are measured only where they are numbers, one for each class and pixel.
_COMPARABLE = ("CZ403", "CZ404")


@rule("CZ401", severity=Severity.ERROR, level=Level.RUN, requires=_RUNNABLE + _HARMLESS)
def network_loads(run: RunRecord) -> Iterator[Found]:
    """The network cannot be loaded.

    Says: TensorFlow cannot load the network: {reason}.
    Why: ZEN refuses the model on import, or fails when it first segments an image.
    Fix: Load the SavedModel in the TensorFlow that wrote it; if that works, export it again and
        build the archive from it with `czcheck build`.
    Format: 2, N1; 1.5
    """
    for failure in run.all_failures:
        if failure.phase == "load":
            yield Found(reason=failure.reason, kind=failure.kind)


@rule("CZ402", severity=Severity.ERROR, level=Level.RUN, requires=("CZ401",))
def every_tile_is_answered(run: RunRecord) -> Iterator[Found]:
    """The network fails on a tile.

    Says: The network fails on {tiles}: {reason}.
    Why: An image with such a region cannot be segmented; the segmentation stops with an error.
    Fix: Run the network in TensorFlow on one tile of this kind, batch 1, float32 in the raw range
        of the PixelType, and fix what fails: an assertion, a hard-coded size, an endless loop, or
        more memory than 8 GB for one tile.
    Format: 2, N8; 2, N9; 2, N16
    """
    reasons: dict[tuple[str, str], list[str]] = {}
    for failure in run.all_failures:
        if failure.phase == "predict":
            tiles = reasons.setdefault((failure.kind, failure.reason), [])
            tiles.append(str(failure.tile))
        elif failure.phase == "exit":
            yield Found(tiles="exit, after all tiles", kind=failure.kind, reason=failure.reason)
    for (kind, reason), tiles in reasons.items():
        yield Found(TilePixel(tiles[0]), tiles=tiles_in_words(tiles), kind=kind, reason=reason)


@rule("CZ403", severity=Severity.ERROR, level=Level.RUN, requires=("CZ311", "CZ312", "CZ402"))
def answer_has_the_tile_s_shape(run: RunRecord) -> Iterator[Found]:
    """The output does not have the shape of the tile.

    Says: The output for {tiles} has the shape {shape}, not {expected}: batch, height, width and
        classes.
    Why: ZEN places the output where the tile was and reads one probability for each class at each
        pixel; an output of another size cannot be placed.
    Fix: Let the network end in one channel for each class at the tile's own height and width:
        convolutions with padding `same`, as much up-sampling as down-sampling, and a tile size
        that is a multiple of the network's stride.
    Format: 2, N9; 2, N10
    """
    shapes: dict[tuple[tuple[int, ...], tuple[int, ...]], list[str]] = {}
    for output in run.answers:
        if output.shape != output.expected:
            shapes.setdefault((output.shape, output.expected), []).append(output.tile)
    for (shape, expected), tiles in shapes.items():
        yield Found(
            TilePixel(tiles[0]),
            tiles=tiles_in_words(tiles),
            shape=_shape(shape),
            expected=_shape(expected),
        )


@rule("CZ404", severity=Severity.ERROR, level=Level.RUN, requires=("CZ309", "CZ402"))
def answer_is_float32(run: RunRecord) -> Iterator[Found]:
    """The output is not float32.

    Says: The output for {tiles} is of type {dtype}, not float32.
    Why: ZEN reads the output as 32-bit floating-point probabilities.
    Fix: End the network in a cast to float32; a network trained in mixed precision needs its last
        layer in float32.
    Format: 2, N11
    """
    dtypes: dict[str, list[str]] = {}
    for output in run.answers:
        if output.dtype != "float32":
            dtypes.setdefault(output.dtype, []).append(output.tile)
    for dtype, tiles in dtypes.items():
        yield Found(TilePixel(tiles[0]), tiles=tiles_in_words(tiles), dtype=dtype)


@rule("CZ405", severity=Severity.ERROR, level=Level.RUN, requires=_COMPARABLE)
def answer_is_finite(run: RunRecord) -> Iterator[Found]:
    """The output contains NaN or infinity.

    Says: The output for {tiles} is not a number everywhere: {value} at row {row}, column {column},
        channel {channel} of `{tile}`, {count} such values in that tile.
    Why: ZEN cannot choose a class at these pixels; one NaN in a layer with statistics spreads over
        the whole tile.
    Fix: Look for a division by a standard deviation or sum that can be 0 (a tile of one value), a
        logarithm or root of 0, and an exponential of raw intensities; add a small constant or
        scale the input inside the network.
    Format: 2, N11; 2, N16
    """
    bad = [
        (output, values) for output, values in _measured(run) if values.first_non_finite is not None
    ]
    if bad:
        output, values = max(bad, key=lambda each: each[1].non_finite)
        first = values.first_non_finite
        assert first is not None
        yield _at(output, first, [each for each, _ in bad], count=values.non_finite)


@rule("CZ406", severity=Severity.ERROR, level=Level.RUN, requires=_COMPARABLE)
def answer_is_within_0_and_1(run: RunRecord, tolerances: Tolerances) -> Iterator[Found]:
    """The output is outside the range from 0 to 1.

    Says: The output for {tiles} is not within 0 and 1: {value} at row {row}, column {column},
        channel {channel} of `{tile}`.
    Why: ZEN reads the values as probabilities; with others the confidence threshold is meaningless
        and classes may be chosen wrongly.
    Fix: End the network in a softmax over the classes; logits, logarithms of probabilities and
        values of 0 to 255 are not probabilities.
    Format: 2, N11
    """
    bad = [
        (output, pixel)
        for output, values in _measured(run)
        for pixel in _outside(values, tolerances)
    ]
    if bad:
        output, pixel = max(bad, key=lambda each: abs(each[1].value - 0.5))
        yield _at(output, pixel, [each for each, _ in bad])


@rule("CZ407", severity=Severity.ERROR, level=Level.RUN, requires=_COMPARABLE)
def probabilities_sum_to_1(run: RunRecord, tolerances: Tolerances) -> Iterator[Found]:
    """The probabilities of a pixel do not sum to 1.

    Says: The probabilities over all classes do not sum to 1 in the output for {tiles}: {value} at
        row {row}, column {column} of `{tile}`.
    Why: ZEN compares the probability of the chosen class with the minimum confidence in percent,
        which requires that the probabilities of all classes add up to 100 %.
    Fix: End the network in a softmax over the classes instead of one sigmoid for each; a network
        with a single sigmoid output p needs the two channels p and 1 - p, foreground first.
    Format: 2, N10; 2, N11
    """
    bad = [
        (output, pixel)
        for output, pixel in _sums(run, tolerances)
        if _deviation(pixel) > tolerances.sum
    ]
    yield from _worst_sum(bad)


@rule("CZ408", severity=Severity.NOTE, level=Level.RUN, requires=_COMPARABLE)
def probabilities_sum_to_1_exactly(run: RunRecord, tolerances: Tolerances) -> Iterator[Found]:
    """The probabilities of a pixel sum to 1 only approximately.

    Says: The probabilities over all classes sum to 1 only approximately in the output for {tiles}:
        {value} at row {row}, column {column} of `{tile}`.
    Why: ZEN can be expected to accept this, but a softmax in float32 is a thousand times closer;
        something computes or stores the probabilities with less precision.
    Fix: Compute the softmax in float32, as the last operation of the network.
    Format: 2, N11
    """
    bad = [
        (output, pixel)
        for output, pixel in _sums(run, tolerances)
        if tolerances.sum_noted < _deviation(pixel) <= tolerances.sum
    ]
    yield from _worst_sum(bad)


def _measured(run: RunRecord) -> Iterator[tuple[TileOutput, Statistics]]:
    for output in run.answers:
        if output.statistics is not None:
            yield output, output.statistics


def _outside(values: Statistics, tolerances: Tolerances) -> Iterator[Pixel]:
    """The pixels that prove values outside the range, at most two."""
    if values.minimum is not None and values.minimum.value < -tolerances.range:
        yield values.minimum
    if values.maximum is not None and values.maximum.value > 1 + tolerances.range:
        yield values.maximum


def _sums(run: RunRecord, tolerances: Tolerances) -> Iterator[tuple[TileOutput, Pixel]]:
    """The worst sum of each tile whose values are in range; CZ405 and CZ406 tell of the others."""
    for output, values in _measured(run):
        if values.worst_sum is not None and not any(_outside(values, tolerances)):
            yield output, values.worst_sum


def _deviation(pixel: Pixel) -> float:
    return abs(pixel.value - 1)


def _worst_sum(bad: list[tuple[TileOutput, Pixel]]) -> Iterator[Found]:
    if bad:
        output, pixel = max(bad, key=lambda each: _deviation(each[1]))
        yield _at(output, pixel, [each for each, _ in bad])


def _at(output: TileOutput, pixel: Pixel, tiles: Iterable[TileOutput], **fields: float) -> Found:
    """A finding at the worst pixel of the worst tile, which names all the tiles."""
    return Found(
        TilePixel(output.tile, pixel.row, pixel.column, pixel.channel),
        tiles=tiles_in_words(each.tile for each in tiles),
        tile=output.tile,
        value=f"{pixel.value:.7g}",
        row=pixel.row,
        column=pixel.column,
        channel=pixel.channel,
        **fields,
    )


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


TARGET_BYTES = 8 * GIB
"""Memory in which the format demands that a tile can be evaluated."""


@rule("CZ422", severity=Severity.ERROR, level=Level.RUN, requires=["CZ402"])
def cost_is_within_budget(run: RunRecord, budgets: Budgets) -> Iterator[Found]:
    """The network costs more than its budget.

    Says: {what} is over the budget of {budget}: {measured}.
    Why: You set this budget; a slower or larger network keeps its users waiting, or does not fit
        their machine.
    Fix: Make the network or the tile smaller; or raise the budget, if the machine that measured is
        slower than the one that matters.
    Format: 2, N8
    """
    cost = run.cost
    if cost is None:
        return
    tile = cost.first_tile_seconds if cost.tile_seconds is None else cost.tile_seconds
    for what, budget, measured in (
        ("The time to load the network", budgets.load_seconds, cost.load_seconds),
        ("The time for a tile", budgets.tile_seconds, tile),
    ):
        if budget is not None and measured > budget:
            yield Found(what=what, budget=f"{budget:g} s", measured=f"{measured:.3g} s")
    if (
        budgets.memory_bytes is not None
        and cost.peak_bytes is not None
        and cost.peak_bytes > budgets.memory_bytes
    ):
        yield Found(
            what="The peak memory",
            budget=f"{budgets.memory_bytes / GIB:g} GiB",
            measured=f"{cost.peak_bytes / GIB:.2f} GiB",
        )


@rule("CZ423", severity=Severity.ERROR, level=Level.RUN, requires=["CZ402"])
def tile_fits_into_8_gb(run: RunRecord) -> Iterator[Found]:
    """A tile needs more than 8 GB of memory.

    Says: The process that ran single tiles has used {measured} of memory; the format allows 8 GB.
    Why: The network cannot run on the smallest machine that the format provides for.
    Fix: Choose a smaller tile (`SpatialDims`), or a network with fewer channels at full resolution.
    Format: 2, N8
    Example: The process that ran single tiles has used 9.3 GiB of memory; the format allows 8 GB.
    """
    cost = run.cost
    if cost is not None and cost.peak_bytes is not None and cost.peak_bytes > TARGET_BYTES:
        yield Found(measured=f"{cost.peak_bytes / GIB:.1f} GiB")


# What the format promises the network, and what leaves room for the convolutions' own needs.
ALLOWED = 8 * GIB
COMFORTABLE = 6 * GIB


@rule("CZ323", severity=Severity.WARNING, level=Level.NETWORK, requires=["CZ307"])
def memory_leaves_room(static_cost: StaticCost | None) -> Iterator[Found]:
    """A tile needs nearly all the memory that the format allows.

    Says: One tile needs about {memory} GiB: {weights} GiB of weights and {activations} GiB of
        tensors at one time; the format allows 8 GiB.
    Why: The estimate does not include the working memory of convolutions, so the model may fail on
        a graphics card with the 8 GB that the format assumes.
    Fix: Make the tile smaller with `SpatialDims`, or the network narrower at full resolution.
    Format: 2, N8
    """
    if static_cost is not None and COMFORTABLE < static_cost.memory_bytes <= ALLOWED:
        yield _found(static_cost)


@rule("CZ324", severity=Severity.ERROR, level=Level.NETWORK, requires=["CZ307"])
def memory_suffices(static_cost: StaticCost | None) -> Iterator[Found]:
    """A tile needs more memory than the format allows.

    Says: One tile needs about {memory} GiB: {weights} GiB of weights and {activations} GiB of
        tensors at one time; the format allows 8 GiB.
    Why: The model fails on a graphics card with the 8 GB that the format assumes.
    Fix: Make the tile smaller with `SpatialDims`, or the network narrower at full resolution.
    Format: 2, N8
    """
    if static_cost is not None and static_cost.memory_bytes > ALLOWED:
        yield _found(static_cost)


def _found(cost: StaticCost) -> Found:
    return Found(
        memory=f"{cost.memory_bytes / GIB:.1f}",
        weights=f"{cost.weight_bytes / GIB:.1f}",
        activations=f"{cost.activation_bytes / GIB:.1f}",
    )
