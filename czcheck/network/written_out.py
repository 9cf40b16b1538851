"""Softmax, log-softmax and sigmoid where a graph has them written out in simpler operations."""

from __future__ import annotations

import math
import struct

from czcheck.network import dtypes
from czcheck.network.dataflow import Point, input_of, settle
from czcheck.network.graph import SavedGraph

_CONSTANT_BYTES = 1 << 14
_CONSTANT_VALUES = 1 << 12
_CODES = {"float32": "f", "float64": "d", "int32": "i", "int64": "q", "float16": "e"}


def is_softmax(graph: SavedGraph, point: Point) -> bool:
    """Whether a quotient is exp(x) / sum(exp(x)).

    Args:
        graph: The graph.
        point: The output of a division.
    """
    numerator = settle(graph, input_of(graph, point, 0))
    denominator = settle(graph, input_of(graph, point, 1))
    if denominator is None or denominator.node.op != "Sum":
        return False
    return _are_powers(graph, numerator, settle(graph, input_of(graph, denominator, 0)))


def is_log_softmax(graph: SavedGraph, point: Point) -> bool:
    """Whether a difference is x - log(sum(exp(x))), written out with or without the largest x.

    Args:
        graph: The graph.
        point: The output of a subtraction.
    """
    taken = settle(graph, input_of(graph, point, 1))
    if taken is not None and taken.node.op in ("Add", "AddV2"):
        summands = [settle(graph, input_of(graph, taken, number)) for number in (0, 1)]
        taken = next((each for each in summands if each and each.node.op == "Log"), None)
    for op in ("Log", "Sum", "Exp"):
        if taken is None or taken.node.op != op:
            return False
        taken = settle(graph, input_of(graph, taken, 0))
    return True


def _are_powers(graph: SavedGraph, one: Point | None, other: Point | None) -> bool:
    """Whether two values are exp(x) of the same x, though perhaps computed twice."""
    if one is None or other is None or {one.node.op, other.node.op} != {"Exp"}:
        return False
    powers = [settle(graph, input_of(graph, each, 0)) for each in (one, other)]
    return all(powers) and len({each.place for each in powers if each is not None}) == 1


def is_sigmoid(graph: SavedGraph, point: Point) -> bool:
    """Whether a value is a logistic sigmoid written out.

    Args:
        graph: The graph.
        point: The value: 1 / (1 + exp(-x)), its reciprocal form, exp(x) / (1 + exp(x)), or
            (1 + tanh(x)) / 2.
    """
    op = point.node.op
    first = settle(graph, input_of(graph, point, 0))
    second = settle(graph, input_of(graph, point, 1))
    if op in ("Reciprocal", "Inv"):
        return _one_and(graph, first, "Exp") is not None
    if op == "RealDiv" and first is not None:
        if is_number(first, 1.0):
            return _one_and(graph, second, "Exp") is not None
        return is_ratio(graph, point) or (
            second is not None
            and is_number(second, 2.0)
            and _one_and(graph, first, "Tanh") is not None
        )
    if op == "Mul" and first is not None and second is not None:
        if is_number(second, 0.5):
            first, second = second, first
        return is_number(first, 0.5) and _one_and(graph, second, "Tanh") is not None
    return False


def is_ratio(graph: SavedGraph, point: Point) -> bool:
    """Whether a quotient is exp(x) / (1 + exp(x)).

    Args:
        graph: The graph.
        point: The output of a division.
    """
    numerator = settle(graph, input_of(graph, point, 0))
    denominator = settle(graph, input_of(graph, point, 1))
    return _are_powers(graph, numerator, _one_and(graph, denominator, "Exp"))


def _one_and(graph: SavedGraph, point: Point | None, op: str) -> Point | None:
    """The other summand of 1 + x, where an operation makes it."""
    if point is None or point.node.op not in ("Add", "AddV2"):
        return None
    first = settle(graph, input_of(graph, point, 0))
    second = settle(graph, input_of(graph, point, 1))
    if first is None or second is None:
        return None
    if is_number(second, 1.0):
        first, second = second, first
    return second if is_number(first, 1.0) and second.node.op == op else None


def is_number(point: Point, number: float) -> bool:
    """Whether a constant is one number.

    Args:
        point: A value.
        number: The number.
    """
    return point.node.op == "Const" and ends_of_constant(point) == (number, number)


def ends_of_constant(point: Point) -> tuple[float, float] | None:
    """The smallest and the largest value of a small constant; None for every other.

    Args:
        point: The output of a `Const`.
    """
    if "value" not in point.node.attr:
        return None
    value = point.node.attr["value"].tensor
    code = _CODES.get(dtypes.name(value.dtype))
    content = value.tensor_content
    listed = (value.float_val, value.double_val, value.int_val, value.int64_val)
    if max(map(len, listed)) > _CONSTANT_VALUES:
        return None
    values = [each for some in listed for each in some]
    if content and code is not None and len(content) <= _CONSTANT_BYTES:
        count = len(content) // struct.calcsize(code)
        values = list(struct.unpack_from(f"<{count}{code}", content))
    finite = bool(values) and all(math.isfinite(each) for each in values)
    return (min(values), max(values)) if finite else None
