"""Elementwise operations, and the small numbers that shapes are made of: constants and sizes."""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from czcheck.network import dtypes
from czcheck.network.checkpoint import dims_of
from czcheck.network.facts import Dims
from czcheck.network.static.spread import Factor, Number, Spread, Traced, plain
from czcheck.network.static.step import KNOWN, Step, constant, handles, ready, tag_of

SAME = (
    *("Identity", "StopGradient", "PreventGradient", "Snapshot", "EnsureShape", "CheckNumerics"),
    *("PlaceholderWithDefault", "RefIdentity", "Enter", "Exit"),
)
UNARY = (
    *("Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Bucketize", "Cast", "Ceil", "Cos"),
    *(
        "Cosh",
        "Digamma",
        "Elu",
        "Erf",
        "Erfc",
        "Erfinv",
        "Exp",
        "Expm1",
        "Floor",
        "Inv",
        "IsFinite",
    ),
    *("IsInf", "IsNan", "LeakyRelu", "Lgamma", "Log", "Log1p", "LogicalNot", "Ndtri", "Neg"),
    *("Reciprocal", "Relu", "Relu6", "Rint", "Round", "Rsqrt", "Selu", "Sigmoid", "Sign", "Sin"),
    *("Sinh", "Softplus", "Softsign", "Sqrt", "Square", "Tan", "Tanh", "Invert"),
    *("FakeQuantWithMinMaxArgs",),
)
BINARY = (
    *("Add", "AddV2", "Atan2", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "DivNoNan", "Equal"),
    *("FloorDiv", "FloorMod", "Greater", "GreaterEqual", "Less", "LessEqual", "LogicalAnd"),
    *("LogicalOr", "Maximum", "Minimum", "Mod", "Mul", "MulNoNan", "NotEqual", "Pow", "RealDiv"),
    *("SquaredDifference", "Sub", "TruncateDiv", "TruncateMod", "Xdivy", "Xlogy"),
    *("AddN", "ClipByValue", "Select", "SelectV2", "FakeQuantWithMinMaxVars"),
)
_TRUTH = frozenset(
    ("Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual", "IsNan", "IsInf")
) | {"IsFinite"}


def _divide(first: Number, second: Number) -> Number:
    whole = isinstance(first, int) and isinstance(second, int)
    return first // second if whole else first / second


_FOLDS: dict[str, Callable[..., Number]] = {
    "Add": operator.add,
    "AddV2": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "FloorDiv": operator.floordiv,
    "FloorMod": operator.mod,
    "RealDiv": operator.truediv,
    "Div": _divide,
    "TruncateDiv": _divide,
    "Maximum": max,
    "Minimum": min,
    "Neg": operator.neg,
    "Floor": math.floor,
    "Ceil": math.ceil,
    "Round": round,
    "Rint": round,
    "Equal": operator.eq,
    "Less": operator.lt,
    "Greater": operator.gt,
}


@handles(*SAME)
def same(step: Step) -> Traced:
    """Hand on the first input."""
    return step.get(0)


@handles("IdentityN")
def same_each(step: Step) -> list[Traced]:
    """Hand on every input."""
    return step.inputs


@handles(*UNARY, *BINARY)
def elementwise(step: Step) -> Traced:
    """Each element by itself, or with its counterparts in the other inputs."""
    op = step.node.op
    item = step.item("DstT", "T")
    if op in _TRUTH or op.startswith("Logical"):
        item = 1
    shape = broadcast([each.shape for each in step.inputs])
    step.multiply_adds = 0
    if not step.depends:
        return constant(shape, item, _folded(step, op, shape))
    return mixed(step, shape, item)


def _folded(step: Step, op: str, shape: Dims | None) -> list[Number] | None:
    """The elements of the outcome, where they are few and known."""
    if op == "Cast":
        values = step.get(0).known
        whole = dtypes.name(step.node.attr["DstT"].type).startswith(("int", "uint"))
        return None if values is None else [int(each) if whole else each for each in values]
    if op not in _FOLDS or shape is None:
        return None
    count = Traced(shape).count
    if count is None or count > KNOWN:
        return None
    columns = []
    for each in step.inputs:
        if each.known is None or len(each.known) not in (1, count):
            return None
        columns.append(each.known * count if len(each.known) == 1 else each.known)
    try:
        return [_FOLDS[op](*row) for row in zip(*columns, strict=True)]
    except (ArithmeticError, ValueError, TypeError):
        return None


