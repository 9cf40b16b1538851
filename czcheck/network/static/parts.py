"""Operations that take parts of a tensor, or put something around it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from czcheck.network.facts import Dims
from czcheck.network.static.layout import reshaped
from czcheck.network.static.spread import Layout, Traced, plain
from czcheck.network.static.step import KNOWN, Step, constant, handles, ready, tag_of


@handles("Split", "SplitV")
def split(step: Step) -> list[Traced]:
    """The parts of a dimension."""
    variable = step.node.op == "SplitV"
    value, axis = step.get(0 if variable else 1), step.known(2 if variable else 0)
    count = step.integer("num_split")
    if value.shape is None or not axis or not 0 < count <= KNOWN * KNOWN:
        return [step.unknown(item=value.item)]
    place = axis[0] % max(len(value.shape), 1)
    whole = value.shape[place]
    sizes: list[int | None] = [None if whole is None else whole // count] * count
    if variable:
        given = step.known(1) or [-1] * count
        rest = None if whole is None else whole - sum(size for size in given if size > 0)
        sizes = [rest if size < 0 else size for size in given]
    parts = []
    begin: int | None = 0
    for size in sizes:
        parts.append(cut(step, value, {place: (begin, size, 1)}))
        begin = None if begin is None or size is None else begin + size
    return parts


def cut(step: Step, value: Traced, parts: dict[int, tuple[int | None, int | None, int]]) -> Traced:
    """A part of a tensor.

    Args:
        step: The node.
        value: The tensor, of known rank.
        parts: By the number of a dimension: first element, number of elements, and elements from
            one to the next.
    """
    assert value.shape is not None
    sizes = list(value.shape)
    for place, (_, size, _) in parts.items():
        sizes[place] = size
    shape = tuple(sizes)
    if value.known is not None and len(value.shape) == 1 and 0 in parts:
        begin, size, stride = parts[0]
        if begin is not None and size is not None:
            return constant(shape, value.item, value.known[begin:][:: abs(stride)][:size])
    if value.spread is None:
        return Traced(shape, value.item)
    spread = ready(value)
    if spread is None or spread.unknown is not None:
        return step.unknown(shape, value.item)
    layout = list(spread.layout)
    for place, (begin, size, stride) in parts.items():
        tag = tag_of(spread.layout, place)
        axis = spread.axis(tag) if tag else None
        if (begin, size, stride) == (0, value.shape[place], 1):
            continue
        if axis is not None and tag:
            if begin is None or stride < 1:
                return step.unknown(shape, value.item)
            first = Fraction(begin)
            axis = axis.scaled(Fraction(stride), first, first, size)
            if not axis.is_sane:
                return step.unknown(shape, value.item)
            spread = spread.with_axis(tag, axis)
        elif tag is None:
            return step.unknown(shape, value.item)
        layout[place] = ((tag or "", size),)
    return Traced(shape, value.item, spread=replace(spread, layout=tuple(layout)))


@handles("Slice")
def part(step: Step) -> Traced:
    """A part of a tensor, by first element and size."""
    value, begins, sizes = step.get(0), step.known(1), step.known(2)
    if value.shape is None or begins is None or sizes is None:
        return step.unknown(item=value.item)
    parts: dict[int, tuple[int | None, int | None, int]] = {}
    for place, (begin, size) in enumerate(zip(begins, sizes, strict=False)):
        whole = value.shape[place] if place < len(value.shape) else None
        rest = None if whole is None else whole - begin
        parts[place] = (begin, rest if size < 0 else size, 1)
    if len(parts) != len(value.shape):
        return step.unknown(item=value.item)
    return cut(step, value, parts)


@handles("StridedSlice")
def strided(step: Step) -> Traced:
    """A part of a tensor as Python's brackets take it."""
    value = step.get(0)
    begins, ends, strides = (step.known(number) for number in (1, 2, 3))
    if value.shape is None or begins is None or ends is None or strides is None:
        return step.unknown(item=value.item)
    masks = {
        key: step.integer(f"{key}_mask")
        for key in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    if masks["new_axis"] or len(strides) != len(begins) or len(ends) != len(begins):
        return _with_new_axes(step, value, masks, len(begins))
    rank = len(value.shape)
    parts: dict[int, tuple[int | None, int | None, int]] = {}
    gone = []
    place = 0
    for number, (begin, end, stride) in enumerate(zip(begins, ends, strides, strict=True)):
        bit = 1 << number
        if masks["ellipsis"] & bit:
            place += rank - (len(begins) - 1)
            continue
        if place >= rank or stride == 0:
            return step.unknown(item=value.item)
        size = value.shape[place]
        first = None if masks["begin"] & bit else begin
        last = None if masks["end"] & bit else end
        if masks["shrink_axis"] & bit:
            parts[place] = (None if size is None else begin % size if size else 0, 1, 1)
            gone.append(place)
        elif size is not None:
            chosen = range(size)[slice(first, last, stride)]
            parts[place] = (chosen.start, len(chosen), stride)
        elif (first or 0, last, stride) != (0, None, 1):
            parts[place] = (None, None, stride)
        place += 1
    return _shrunk(step, value, parts, gone)


def _shrunk(
    step: Step,
    value: Traced,
    parts: dict[int, tuple[int | None, int | None, int]],
    gone: list[int],
) -> Traced:
    """A part of a tensor without the dimensions of which one element was taken."""
    if value.shape is not None and value.known is not None and len(value.shape) == 1 and gone:
        begin = parts[0][0] or 0
        return constant((), value.item, value.known[begin : begin + 1])
    found = cut(step, value, parts)
    if found.shape is None or not gone:
        return found
    shape = tuple(size for place, size in enumerate(found.shape) if place not in gone)
    if found.spread is None or found.spread.unknown is not None:
        return replace(found, shape=shape)
    # One row for all: whoever reads it looks at a fixed place of the tile.
    if any(tag_of(found.spread.layout, place) != "" for place in gone):
        return step.unknown(shape, value.item)
    layout: Layout = tuple(
        factors for place, factors in enumerate(found.spread.layout) if place not in gone
    )
    return replace(found, shape=shape, spread=replace(found.spread, layout=layout))


def _with_new_axes(step: Step, value: Traced, masks: dict[str, int], count: int) -> Traced:
    """Dimensions of size 1 put in, and nothing cut."""
    assert value.shape is not None
    rest = [number for number in range(count) if not masks["new_axis"] & (1 << number)]
    bits = sum(1 << number for number in rest)
    free = masks["begin"] & masks["end"] | masks["ellipsis"]
    if masks["shrink_axis"] or free & bits != bits:
        return step.unknown(item=value.item)
    shape: list[int | None] = []
    left = list(value.shape)
    named = len([number for number in rest if not masks["ellipsis"] & (1 << number)])
    for number in range(count):
        bit = 1 << number
        if masks["new_axis"] & bit:
            shape.append(1)
        elif masks["ellipsis"] & bit:
            several = len(value.shape) - named
            shape.extend(left[:several])
            del left[:several]
        elif left:
            shape.append(left.pop(0))
    return reshaped(step, value, (*shape, *left))


@handles("Pad", "PadV2", "MirrorPad")
def pad(step: Step) -> Traced:
    """Rows and columns added around."""
    value, margins = step.get(0), step.known(1)
    if value.shape is None or margins is None or len(margins) != 2 * len(value.shape):
        return step.unknown(item=value.item)
    pairs = list(zip(margins[::2], margins[1::2], strict=True))
    shape: Dims = tuple(
        None if size is None else size + sum(pair)
        for size, pair in zip(value.shape, pairs, strict=True)
    )
    if value.spread is None:
        return Traced(shape, value.item)
    spread = ready(value)
    if spread is None or spread.unknown is not None:
        return step.unknown(shape, value.item)
    layout = list(spread.layout)
    for place, (before, after) in enumerate(pairs):
        tag = tag_of(spread.layout, place)
        axis = spread.axis(tag) if tag else None
        if tag is None and (before or after):
            return step.unknown(shape, value.item)
        if axis is not None and tag:
            offset = Fraction(-before)
            spread = spread.with_axis(tag, axis.scaled(Fraction(1), offset, offset, shape[place]))
        if tag is not None:
            layout[place] = ((tag, shape[place]),)
    return Traced(shape, value.item, spread=replace(spread, layout=tuple(layout)))


@handles("Tile", "BroadcastTo")
def tile(step: Step) -> Traced:
    """The same several times."""
    value, repeats = step.get(0), step.known(1)
    if value.shape is None or repeats is None or len(repeats) < len(value.shape):
        return step.unknown(item=value.item)
    old = (*[1] * (len(repeats) - len(value.shape)), *value.shape)
    shape: Dims = tuple(repeats)
    if step.node.op == "Tile":
        shape = tuple(
            None if size is None else size * times for size, times in zip(old, repeats, strict=True)
        )
    if value.spread is None:
        count = Traced(shape).count
        few = value.known is not None and len(value.known) == 1 and count is not None
        known = value.known * count if few and value.known and count and count <= KNOWN else None
        return constant(shape, value.item, known)
    if value.spread.unknown is not None:
        return step.unknown(shape, value.item)
    layout = [*plain(old[: len(old) - len(value.shape)]), *value.spread.layout]
    for place, (before, after) in enumerate(zip(old, shape, strict=True)):
        if before == after:
            continue
        if tag_of(tuple(layout), place) != "":
            return step.unknown(shape, value.item)
        layout[place] = (("", after),)
    return Traced(shape, value.item, spread=replace(value.spread, layout=tuple(layout)))
