"""What a graph shows of its network: what it ends in, its precision, and operations of training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from czcheck.network import dtypes
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
from czcheck.network.facts import NodeUse, Precision
from czcheck.network.grammar import node_of
from czcheck.network.graph import SavedGraph, Scope

_LINEAR = WEIGHTED | {"Add", "AddN", "AddV2", "BiasAdd", "Mul", "Sub"}
_NAMED = {"Softmax": "softmax", "LogSoftmax": "log-softmax", "Sigmoid": "sigmoid"}
_STEPS = 10_000
_UNKNOWN = "unknown"
# Operations that leave the channels where they are.
_IN_PLACE = frozenset({"Cast", "ResizeBilinear", "ResizeNearestNeighbor"})
_PAIRED = frozenset({"ConcatV2", "Pack"})


def tail_of(graph: SavedGraph, tensor: str) -> str:
    """What a tensor of the main graph comes from.

    Branches are followed to all their ends; if these differ, the tail is `unknown`.

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


# The coarser one counts, wherever on the way it is.
_COARSE: tuple[Precision, ...] = ("bfloat16", "float16")
# Inputs in front of those that the functions of a node get.
_SELECTORS = {"If": 1, "StatelessIf": 1, "Case": 1, "StatelessCase": 1}

Place = tuple[Scope, str]


def precision_of(graph: SavedGraph, fed: Iterable[str], outputs: Iterable[str]) -> Precision:
    """The coarsest type of floating numbers between the input image and the prediction.

    Weights that are only stored in half precision are not on that way: a cast of constants says
    nothing about what is computed with them.

    Args:
        graph: The graph.
        fed: Tensors of the main graph that take the input image.
        outputs: Tensors of the main graph that are the prediction.

    Returns:
        `float32` where all is computed in that type, or in a finer one.
    """
    way = _on_the_way(graph, fed, _computed(graph, outputs))
    found = {name for node in way for name in _types(node)}
    return next((each for each in _COARSE if each in found), "float32")


def _computed(graph: SavedGraph, outputs: Iterable[str]) -> dict[Scope, dict[str, Any]]:
    """Nodes that a prediction is computed from, not those that only run before it."""
    computed: dict[Scope, dict[str, Any]] = {None: {}}
    pending: list[Place] = [(None, node_of(each)) for each in outputs]
    while pending:
        scope, name = pending.pop()
        node = graph.nodes(scope).get(name)
        if node is None or name in computed[scope]:
            continue
        computed[scope][name] = node
        pending.extend((scope, node_of(each)) for each in graph.inputs(scope, node))
        for function in graph.calls(scope, node):
            if function not in computed:
                computed[function] = {}
                ends = graph.library[function].ret.values()
                pending.extend((function, node_of(each)) for each in ends)
    return computed


def _on_the_way(
    graph: SavedGraph, fed: Iterable[str], computed: dict[Scope, dict[str, Any]]
) -> list[Any]:
    """Nodes that depend on the input and that the prediction is computed from.

    Calls are left out: what they call is there.
    """
    readers: dict[Scope, dict[str, list[Any]]] = {}
    pending: list[Place] = [(None, node_of(each)) for each in fed]
    seen = set(pending)
    found: dict[Place, Any] = {}
    while pending:
        scope, name = pending.pop()
        if scope not in readers:
            readers[scope] = _readers(graph, scope, computed.get(scope, {}))
        for node in readers[scope].get(name, ()):
            if not graph.calls(scope, node):
                found[scope, node.name] = node
            reached = [(scope, node.name), *_arguments(graph, scope, node, name)]
            for place in reached:
                if place not in seen:
                    seen.add(place)
                    pending.append(place)
    return list(found.values())


def _readers(graph: SavedGraph, scope: Scope, nodes: dict[str, Any]) -> dict[str, list[Any]]:
    """For each node or argument of a scope, those of the nodes that read it."""
    readers: dict[str, list[Any]] = {}
    for node in nodes.values():
        for name in dict.fromkeys(map(node_of, graph.inputs(scope, node))):
            readers.setdefault(name, []).append(node)
    return readers