def broadcast(shapes: Sequence[Dims | None]) -> Dims | None:
    """The shape of several tensors taken together element by element."""
    sizes: list[int | None] = []
    for shape in shapes:
        if shape is None:
            return None
        sizes = [*(1 for _ in range(len(shape) - len(sizes))), *sizes]
        for place, size in enumerate(shape, start=len(sizes) - len(shape)):
            before = sizes[place]
            # An open size next to a fixed one above 1 can only be the same.
            sizes[place] = size if before == 1 or (before is None and size != 1) else before
    return tuple(sizes)


def mixed(step: Step, shape: Dims | None, item: int) -> Traced:
    """The outcome of mixing inputs element by element.

    Args:
        step: The node; at least one input depends on the image.
        shape: The outcome's shape.
        item: Bytes for each element of it.
    """
    if len(step.inputs) == 1 and shape is not None:
        return Traced(shape, item, spread=step.inputs[0].spread)
    spreads = [spread for each in step.inputs if (spread := ready(each)) is not None]
    if shape is None or any(each.unknown is not None for each in spreads):
        return step.unknown(shape, item)
    joined: Spread | None = None
    for spread in spreads:
        layout = _aligned(spread.layout, len(shape))
        here = replace(spread, layout=layout)
        joined = here if joined is None else _both(step, joined, here)
        if joined is None:
            return step.unknown(shape, item)
    assert joined is not None
    layout = tuple(
        factors if tag_of((factors,), 0) != "" else (("", size),)
        for factors, size in zip(joined.layout, shape, strict=True)
    )
    return Traced(shape, item, spread=replace(joined, layout=layout))


def _aligned(layout: Sequence[tuple[Factor, ...]], rank: int) -> tuple[tuple[Factor, ...], ...]:
    return (*((("", 1),) for _ in range(rank - len(layout))), *layout)


def _both(step: Step, first: Spread, second: Spread) -> Spread | None:
    """Two spreads of one rank, taken together; None where that is not known."""
    layout = list(first.layout)
    for place, factors in enumerate(second.layout):
        mine, other = tag_of((layout[place],), 0), tag_of((factors,), 0)
        if mine == "" and other != "":
            layout[place] = factors
        elif other not in ("", mine) or (mine is None and layout[place] != factors):
            # Rows against columns: an element sees a place that is not its own.
            return replace(first.joined(second), pure=False).raised(step.use)
    both = replace(first.joined(second), layout=tuple(layout))
    for letter in "hw":
        mine_axis, other_axis = first.axis(letter), second.axis(letter)
        if mine_axis is None:
            both = both.with_axis(letter, other_axis)
        elif other_axis is not None:
            union = mine_axis.union(other_axis)
            if union is None:
                return None
            both = both.with_axis(letter, union)
    return both


@handles("BiasAdd", "BiasAddV1")
def bias(step: Step) -> Traced:
    """A bias for each channel."""
    image = step.get(0)
    return Traced(image.shape, image.item, spread=image.spread)


