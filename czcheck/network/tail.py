"""What the network's answer comes from: a softmax, a sigmoid, or something else."""

from __future__ import annotations

from czcheck.network.bounds import (
    HANDS_ON,
    WEIGHTED,
    bounds_at,
    is_log_softmax,
    is_number,
    is_sigmoid,
    is_softmax,
)
from czcheck.network.dataflow import Point, input_of, inside, is_call, locate, settle
from czcheck.network.graph import SavedGraph

_LINEAR = WEIGHTED | {"Add", "AddN", "AddV2", "BiasAdd", "Mul", "Sub"}
_NAMED = {"Softmax": "softmax", "LogSoftmax": "log-softmax", "Sigmoid": "sigmoid"}
_STEPS = 10_000
_UNKNOWN = "unknown"
# Operations that leave the channels where they are.
_IN_PLACE = frozenset({"Cast", "ResizeBilinear", "ResizeNearestNeighbor"})
_PAIRED = frozenset({"ConcatV2", "Pack"})


def tail_of(graph: SavedGraph, tensor: str) -> str:
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
        if op in HANDS_ON:
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


def pair_of(graph: SavedGraph, tensor: str) -> int | None:
    """Which channel of an output holds p, where its two channels are p and 1 - p.

    Args:
        graph: The graph.
        tensor: The output's tensor in the main graph.

    Returns:
        0 or 1; None for every other output.
    """
    point = settle(graph, locate(graph, None, tensor, None))
    for _ in range(_STEPS):
        if point is None or point.node.op not in _IN_PLACE:
            break
        point = settle(graph, input_of(graph, point, 0))
    return None if point is None or point.node.op not in _PAIRED else _pair(graph, point)


def _kind(graph: SavedGraph, point: Point) -> str:
    """What an operation that makes a new value amounts to."""
    op: str = point.node.op
    if op in _NAMED:
        return _NAMED[op]
    if op == "RealDiv" and is_softmax(graph, point):
        return "decomposed-softmax"
    if op == "Sub" and is_log_softmax(graph, point):
        return "log-softmax"
    if is_sigmoid(graph, point):
        return "sigmoid"
    if op in _PAIRED and _pair(graph, point) is not None:
        return "sigmoid-pair"
    return "linear" if op in _LINEAR else op


def _pair(graph: SavedGraph, point: Point) -> int | None:
    """Which of two joined values is p, where they are p and 1 - p and p lies between 0 and 1."""
    joined = len(point.node.input) - (1 if point.node.op == "ConcatV2" else 0)
    if joined != 2:  # p and 1 - p
        return None
    for channel in (0, 1):
        p = settle(graph, input_of(graph, point, channel))
        rest = settle(graph, input_of(graph, point, 1 - channel))
        if p is None or rest is None or rest.node.op != "Sub":
            continue
        one = settle(graph, input_of(graph, rest, 0))
        taken = settle(graph, input_of(graph, rest, 1))
        if one is None or taken is None or not is_number(one, 1.0) or taken.place != p.place:
            continue
        if bounds_at(graph, p).probable:
            return channel
    return None
