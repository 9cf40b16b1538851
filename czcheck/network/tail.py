"""What the network's answer comes from: a softmax, a sigmoid, or something else."""

from __future__ import annotations

import struct

from czcheck.network.dataflow import (
    SAME_VALUE,
    Point,
    input_of,
    inside,
    is_call,
    locate,
    settle,
)
from czcheck.network.graph import Graph

# Moving values about, changing their dtype or the size of the picture keeps probabilities what they
# are.
_HANDS_ON = SAME_VALUE | {
    "Reshape",
    "Cast",
    "Squeeze",
    "ExpandDims",
    "Transpose",
    "StridedSlice",
    "Slice",
    "ResizeBilinear",
    "ResizeNearestNeighbor",
    "BatchToSpaceND",
}
_LINEAR = frozenset(
    {
        "Add",
        "AddN",
        "AddV2",
        "BatchMatMul",
        "BatchMatMulV2",
        "BiasAdd",
        "Conv2D",
        "Conv2DBackpropInput",
        "DepthwiseConv2dNative",
        "Einsum",
        "FusedBatchNorm",
        "FusedBatchNormV2",
        "FusedBatchNormV3",
        "MatMul",
        "Mul",
        "Sub",
    }
)
_NAMED = {"Softmax": "softmax", "LogSoftmax": "log-softmax", "Sigmoid": "sigmoid"}
_STEPS = 10_000
_UNKNOWN = "unknown"


def tail_of(graph: Graph, tensor: str) -> str:
    """What a tensor of the main graph comes from.

    Branches are followed to all their ends; if these differ, the answer is `unknown`.

    Args:
        graph: The graph.
        tensor: The tensor, such as `StatefulPartitionedCall:0`.

    Returns:
        One of the values of `Network.tail`.
    """
    ends: set[str] = set()
    seen: set[tuple[object, ...]] = set()
    pending = [locate(graph, None, tensor, None)]
    for _ in range(_STEPS):
        if not pending:
            return ends.pop() if len(ends) == 1 else _UNKNOWN
        point = pending.pop()
        if point is None:
            return _UNKNOWN
        if point.place in seen:
            continue
        seen.add(point.place)
        op = point.node.op
        if op in _HANDS_ON:
            pending.append(input_of(graph, point, 0))
        elif op == "IdentityN":
            pending.append(input_of(graph, point, point.output))
        elif op in ("Merge", "RefMerge"):
            pending.extend(
                input_of(graph, point, number) for number in range(len(point.node.input))
            )
        elif is_call(graph, point.node):
            pending.extend(inside(graph, point))
        else:
            ends.add(_kind(graph, point))
    return _UNKNOWN


def _kind(graph: Graph, point: Point) -> str:
    """What an operation that makes a new value amounts to."""
    op: str = point.node.op
    if op in _NAMED:
        return _NAMED[op]
    if op == "RealDiv" and _is_softmax(graph, point):
        return "decomposed-softmax"
    if op in ("ConcatV2", "Pack") and _is_sigmoid_pair(graph, point):
        return "sigmoid-pair"
    return "linear" if op in _LINEAR else op


def _is_softmax(graph: Graph, point: Point) -> bool:
    """Whether a quotient is exp(x) / sum(exp(x))."""
    numerator = settle(graph, input_of(graph, point, 0))
    denominator = settle(graph, input_of(graph, point, 1))
    if numerator is None or denominator is None:
        return False
    if numerator.node.op != "Exp" or denominator.node.op != "Sum":
        return False
    summed = settle(graph, input_of(graph, denominator, 0))
    return summed is not None and summed.place == numerator.place


def _is_sigmoid_pair(graph: Graph, point: Point) -> bool:
    """Whether two channels are p and 1 - p, in either order, p from a sigmoid."""
    first = settle(graph, input_of(graph, point, 0))
    second = settle(graph, input_of(graph, point, 1))
    if first is None or second is None:
        return False
    if first.node.op == "Sub":
        first, second = second, first
    if first.node.op != "Sigmoid" or second.node.op != "Sub":
        return False
    one = settle(graph, input_of(graph, second, 0))
    taken = settle(graph, input_of(graph, second, 1))
    return one is not None and _is_one(one) and taken is not None and taken.place == first.place


def _is_one(point: Point) -> bool:
    """Whether a constant is the float32 scalar 1."""
    if point.node.op != "Const" or "value" not in point.node.attr:
        return False
    value = point.node.attr["value"].tensor
    return list(value.float_val) == [1.0] or value.tensor_content == struct.pack("<f", 1.0)
