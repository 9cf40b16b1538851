"""Operations that look along a whole dimension: sums, products of matrices, orders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from czcheck.network.facts import Dims
from czcheck.network.static.spread import Factor, Spread, Traced, plain
from czcheck.network.static.step import Step, constant, handles, lose, ready, tag_of

_MOST_RANK = 20


@handles("Mean", "Sum", "Max", "Min", "Prod", "All", "Any", "EuclideanNorm", "ArgMax", "ArgMin")
def reduction(step: Step) -> Traced:
    """One value in place of many."""
    value, axes = step.get(0), step.known(1)
    op = step.node.op
    item = step.item("output_type") if op.startswith("Arg") else value.item
    if value.shape is None or axes is None:
        return step.unknown(item=item)
    rank = len(value.shape)
    places = sorted({axis % rank for axis in axes}) if rank else []
    keep = step.flag("keep_dims")
    shape = tuple(
        1 if place in places else size
        for place, size in enumerate(value.shape)
        if keep or place not in places
    )
    if op == "Prod" and value.known is not None and len(places) == rank:
        return constant(shape, item, [math.prod(value.known)])
    spread = ready(value)
    if spread is None or spread.unknown is not None:
        return step.unknown(shape, item)
    if any(axis is not None and axis.blocks != 1 for axis in (spread.rows, spread.columns)):
        return step.unknown(shape, item)
    return Traced(shape, item, spread=lose(spread, places, step.use, keep=keep))


@handles("L2Loss", "Bincount", "DenseBincount", "HistogramFixedWidth")
def statistics(step: Step) -> Traced:
    """Numbers without rows and columns, made from everything that comes in."""
    shape: Dims = () if step.node.op == "L2Loss" else (None,)
    spreads = [each.spread for each in step.inputs if each.spread is not None]
    if not spreads or any(each.unknown is not None for each in spreads):
        return step.unknown(shape)
    joined = spreads[0]
    for each in spreads[1:]:
        joined = joined.joined(each)
    return Traced(shape, spread=replace(_flat(joined, step), layout=plain(shape)))


def _flat(spread: Spread, step: Step) -> Spread:
    """The spread of something that has lost rows and columns to a node."""
    if spread.rows is None and spread.columns is None:
        return spread
    return replace(spread.raised(step.use), rows=None, columns=None)


@handles("TopKV2", "TopK")
def largest(step: Step) -> list[Traced]:
    """The largest elements along the last dimension, in order."""
    value, count = step.get(0), step.known(1)
    if value.shape is None or not value.shape:
        return [step.unknown(item=value.item)] * 2
    shape = (*value.shape[:-1], count[0] if count else None)
    spread = ready(value)
    if spread is None or spread.unknown is not None:
        return [step.unknown(shape, value.item)] * 2
    spread = lose(spread, [len(value.shape) - 1], step.use, keep=True)
    layout = (*spread.layout[:-1], (("", shape[-1]),))
    found = Traced(shape, value.item, spread=replace(spread, layout=layout))
    return [found, found]


@handles("Cumsum", "Cumprod")
def running(step: Step) -> Traced:
    """Sums of all elements so far along a dimension."""
    value, axis = step.get(0), step.known(1)
    spread = ready(value)
    if spread is None or spread.unknown is not None or not axis or not value.shape:
        return step.unknown(value.shape, value.item)
    if tag_of(spread.layout, axis[0] % len(value.shape)) != "":
        spread = replace(spread, pure=False).raised(step.use)
    return Traced(value.shape, value.item, spread=spread)


@handles("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
def product(step: Step) -> Traced:
    """A product of matrices: what is summed over is gone."""
    first, second = step.get(0), step.get(1)
    ranks = [each.rank or 0 for each in (first, second)]
    if first.shape is None or second.shape is None or min(ranks) < 2 or max(ranks) > _MOST_RANK:
        return step.unknown()
    batch = step.node.op != "MatMul"
    turn_first = step.flag("adj_x" if batch else "transpose_a")
    turn_second = step.flag("adj_y" if batch else "transpose_b")
    letters = [str(number) for number in range(_MOST_RANK)]
    outer = letters[: max(len(first.shape), len(second.shape)) - 2]
    left = [*outer[len(outer) - len(first.shape) + 2 :], *("kx" if turn_first else "xk")]
    right = [*outer[len(outer) - len(second.shape) + 2 :], *("yk" if turn_second else "ky")]
    return _summed(step, left, right, [*outer, "x", "y"])


@handles("Einsum")
def einsum(step: Step) -> Traced:
    """A product with named dimensions."""
    equation = step.text("equation").replace(" ", "")
    sides, arrow, output = equation.partition("->")
    names = sides.split(",")
    value = step.get(0)
    if not arrow or "." in equation or len(names) != len(step.inputs) or len(names) > 2:
        return step.unknown(item=value.item)
    if any(each.rank != len(name) for each, name in zip(step.inputs, names, strict=True)):
        return step.unknown(item=value.item)
    if len(names) == 1:
        return step.unknown(item=value.item)
    return _summed(step, list(names[0]), list(names[1]), list(output))


def _summed(step: Step, left: Sequence[str], right: Sequence[str], output: Sequence[str]) -> Traced:
    """A product of two tensors, summed over the dimensions that are not in the output.

    Args:
        step: The node.
        left: A letter for each dimension of the first tensor.
        right: The same for the second.
        output: The same for what comes out.
    """
    first, second = step.get(0), step.get(1)
    assert first.shape is not None
    assert second.shape is not None
    sizes: dict[str, int | None] = {}
    for letters, shape in ((left, first.shape), (right, second.shape)):
        for letter, size in zip(letters, shape, strict=True):
            if sizes.get(letter) in (None, 1):
                sizes[letter] = size
    shape_out = tuple(sizes.get(letter) for letter in output)
    every = Traced(tuple(sizes.values())).count
    step.multiply_adds = every
    if not step.depends:
        return Traced(shape_out, first.item)
    layout: dict[str, tuple[Factor, ...]] = {}
    joined: Spread | None = None
    for letters, value in ((left, first), (right, second)):
        # Merged rows and columns stay as they are: tokens of an attention are both at once.
        spread = value.spread
        if spread is None:
            continue
        if spread.unknown is not None or len(set(letters)) != len(letters):
            return step.unknown(shape_out, first.item)
        gone = [place for place, letter in enumerate(letters) if letter not in output]
        letters_left = [letter for letter in letters if letter in output]
        # Weighed by what was learnt, even the input's own sum is no plain statistic.
        spread = lose(replace(spread, pure=False), gone, step.use, keep=False)
        here = dict(zip(letters_left, spread.layout, strict=True))
        if joined is None:
            joined, layout = spread, here
            continue
        joined = _crossed(step, joined, spread, layout, here)
        if joined is None:
            return step.unknown(shape_out, first.item)
    assert joined is not None
    parts = tuple(layout.get(letter, (("", sizes.get(letter)),)) for letter in output)
    return Traced(shape_out, first.item, spread=replace(joined, layout=parts))


def _crossed(
    step: Step,
    first: Spread,
    second: Spread,
    layout: dict[str, tuple[Factor, ...]],
    here: dict[str, tuple[Factor, ...]],
) -> Spread | None:
    """The spread of a product of two tensors that both depend on the image."""
    joined = first.joined(second)
    for letter, factors in here.items():
        if not any(tag for tag, _ in factors):
            continue
        if layout.get(letter) == factors:
            continue
        if letter in layout and any(tag for tag, _ in layout[letter]):
            return None
        if first.rows is None and first.columns is None:
            layout[letter] = factors
            continue
        # Every place meets every other one, as in an attention.
        joined = joined.raised(step.use)
    for name in "hw":
        mine, other = first.axis(name), second.axis(name)
        if mine is None:
            joined = joined.with_axis(name, other)
        elif other is not None:
            union = mine.union(other)
            if union is None:
                return None
            joined = joined.with_axis(name, union)
    return joined
