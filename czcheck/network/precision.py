"""In how many digits a network computes, from its graph alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from czcheck.network import dtypes
from czcheck.network.facts import Precision
from czcheck.network.grammar import node_of
from czcheck.network.graph import SavedGraph, Scope

# The coarser one counts, wherever on the way it is.
_COARSE: tuple[Precision, ...] = ("bfloat16", "float16")
# Inputs in front of those that the functions of a node get.
_SELECTORS = {"If": 1, "StatelessIf": 1, "Case": 1, "StatelessCase": 1}

Place = tuple[Scope, str]


def precision_of(graph: SavedGraph, fed: Iterable[str], asked: Iterable[str]) -> Precision:
    """The coarsest type of floating numbers between the input image and the prediction.

    Weights that are only stored in half precision are not on that way: a cast of constants says
    nothing about what is computed with them.

    Args:
        graph: The graph.
        fed: Tensors of the main graph that take the input image.
        asked: Tensors of the main graph that are the prediction.

    Returns:
        `float32` where all is computed in that type, or in a finer one.
    """
    way = _on_the_way(graph, fed, _computed(graph, asked))
    found = {name for node in way for name in _types(node)}
    return next((each for each in _COARSE if each in found), "float32")


def _computed(graph: SavedGraph, asked: Iterable[str]) -> dict[Scope, dict[str, Any]]:
    """Nodes that a prediction is computed from, not those that only run before it."""
    computed: dict[Scope, dict[str, Any]] = {None: {}}
    pending: list[Place] = [(None, node_of(each)) for each in asked]
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
