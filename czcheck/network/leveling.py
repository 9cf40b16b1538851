"""Functions that make different numbers equal, before the place of the largest is looked for.

TensorFlow 2.0.0's graph optimiser looks for the place before such a function instead of behind it,
since the order of numbers stays the same. But of equal numbers the first one counts, and before the
function they may not be equal: another class is found. What it moves was read from the graphs that
it made, function by function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

from czcheck.network.dataflow import is_plain_call, makers
from czcheck.network.grammar import node_of
from czcheck.network.graph import SavedGraph, Scope

PLACES = frozenset({"ArgMax", "ArgMin"})
"""Operations that give a place."""

POOLING = "MaxPoolWithArgmax"
"""The operation that gives places as well as values."""

_SAME = frozenset({"Identity", "StopGradient", "PreventGradient"})  # the optimiser removes them
_RISING = frozenset(
    {"Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Elu", "Erf", "Exp", "Expm1", "Floor"}
    | {"Log", "Log1p", "Relu", "Relu6", "Rint", "Selu", "Sigmoid", "Sign", "Sinh", "Softplus"}
    | {"Softsign", "Sqrt", "Tanh"}
)
_FALLING = frozenset({"Acos", "Erfc", "Neg", "Rsqrt"})
_MOVED_ABOVE = {
    "ArgMax": _RISING | _FALLING,
    "ArgMin": _RISING | _FALLING,
    POOLING: _RISING,
}
# They read sizes, which are known without the values: the optimiser may drop them.
_SIZES = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"})


class _Named(Protocol):
    """A node of any kind of graph."""

    @property
    def op(self) -> str:
        """Its operation."""


AnyNode = TypeVar("AnyNode", bound=_Named)


def leveling_before(
    node: AnyNode, sources: Callable[[AnyNode], Iterator[AnyNode]]
) -> Iterator[AnyNode]:
    """The functions that the optimiser moves a node above.

    Args:
        node: A node.
        sources: Gives the nodes that a node's first input may come from.

    Yields:
        Nodes that compute such a function; none where the node gives no place.
    """
    moved = _MOVED_ABOVE.get(node.op)
    pending = list(sources(node)) if moved else []
    while pending:
        source = pending.pop()
        if source.op in _SAME:
            pending.extend(sources(source))
        elif moved and source.op in moved:
            yield source


def is_behind_leveling(graph: SavedGraph, scope: Scope, node: Any) -> bool:
    """Whether the optimiser looks for a place before a function that makes numbers equal.

    It does not where anything else reads what the function computes.

    Args:
        graph: The graph.
        scope: Where the node stands.
        node: The node.
    """
    found = leveling_before(_Placed(scope, node), lambda placed: _sources(graph, placed))
    return any(
        each.scope != scope or not _is_read_elsewhere(graph, scope, each.node, node)
        for each in found
    )


class _Placed(NamedTuple):
    """A node and the function that holds it."""

    scope: Scope
    node: Any

    @property
    def op(self) -> str:
        """Its operation."""
        op: str = self.node.op
        return op


def _sources(graph: SavedGraph, placed: _Placed) -> Iterator[_Placed]:
    for reference in graph.inputs(placed.scope, placed.node)[:1]:
        for scope, node in makers(graph, placed.scope, reference):
            yield _Placed(scope, node)


def _is_read_elsewhere(graph: SavedGraph, scope: Scope, function: Any, place: Any) -> bool:
    """Whether something else in the function's scope has to have its values."""
    nodes = graph.serving.nodes[scope].values()
    pending, seen = [function.name], {function.name}
    while pending:
        graph.step(len(nodes))
        name = pending.pop()
        for node in nodes:
            if node.name in seen or name not in map(node_of, graph.inputs(scope, node)):
                continue
            seen.add(node.name)
            if node.op in _SAME:
                pending.append(node.name)
            elif not (
                # Two nodes that compute the same become one; calls need not read an argument.
                node.op == place.op or node.op in _SIZES or is_plain_call(graph, node)
            ):
                return True
    return False
