"""Keep TensorFlow 2.0.0's graph optimiser from pooling before a function that makes values equal.

Today's optimiser does not, and the places of the maxima are others. ArgMax is left alone: both
optimisers move it, so the network gives what its author saw, and CZ327 names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from czcheck.building.graph import Graph, Node
from czcheck.building.portable import Changes
from czcheck.network.leveling import POOLING, leveling_before


def hold_order(graph: Graph, attr_type: Callable[..., Any], changes: Changes) -> None:
    """Put a node that no optimiser moves between such a function and the pooling.

    Args:
        graph: The main graph, with its bodies.
        attr_type: Makes an attribute.
        changes: Counts what is done.
    """
    for part in graph.graphs():
        for node in list(part.nodes.values()):
            if node.op == POOLING and any(leveling_before(node, partial(_sources, part))):
                attrs = {"dtype": node.attrs["T"], "shape": attr_type()}
                attrs["shape"].shape.unknown_rank = True
                name, label = f"{node.name}/input", f"{node.label or node.name}/input"
                held = part.add(
                    Node(name, "PlaceholderWithDefault", [node.inputs[0]], [], attrs, label=label)
                )
                node.inputs[0] = held.name, 0
                changes.rewrote(node.op, f"PlaceholderWithDefault, {node.op}")


def _sources(graph: Graph, node: Node) -> Iterator[Node]:
    """The node that a node's first input comes from."""
    if node.inputs and node.inputs[0][0] in graph.nodes:
        yield graph.nodes[node.inputs[0][0]]
