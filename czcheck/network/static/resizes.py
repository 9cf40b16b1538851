"""Pictures made larger or smaller."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from czcheck.network.facts import Dims
from czcheck.network.static.spread import Axis, Traced
from czcheck.network.static.step import Step, handles
from czcheck.network.static.windows import MOST_PHASES, PICTURE, from_phases, moved


@handles("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea")
def resize(step: Step) -> Traced:
    """A picture made larger or smaller."""
    image, wanted = step.get(0), step.known(1)
    if image.rank != PICTURE or image.shape is None or wanted is None or len(wanted) != 2:
        return step.unknown()
    shape: Dims = (image.shape[0], wanted[0], wanted[1], image.shape[3])
    # The answer to whole numbers is float32, but for the nearest pixel.
    item = image.item if step.node.op == "ResizeNearestNeighbor" else 4
    if image.spread is None:
        return Traced(shape, item)
    if image.spread.unknown is not None:
        return step.unknown(shape, item)

    def enlarge(place: int, axis: Axis) -> Axis | None:
        return _resized(step, axis, image.shape[place] if image.shape else None, shape[place])

    spread = moved(step, image, {1: wanted[0], 2: wanted[1]}, enlarge)
    if spread is None:
        return step.unknown(shape, item)
    return Traced(shape, item, spread=spread)


def _resized(step: Step, axis: Axis, before: int | None, after: int | None) -> Axis | None:
    """The axis behind a resize from so many rows to so many."""
    if not before or not after or min(before, after) < 1:
        return None
    corners = step.flag("align_corners") and after > 1
    factor = Fraction(before - 1, after - 1) if corners else Fraction(before, after)
    if factor == 0:
        return None
    period = factor.denominator
    if period > MOST_PHASES:
        return None
    step.charge(period)
    half = step.flag("half_pixel_centers")
    ranges = []
    for row in range(period):
        at = (row + Fraction(1, 2)) * factor - Fraction(1, 2) if half else row * factor
        ranges.append((row, *_seen(step.node.op, at, factor, corners=corners, half=half)))
    found = from_phases(axis, factor, ranges, after)
    if found is not None and corners:
        found = found._replace(stride=axis.stride * Fraction(before, after))
    return found


def _seen(op: str, at: Fraction, factor: Fraction, *, corners: bool, half: bool) -> tuple[int, int]:
    """First and last row that a place between rows is made from."""
    if op == "ResizeNearestNeighbor":
        # With half pixels, the place is that of the row's middle, half a row before.
        moved_by = Fraction(1, 2) if corners or half else Fraction(0)
        row = math.floor(at + moved_by)
        return row, row
    if op == "ResizeBilinear":
        return math.floor(at), math.ceil(at)
    if op == "ResizeBicubic":
        return math.floor(at) - 1, math.floor(at) + 2
    return math.floor(at), math.ceil(at + factor) - 1


@handles("SpaceToDepth", "DepthToSpace")
def blocks(step: Step) -> Traced:
    """Squares of pixels put into channels, or back."""
    image, block = step.get(0), step.integer("block_size")
    if image.rank != PICTURE or image.shape is None or block < 1:
        return step.unknown()
    if step.text("data_format", "NHWC") != "NHWC":
        return step.unknown()
    inward = step.node.op == "SpaceToDepth"

    def size_of(size: int | None, factor: Fraction) -> int | None:
        return None if size is None else int(size * factor)

    narrow = Fraction(1, block) if inward else Fraction(block)
    height, width, depth = image.shape[1:]
    shape: Dims = (
        image.shape[0],
        size_of(height, narrow),
        size_of(width, narrow),
        size_of(depth, 1 / (narrow * narrow)),
    )
    if image.spread is None:
        return Traced(shape, image.item)

    def move(place: int, axis: Axis) -> Axis:
        reach = Fraction(block - 1)
        if inward:
            return axis.scaled(Fraction(block), Fraction(0), reach, shape[place])
        return axis.scaled(Fraction(1, block), -reach / block, Fraction(0), shape[place])

    if image.spread.unknown is not None:
        return step.unknown(shape, image.item)
    spread = moved(step, image, {1: shape[1], 2: shape[2]}, move)
    if spread is None:
        return step.unknown(shape, image.item)
    layout = (*spread.layout[:3], (("", shape[3]),))
    return Traced(shape, image.item, spread=replace(spread, layout=layout))