@handles("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def batch_norm(step: Step) -> list[Traced]:
    """Fixed scale and offset for each channel; in training, statistics of the tile."""
    image = step.get(0)
    spread = image.spread
    # The attribute's default is true.
    training = "is_training" not in step.node.attr or step.flag("is_training")
    if training and spread is not None:
        spread = spread.raised(step.use)
    channel = Traced(None if image.shape is None else image.shape[-1:])
    return [Traced(image.shape, image.item, spread=spread), *[channel] * 5]


@handles("Softmax", "LogSoftmax", "LRN")
def over_channels(step: Step) -> Traced:
    """Each pixel by itself, all its channels together."""
    image = step.get(0)
    spread = ready(image)
    if spread is None or spread.unknown is not None or image.shape is None:
        return replace(image, known=None)
    if tag_of(spread.layout, len(spread.layout) - 1) != "":
        spread = replace(spread, pure=False).raised(step.use)
    return Traced(image.shape, image.item, spread=spread)


@handles("Switch", "RefSwitch")
def switch(step: Step) -> list[Traced]:
    """One of two ways on, by a condition."""
    value, condition = step.get(0), step.get(1).spread
    if condition is None or value.spread is None:
        return [value, value]
    if value.spread.unknown is not None or condition.unknown is not None:
        return [step.unknown(value.shape, value.item)] * 2
    spread = value.spread.joined(replace(condition, pure=True))
    return [replace(value, spread=spread)] * 2


@handles("Merge", "RefMerge")
def merge(step: Step) -> list[Traced]:
    """What comes along one of several ways."""
    values = step.inputs
    shape = values[0].shape if values and all(e.shape == values[0].shape for e in values) else None
    one = mixed(step, shape, values[0].item) if step.depends else Traced(shape)
    return [one, Traced(())]


@handles("NextIteration", "RefNextIteration")
def around(step: Step) -> Traced:
    """The way back in a loop: nobody knows how often it is taken."""
    return Traced(None, spread=Spread((), unknown=step.use))


@handles("Assert", "NoOp", "AssignVariableOp", "PlaceholderV2", "Placeholder", "PrintV2")
def nothing(step: Step) -> Traced:
    """What the output does not come from."""
    del step
    return Traced(None)


@handles("Const")
def const(step: Step) -> Traced:
    """A constant; its values are read only where they are few."""
    if "value" not in step.node.attr:
        return Traced(None)
    tensor = step.node.attr["value"].tensor
    shape = dims_of(tensor.tensor_shape)
    item = dtypes.item_bytes(tensor.dtype) or 0
    count = Traced(shape).count
    if count is None or count > KNOWN:
        return Traced(shape, item)
    return constant(shape, item, _values(tensor, dtypes.name(tensor.dtype), count))


_CODES = {"float32": "f", "float64": "d", "int32": "i", "int64": "q", "bool": "?", "uint8": "B"}
_FIELDS = {
    "float32": "float_val",
    "float64": "double_val",
    "int32": "int_val",
    "uint8": "int_val",
    "int64": "int64_val",
    "bool": "bool_val",
}


def _values(tensor: Any, dtype: str, count: int) -> list[Number] | None:
    if dtype not in _CODES:
        return None
    if not count:
        return []
    if tensor.tensor_content:
        try:
            values = list(struct.unpack(f"<{count}{_CODES[dtype]}", tensor.tensor_content))
        except struct.error:
            return None
    else:
        # The last value stands for all that follow.
        values = list(getattr(tensor, _FIELDS[dtype]))[:count] or [0]
        values += values[-1:] * (count - len(values))
    return values if all(math.isfinite(each) for each in values) else None


@handles("VarHandleOp", "VariableV2", "Variable")
def variable(step: Step) -> Traced:
    """A variable."""
    shape = dims_of(step.node.attr["shape"].shape) if "shape" in step.node.attr else None
    return Traced(shape, step.item("dtype"), handle=step.node.op == "VarHandleOp")


@handles("ReadVariableOp")
def read(step: Step) -> Traced:
    """A variable's value."""
    return replace(step.get(0), handle=False)


@handles("Shape", "ShapeN")
def shape_of(step: Step) -> list[Traced]:
    """Sizes as numbers."""
    item = step.item("out_type")
    shapes = [each.shape for each in step.inputs]
    return [
        Traced(None, item)
        if shape is None
        else constant((len(shape),), item, None if None in shape else [size or 0 for size in shape])
        for shape in shapes
    ]


@handles("Size", "Rank")
def size_of(step: Step) -> Traced:
    """Number of elements, or of dimensions."""
    value = step.get(0)
    number = value.count if step.node.op == "Size" else value.rank
    return constant((), 4, None if number is None else [number])


@handles("ZerosLike", "OnesLike")
def like(step: Step) -> Traced:
    """Zeros or ones, whatever the input."""
    value = step.get(0)
    count = value.count
    one = float(step.node.op == "OnesLike")
    return constant(
        value.shape, value.item, None if count is None or count > KNOWN else [one] * count
    )


@handles("Fill")
def fill(step: Step) -> Traced:
    """One value everywhere."""
    sizes = step.known(0)
    shape = None if sizes is None else tuple(sizes)
    value = step.get(1)
    if value.spread is not None:
        spread = replace(value.spread, layout=plain(shape or ()))
        return Traced(shape, value.item, spread=spread)
    count = Traced(shape).count
    known = value.known if count is not None and count <= KNOWN else None
    return constant(shape, value.item, None if known is None else known[:1] * (count or 0))


@handles("Range")
def numbers(step: Step) -> Traced:
    """Numbers in a row."""
    start, limit, delta = (step.known(number) for number in range(3))
    if not start or not limit or not delta or not delta[0]:
        return Traced((None,))
    values = range(start[0], limit[0], delta[0])
    return constant((len(values),), 4, values if len(values) <= KNOWN else None)


@handles("RandomUniform", "RandomStandardNormal", "TruncatedNormal", "RandomUniformInt")
def random(step: Step) -> Traced:
    """Random numbers of a given shape."""
    sizes = step.known(0)
    return Traced(None if sizes is None else tuple(sizes), step.item("dtype"))
