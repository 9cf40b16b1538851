"""Between which values a network's output lies, as far as the operations at its end tell."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable
from typing import NamedTuple

from czcheck.network import dtypes
from czcheck.network.dataflow import SAME_VALUE, Point, input_of, inside, is_call, locate, settle
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
    """Whether a constant is one number."""
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


HANDS_ON = SAME_VALUE | {
    "BatchToSpaceND",
    "Cast",
    "ExpandDims",
    "Reshape",
    "ResizeBilinear",
    "ResizeNearestNeighbor",
    "Slice",
    "Squeeze",
    "StridedSlice",
    "Transpose",
}
"""Operations that move values about, or change their dtype or the size of the image."""

WEIGHTED = frozenset(
    {
        "BatchMatMul",
        "BatchMatMulV2",
        "Conv2D",
        "Conv2DBackpropInput",
        "DepthwiseConv2dNative",
        "Einsum",
        "FusedBatchNorm",
        "FusedBatchNormV2",
        "FusedBatchNormV3",
        "MatMul",
    }
)
"""Operations that weigh values with numbers which training found."""

# Values out of these lie among the values that went in.
_WITHIN = HANDS_ON | {
    "AvgPool",
    "BroadcastTo",
    "DepthToSpace",
    "GatherV2",
    "Max",
    "MaxPool",
    "Mean",
    "Min",
    "MirrorPad",
    "SpaceToBatchND",
    "SpaceToDepth",
    "Tile",
}
# What a hidden layer ends in. A weighing of such values is a score of any size.
_HIDDEN = WEIGHTED | {
    "BiasAdd",
    "Elu",
    "LeakyRelu",
    "Relu",
    "Relu6",
    "Selu",
    "Softplus",
    "Tanh",
}
# Operations that put values together, with the first input that holds some.
_JOINED = {"ConcatV2": 0, "Merge": 0, "Pack": 0, "Select": 1, "SelectV2": 1}
_FIXED = {
    "Sigmoid": (0.0, 1.0),
    "Softmax": (0.0, 1.0),
    "Erf": (-1.0, 1.0),
    "Erfc": (0.0, 2.0),
    "Softsign": (-1.0, 1.0),
    "Tanh": (-1.0, 1.0),
    "LogSoftmax": (-math.inf, 0.0),
}
_WEIGHTS = frozenset({"Const", "ReadVariableOp", "VarHandleOp", "Variable", "VariableV2"})
_DEEPEST = 40
_HIDDEN_DEEPEST = 8
_MOST = 500


class Bounds(NamedTuple):
    """Values that a tensor cannot leave.

    Attributes:
        low: No value is below it; minus infinity where nothing is known.
        high: No value is above it.
        sure: Whether values really spread as far as that. Otherwise the operations tell no more,
            and the values may be fewer.
    """

    low: float
    high: float
    sure: bool

    @property
    def probable(self) -> bool:
        """Whether every value can be a probability."""
        return self.low >= 0 and self.high <= 1


UNKNOWN = Bounds(-math.inf, math.inf, sure=False)
_ANY = Bounds(-math.inf, math.inf, sure=True)
# Numbers that training found: any, but always the same. They take no bounds from a sum or product
# that has none, as something that the image decides could: x - x.
_FOUND = Bounds(math.nan, math.nan, sure=False)


def bounds_of(graph: SavedGraph, tensor: str) -> Bounds:
    """Between which values a tensor of the main graph lies.

    Args:
        graph: The graph.
        tensor: The tensor, such as `StatefulPartitionedCall:0`.
    """
    return bounds_at(graph, locate(graph, None, tensor, None))


def bounds_at(graph: SavedGraph, point: Point | None) -> Bounds:
    """The same of one output of one node.

    Args:
        graph: The graph.
        point: The output; None where the reference leads out of what is known.
    """
    return _Reader(graph).at(point, 0)


class _Reader:
    """Reads bounds backwards from a tensor, with a budget on the work."""

    def __init__(self, graph: SavedGraph) -> None:
        self.graph = graph
        self.left = _MOST

    def at(self, point: Point | None, depth: int) -> Bounds:
        self.left -= 1
        if point is None or depth > _DEEPEST or self.left < 0:
            return UNKNOWN
        op = point.node.op
        if op in _FIXED:
            return Bounds(*_FIXED[op], sure=True)
        if op == "Const":
            found = ends_of_constant(point)
            return UNKNOWN if found is None else Bounds(*found, sure=True)
        if is_call(self.graph, point.node):
            return _joined(self.at(each, depth + 1) for each in inside(self.graph, point))
        if op in WEIGHTED:
            given = input_of(self.graph, point, 2 if op == "Conv2DBackpropInput" else 0)
            return _ANY if self._is_hidden(given, 0) else UNKNOWN
        if op == "RealDiv" and (is_softmax(self.graph, point) or is_ratio(self.graph, point)):
            return Bounds(0.0, 1.0, sure=True)
        return self._of_inputs(point, depth)

    def _of_inputs(self, point: Point, depth: int) -> Bounds:
        """What the bounds of an operation's inputs make its own."""
        op = point.node.op

        def read(number: int) -> Bounds:
            return self.at(input_of(self.graph, point, number), depth + 1)

        if op in _WITHIN:
            return read(0)
        if op == "IdentityN":
            return read(point.output)
        if op in _JOINED:
            last = len(point.node.input) - (1 if op == "ConcatV2" else 0)
            return _joined(read(number) for number in range(_JOINED[op], last))
        if op in ("Pad", "PadV2"):
            return _joined([read(0), Bounds(0.0, 0.0, sure=True)])
        if op in _UNARY:
            return _UNARY[op](read(0))
        if op in _BINARY:
            return _BINARY[op](read(0), read(1))
        if op in _WEIGHING:
            return _WEIGHING[op](self._operand(point, 0, depth), self._operand(point, 1, depth))
        if op == "ClipByValue":
            return _lowest(_highest(read(0), read(1)), read(2))
        return UNKNOWN

    def _operand(self, point: Point, number: int, depth: int) -> Bounds:
        """Bounds of an operand; what training fixed counts as known, whatever it is."""
        given = input_of(self.graph, point, number)
        found = self.at(given, depth + 1)
        return _FOUND if found == UNKNOWN and self._is_fixed(given, 0) else found

    def _is_fixed(self, point: Point | None, depth: int) -> bool:
        """Whether a value is made of weights alone."""
        point = settle(self.graph, point)
        self.left -= 1
        if point is None or depth > _HIDDEN_DEEPEST or self.left < 0:
            return False
        if point.node.op in _WEIGHTS:
            return True
        inputs = range(len(point.node.input))
        return bool(inputs) and all(
            self._is_fixed(input_of(self.graph, point, number), depth + 1) for number in inputs
        )

    def _is_hidden(self, point: Point | None, depth: int) -> bool:
        """Whether a tensor holds what a hidden layer makes, not probabilities."""
        while point is not None and point.node.op in _WITHIN and self.left > 0:
            self.left -= 1
            point = input_of(self.graph, point, 0)
        point = settle(self.graph, point)
        self.left -= 1
        if point is None or depth > _HIDDEN_DEEPEST or self.left < 0:
            return False
        op = point.node.op
        if op in _WITHIN:
            return self._is_hidden(point, depth + 1)
        if op in _HIDDEN:
            return True
        if op in ("Add", "AddV2", "ConcatV2", "Mul", "Pad"):
            inputs = (input_of(self.graph, point, number) for number in (0, 1))
            return any(self._is_hidden(each, depth + 1) for each in inputs)
        return False