def _arguments(graph: SavedGraph, scope: Scope, node: Any, name: str) -> list[Place]:
    """The arguments of called functions that a node hands a tensor on to."""
    functions = dict.fromkeys(graph.calls(scope, node))
    if not functions:
        return []
    ahead = _SELECTORS.get(node.op, 0)
    positions = {
        at - ahead for at, text in enumerate(graph.inputs(scope, node)) if node_of(text) == name
    }
    return [
        (function, argument)
        for function in functions
        for argument, at in graph.arguments(function).items()
        if at in positions
    ]


def _types(node: Any) -> list[str]:
    """Types that a node's attributes name."""
    numbers: list[int] = []
    for value in node.attr.values():
        numbers.append(value.type)
        numbers.extend(value.list.type)
    return [dtypes.name(number) for number in numbers if number]


_RANDOM = frozenset(
    {
        "AllCandidateSampler",
        "FixedUnigramCandidateSampler",
        "LearnedUnigramCandidateSampler",
        "LogUniformCandidateSampler",
        "Multinomial",
        "NonDeterministicInts",
        "ParameterizedTruncatedNormal",
        "RandomCrop",
        "RandomGamma",
        "RandomPoisson",
        "RandomPoissonV2",
        "RandomShuffle",
        "RandomStandardNormal",
        "RandomUniform",
        "RandomUniformInt",
        "SampleDistortedBoundingBox",
        "SampleDistortedBoundingBoxV2",
        "StatefulRandomBinomial",
        "StatefulStandardNormal",
        "StatefulStandardNormalV2",
        "StatefulTruncatedNormal",
        "StatefulUniform",
        "StatefulUniformFullInt",
        "StatefulUniformInt",
        "ThreadUnsafeUnigramCandidateSampler",
        "TruncatedNormal",
        "UniformCandidateSampler",
    }
)
# Always the same numbers for the same seed: input 1, or for the second version the key.
_SEEDED = ("StatelessRandom", "StatelessTruncatedNormal", "StatelessMultinomial")
_NO_DRAW = frozenset(
    {"StatelessRandomGetAlg", "StatelessRandomGetKeyCounter", "StatelessRandomGetKeyCounterAlg"}
)
_NORMALISES = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
# Running averages and optimizers; inference only reads its variables.
_UPDATES = frozenset(
    {
        "Assign",
        "AssignAdd",
        "AssignAddVariableOp",
        "AssignSub",
        "AssignSubVariableOp",
        "AssignVariableOp",
    }
)
_APPLIES = ("ResourceApply", "ResourceSparseApply", "ResourceScatter")


def random_nodes(graph: SavedGraph) -> Iterator[NodeUse]:
    """Nodes reached by the serving signature whose numbers differ from call to call.

    A draw with a seed is left out where the seed is a constant in the same function.
    """
    for scope, node in graph.serving:
        op: str = node.op
        if op in _RANDOM:
            yield NodeUse(op, node.name, scope)
        elif op.startswith(_SEEDED) and op not in _NO_DRAW:
            seed = settle(graph, input_of(graph, Point(scope, node, 0, None), 1))
            if seed is not None and seed.node.op == "StatelessRandomGetKeyCounter":
                seed = settle(graph, input_of(graph, seed, 0))
            if seed is None or seed.node.op != "Const":
                yield NodeUse(op, node.name, scope)


def training_nodes(graph: SavedGraph) -> Iterator[NodeUse]:
    """Nodes reached by the serving signature that belong to training.

    Batch normalisations that use the tile's own statistics, and updates of variables, by which
    running averages are updated. Layer normalisation is written with the same operation as batch
    normalisation, over channels in the second dimension; it is left out.
    """
    for scope, node in graph.serving:
        op: str = node.op
        if op in _UPDATES or op.startswith(_APPLIES):
            yield NodeUse(op, node.name, scope)
        elif op in _NORMALISES:
            training = node.attr.get("is_training")
            layout = node.attr.get("data_format")
            channels_last = layout is None or layout.s in (b"", b"NHWC")
            if (training is None or training.b) and channels_last:
                yield NodeUse(op, node.name, scope)
