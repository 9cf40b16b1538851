"""Constants, variables, and the sizes of tensors as numbers."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from typing import Any

from czcheck.network import dtypes
from czcheck.network.checkpoint import dims_of
from czcheck.network.static.spread import Number, Traced, plain
from czcheck.network.static.step import KNOWN, Step, constant, handles


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
