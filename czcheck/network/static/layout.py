"""Operations that put dimensions in another form or order: reshapes, transpositions, joins."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from czcheck.network.facts import Dims
from czcheck.network.static.pointwise import mixed
from czcheck.network.static.spread import Factor, Number, Spread, Traced, plain
from czcheck.network.static.step import KNOWN, Step, constant, handles, ready, tag_of


@handles("Reshape")
def reshape(step: Step) -> Traced:
    """The same elements in the same order, in other dimensions."""
    value, requested = step.get(0), step.known(1)
    if requested is None:
        return step.unknown(item=value.item)
    count = value.count
    fixed = math.prod(size for size in requested if size != -1)
    if count is not None and fixed > 0 and requested.count(-1) == 1:
        requested = [count // fixed if size == -1 else size for size in requested]
    shape: Dims = tuple(None if size < 0 else size for size in requested)
    return reshaped(step, value, shape)


@handles("Squeeze", "ExpandDims")
def squeeze(step: Step) -> Traced:
    """The same without or with a dimension of size 1."""
    value = step.get(0)
    if value.shape is None:
        return step.unknown(item=value.item)
    rank = len(value.shape)
    if step.node.op == "ExpandDims":
        place = step.known(1)
        if not place:
            return step.unknown(item=value.item)
        at = place[0] + rank + 1 if place[0] < 0 else place[0]
        return reshaped(step, value, (*value.shape[:at], 1, *value.shape[at:]))
    gone = {axis % rank for axis in step.ints("squeeze_dims")} if rank else set()
    shape = tuple(
        size for place, size in enumerate(value.shape) if (place not in gone if gone else size != 1)
    )
    return reshaped(step, value, shape)


def reshaped(step: Step, value: Traced, shape: Dims) -> Traced:
    """A tensor in another shape, its elements in the same order."""
    if value.spread is None:
        return replace(value, shape=shape)
    if value.spread.unknown is not None:
        return step.unknown(shape, value.item)
    spread = _regrouped(value.spread, shape)
    if spread is None:
        return step.unknown(shape, value.item)
    return Traced(shape, value.item, spread=spread, buffer=value.buffer)


def _regrouped(spread: Spread, shape: Dims) -> Spread | None:
    """The spread in other dimensions; None where rows are torn apart other than in parts."""
    factors: list[Factor] = [each for part in spread.layout for each in part if each != ("", 1)]
    # Without the batch, which is 1, an open size can only stand for itself.
    factors.reverse()
    layout: list[tuple[Factor, ...]] = []
    for size in shape:
        taken: list[Factor] = []
        left = size
        while left != 1 and factors:
            tag, there = factors[-1]
            if there is None or left is None:
                if there is not left or taken:
                    return None
                taken.append(factors.pop())
                break
            if there and left % there == 0:
                taken.append(factors.pop())
                left //= there
            elif left and there % left == 0:
                if spread.axis(tag) is not None and tag:
                    spread = _coarser(spread, tag, there // left)
                taken.append((tag, left))
                factors[-1] = ("", there // left)
                left = 1
            else:
                return None
        layout.append(tuple(taken) or (("", size),))
    return None if factors else replace(spread, layout=tuple(layout))


def _coarser(spread: Spread, tag: str, times: int) -> Spread:
    """Rows taken together, several at a time."""
    axis = spread.axis(tag)
    assert axis is not None
    size = None if axis.size is None else axis.size // times
    return spread.with_axis(
        tag, axis.scaled(Fraction(times), Fraction(0), Fraction(times - 1), size)
    )


@handles("Transpose", "ConjugateTranspose")
def transpose(step: Step) -> Traced:
    """The dimensions in another order."""
    value, order = step.get(0), step.known(1)
    if value.shape is None or order is None or sorted(order) != list(range(len(value.shape))):
        return step.unknown(item=value.item)
    shape = tuple(value.shape[place] for place in order)
    spread = value.spread
    if spread is not None and spread.unknown is None:
        spread = replace(spread, layout=tuple(spread.layout[place] for place in order))
    return Traced(shape, value.item, spread=spread)


@handles("Pack")
def pack(step: Step) -> Traced:
    """Several tensors as the parts of a new dimension."""
    known = [each.known for each in step.inputs]
    item = step.inputs[0].item if step.inputs else 4
    shape = step.get(0).shape
    if shape == () and not step.depends:
        values: list[Number] | None = [value for each in known if each for value in each]
        if any(each is None for each in known):
            values = None
        return constant((len(known),), item, values)
    if shape is None:
        return step.unknown(item=item)
    place = step.integer("axis") % (len(shape) + 1)
    new = (*shape[:place], len(step.inputs), *shape[place:])
    if not step.depends:
        return Traced(new, item)
    one = mixed(step, shape, item)
    if one.spread is None or one.spread.unknown is not None:
        return step.unknown(new, item)
    layout = (*one.spread.layout[:place], (("", len(step.inputs)),), *one.spread.layout[place:])
    return Traced(new, item, spread=replace(one.spread, layout=layout))


@handles("Unpack")
def unpack(step: Step) -> list[Traced]:
    """The parts of a dimension, each by itself."""
    value, count = step.get(0), step.integer("num")
    if value.shape is None or not 0 < count <= KNOWN * KNOWN:
        return [step.unknown(item=value.item)]
    place = step.integer("axis") % max(len(value.shape), 1)
    shape = (*value.shape[:place], *value.shape[place + 1 :])
    if value.known is not None and shape == ():
        return [constant((), value.item, [each]) for each in value.known]
    if value.spread is None:
        return [Traced(shape, value.item)] * count
    spread = ready(value)
    if spread is None or spread.unknown is not None or tag_of(spread.layout, place) != "":
        return [step.unknown(shape, value.item)] * count
    layout = (*spread.layout[:place], *spread.layout[place + 1 :])
    return [Traced(shape, value.item, spread=replace(spread, layout=layout))] * count


@handles("ConcatV2", "Concat")
def concat(step: Step) -> Traced:
    """Tensors one behind the other along a dimension."""
    first = step.node.op == "Concat"
    axis = step.known(0 if first else len(step.inputs) - 1)
    values = step.inputs[1:] if first else step.inputs[:-1]
    shape = values[0].shape if values else None
    if shape is None or not axis or any(each.rank != len(shape) for each in values):
        return step.unknown()
    place = axis[0] % len(shape) if shape else 0
    sizes = [each.shape[place] if each.shape else None for each in values]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    new = (*shape[:place], total, *shape[place + 1 :])
    item = values[0].item
    if not step.depends:
        known = [each.known for each in values]
        joined = [value for each in known if each is not None for value in each]
        return constant(new, item, None if None in known or len(shape) != 1 else joined)
    return _behind(step, values, place, new)


def _behind(step: Step, values: list[Traced], place: int, shape: Dims) -> Traced:
    """Tensors one behind the other, of which at least one depends on the image."""
    item = values[0].item
    moved = []
    offset: int | None = 0
    for value in values:
        spread = ready(value)
        size = value.shape[place] if value.shape else None
        if spread is not None and spread.unknown is None:
            tag = tag_of(spread.layout, place)
            axis = spread.axis(tag) if tag else None
            if tag is None or (tag and offset is None):
                return step.unknown(shape, item)
            layout = list(spread.layout)
            layout[place] = ((tag, shape[place]),)
            if axis is not None and tag and offset is not None:
                behind = Fraction(-offset)
                axis = axis.scaled(Fraction(1), behind, behind, shape[place])
                spread = spread.with_axis(tag, axis)
            value = replace(value, spread=replace(spread, layout=tuple(layout)))  # noqa: PLW2901
        moved.append(replace(value, shape=shape))
        offset = None if offset is None or size is None else offset + size
    joined = Step(step.node, step.use, moved, step.charge)
    return mixed(joined, shape, item)


@handles("GatherV2", "Gather")
def gather(step: Step) -> Traced:
    """Elements of a dimension, by their numbers; or a table that is looked up."""
    value, indices = step.get(0), step.get(1)
    axis = step.known(2) if step.node.op == "GatherV2" else [0]
    if value.shape is None or indices.shape is None or not axis or step.integer("batch_dims"):
        return step.unknown(item=value.item)
    place = axis[0] % len(value.shape) if value.shape else 0
    shape = (*value.shape[:place], *indices.shape, *value.shape[place + 1 :])
    if value.known is not None and indices.known is not None and len(value.shape) == 1:
        requested = [int(each) for each in indices.known]
        inside = all(0 <= each < len(value.known) for each in requested)
        return constant(shape, value.item, [value.known[e] for e in requested] if inside else None)
    if not step.depends:
        return Traced(shape, value.item)
    if any(each.spread is not None and each.spread.unknown for each in step.inputs):
        return step.unknown(shape, value.item)
    table, places = ready(value), ready(indices)
    spread = places if table is None else table
    if table is not None:
        crossed = places is not None and (table.rows or table.columns)
        if crossed or tag_of(table.layout, place) != "":
            return step.unknown(shape, value.item)
        spread = table if places is None else places.joined(table)
    assert spread is not None
    layout: list[tuple[Factor, ...]] = list(plain(shape))
    own = table is not None and places is None
    for number, factors in enumerate(spread.layout):
        if own:
            target = number if number < place else number + len(indices.shape) - 1
            if number != place:
                layout[target] = factors
        else:
            layout[place + number] = factors
    return Traced(shape, value.item, spread=replace(spread, layout=tuple(layout)))


@handles("ReverseV2")
def reverse(step: Step) -> Traced:
    """Channels in reverse order."""
    value, axes = step.get(0), step.known(1)
    if value.shape is None or axes is None or not value.shape:
        return step.unknown(item=value.item)
    if value.spread is None:
        return Traced(value.shape, value.item)
    spread = ready(value)
    if spread is None or spread.unknown is not None:
        return step.unknown(value.shape, value.item)
    if any(tag_of(spread.layout, axis % len(value.shape)) != "" for axis in axes):
        return step.unknown(value.shape, value.item)
    return Traced(value.shape, value.item, spread=spread)


@handles("SpaceToBatchND", "BatchToSpaceND")
def batches(step: Step) -> Traced:
    """Rows dealt out over the batch and back, as dilated convolutions do it."""
    value, blocks, margins = step.get(0), step.known(1), step.known(2)
    if value.shape is None or not blocks or margins is None or min(blocks) < 1:
        return step.unknown(item=value.item)
    if len(margins) != 2 * len(blocks) or len(value.shape) <= len(blocks):
        return step.unknown(item=value.item)
    out = step.node.op == "SpaceToBatchND"
    sizes = list(value.shape)
    pairs = list(zip(margins[::2], margins[1::2], strict=True))
    for place, (block, pair) in enumerate(zip(blocks, pairs, strict=True), start=1):
        size = sizes[place]
        if size is not None:
            sizes[place] = (size + sum(pair)) // block if out else size * block - sum(pair)
    together = math.prod(blocks)
    batch = sizes[0]
    if batch is not None:
        sizes[0] = batch * together if out else batch // together
    shape = tuple(sizes)
    if value.spread is None:
        return Traced(shape, value.item)
    dealt = _dealt(step, value, shape, blocks, [pair[0] for pair in pairs])
    return step.unknown(shape, value.item) if dealt is None else dealt


def _dealt(
    step: Step, value: Traced, shape: Dims, blocks: list[int], margins: list[int]
) -> Traced | None:
    """An image with its rows dealt out over the batch, or back; None where that is not known."""
    out = step.node.op == "SpaceToBatchND"
    spread = ready(value)
    if spread is None or spread.unknown is not None:
        return None
    layout: list[tuple[Factor, ...]] = [(("", shape[0]),), *spread.layout[1:]]
    for place, (block, margin) in enumerate(zip(blocks, margins, strict=True), start=1):
        tag = tag_of(spread.layout, place)
        axis = spread.axis(tag) if tag else None
        if tag is None or (axis is not None and axis.blocks != (1 if out else block)):
            return None
        size = shape[place]
        layout[place] = ((tag, size),)
        if axis is None:
            continue
        # Where a row was put stays the same distance from what it sees, so only the scale changes.
        if out:
            axis = axis.scaled(Fraction(1), Fraction(-margin), Fraction(-margin), size)
            axis = axis._replace(scale=axis.scale * block, blocks=block)
        else:
            axis = axis._replace(scale=axis.scale / block, blocks=1)
            axis = axis.scaled(Fraction(1), Fraction(margin), Fraction(margin), size)
        spread = spread.with_axis(tag, axis)
    return Traced(shape, value.item, spread=replace(spread, layout=tuple(layout)))
