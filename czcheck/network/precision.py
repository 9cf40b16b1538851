"""In how many digits a network computes, from its graph alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from czcheck.network import dtypes
from czcheck.network.facts import Precision
from czcheck.network.graph import Graph, Scope, node_of

# The coarser one counts, wherever on the way it is.
_COARSE: tuple[Precision, ...] = ("bfloat16", "float16")
# Inputs in front of those that the functions of a node get.
_SELECTORS = {"If": 1, "StatelessIf": 1, "Case": 1, "StatelessCase": 1}

Place = tuple[Scope, str]


def precision_of(graph: Graph, fed: Iterable[str]) -> Precision:
    """The coarsest type of floating numbers between the input image and the prediction.

    Weights that are only stored in half precision are not on that way: a cast of constants says
    nothing about what is computed with them.

    Args:
        graph: The graph, marked with what the serving signature reaches.
        fed: Tensors of the main graph that take the input image.

    Returns:
        `float32` where all is computed in that type, or in a finer one.
    """
    found = {name for node in _on_the_way(graph, fed) for name in _types(node)}
    return next((each for each in _COARSE if each in found), "float32")


def _on_the_way(graph: Graph, fed: Iterable[str]) -> list[Any]:
    """Nodes that depend on the input and that the prediction depends on."""
    readers: dict[Scope, dict[str, list[Any]]] = {}
    pending: list[Place] = [(None, node_of(each)) for each in fed]
    seen = set(pending)
    found: dict[Place, Any] = {}
    while pending:
        scope, name = pending.pop()
        if scope not in readers:
            readers[scope] = _readers(graph, scope)
        for node in readers[scope].get(name, ()):
            found[scope, node.name] = node
            reached = [(scope, node.name), *_arguments(graph, scope, node, name)]
            for place in reached:
                if place not in seen:
                    seen.add(place)
                    pending.append(place)
    return list(found.values())


def _readers(graph: Graph, scope: Scope) -> dict[str, list[Any]]:
    """For each node or argument of a scope, the nodes that read it and that are reached."""
    readers: dict[str, list[Any]] = {}
    for node in graph.serving.nodes.get(scope, {}).values():
        for name in dict.fromkeys(map(node_of, graph.inputs(scope, node))):
            readers.setdefault(name, []).append(node)
    return readers


def _arguments(graph: Graph, scope: Scope, node: Any, name: str) -> list[Place]:
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