def _joined(parts: Iterable[Bounds]) -> Bounds:
    """Bounds of values that come from several places."""
    found = list(parts)
    if not found:
        return UNKNOWN
    low, high = min(each.low for each in found), max(each.high for each in found)
    return Bounds(low, high, sure=all(each.sure for each in found))


def _weighed(one: Bounds, other: Bounds) -> Bounds | None:
    """The bounds of a sum or product of which one part knows none; None for every other."""
    parts = (one, other)
    if any(each is _FOUND for each in parts):
        return _ANY if _ANY in parts else UNKNOWN
    if _ANY in parts:
        return UNKNOWN if UNKNOWN in parts else _ANY
    return None


def _times(one: float, other: float) -> float:
    return 0.0 if 0 in (one, other) else one * other


def _product(one: Bounds, other: Bounds) -> Bounds:
    if (weighed := _weighed(one, other)) is not None:
        return weighed
    ends = [_times(a, b) for a in one[:2] for b in other[:2]]
    sure = one.sure and other.sure
    return Bounds(min(ends), max(ends), sure=sure)


def _sum(one: Bounds, other: Bounds) -> Bounds:
    if (weighed := _weighed(one, other)) is not None:
        return weighed
    return Bounds(one.low + other.low, one.high + other.high, sure=one.sure and other.sure)


def _negative(given: Bounds) -> Bounds:
    if given is _FOUND:
        return given
    return Bounds(0.0 - given.high, 0.0 - given.low, given.sure)


def _quotient(one: Bounds, other: Bounds) -> Bounds:
    """Bounds of a quotient whose divisor has one sign, or of one by a constant."""
    divisor = _reciprocal(other)
    # Numerator and divisor may hang together, as in x / sum(x).
    plain = one.low == one.high or other.low == other.high
    return _product(one, divisor) if plain else UNKNOWN


def _reciprocal(given: Bounds) -> Bounds:
    if given.low < 0 or given.high == 0:
        return UNKNOWN
    high = math.inf if given.low == 0 else 1 / given.low
    return Bounds(1 / given.high, high, given.sure)


def _exponential(given: Bounds) -> Bounds:
    def power(value: float) -> float:
        return math.exp(value) if value < 700 else math.inf  # above, it overflows

    return Bounds(power(given.low), power(given.high), given.sure)


def _lowest(one: Bounds, other: Bounds) -> Bounds:
    return Bounds(min(one.low, other.low), min(one.high, other.high), one.sure and other.sure)


def _highest(one: Bounds, other: Bounds) -> Bounds:
    return Bounds(max(one.low, other.low), max(one.high, other.high), one.sure and other.sure)


def _relu(given: Bounds, most: float = math.inf) -> Bounds:
    return Bounds(min(max(given.low, 0.0), most), min(max(given.high, 0.0), most), given.sure)


def _softplus(given: Bounds) -> Bounds:
    return Bounds(0.0, math.inf, given.sure)


_UNARY: dict[str, Callable[[Bounds], Bounds]] = {
    "Elu": lambda given: _highest(given, Bounds(-1.0, -1.0, sure=True)),
    "Exp": _exponential,
    "LeakyRelu": lambda given: given,
    "Neg": _negative,
    "Reciprocal": _reciprocal,
    "Inv": _reciprocal,
    "Relu": _relu,
    "Relu6": lambda given: _relu(given, 6.0),
    "Softplus": _softplus,
}
_BINARY: dict[str, Callable[[Bounds, Bounds], Bounds]] = {
    "Maximum": _highest,
    "Minimum": _lowest,
    "RealDiv": _quotient,
}
_WEIGHING: dict[str, Callable[[Bounds, Bounds], Bounds]] = {
    "Add": _sum,
    "AddV2": _sum,
    "BiasAdd": _sum,
    "Mul": _product,
    "Sub": lambda one, other: _sum(one, _negative(other)),
}
