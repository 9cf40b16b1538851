"""Keep TensorFlow 2.0.0's graph optimiser from pooling before a function that makes values equal.

Today's optimiser does not, and the places of the maxima are others. ArgMax is left alone: both
optimisers move it, so the network gives what its author saw, and CZ327 names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from czcheck.building.lowering.graph import Graph, Node, Ref
from czcheck.building.lowering.portable import Changes
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
                shape = attr_type()
                shape.shape.unknown_rank = True
                held = part.add(barrier(node, "input", node.inputs[0], node.attrs["T"], shape))
                node.inputs[0] = held.name, 0
                changes.rewrote(node.op, f"{held.op}, {node.op}")


def barrier(named: Node, ending: str, ref: Ref, dtype: Any, shape: Any) -> Node:
    """A node that hands on a tensor, and that no optimiser moves or folds: it might be fed.

    Args:
        named: The node that its name begins with.
        ending: What its name ends with.
        ref: The tensor.
        dtype: Its dtype, an attribute.
        shape: Its shape, an attribute.
    """
    name, label = f"{named.name}/{ending}", f"{named.label or named.name}/{ending}"
    attrs = {"dtype": dtype, "shape": shape}
    return Node(name, "PlaceholderWithDefault", [ref], [], attrs, label=label)


def _sources(graph: Graph, node: Node) -> Iterator[Node]:
    """The node that a node's first input comes from."""
    if node.inputs and node.inputs[0][0] in graph.nodes:
        yield graph.nodes[node.inputs[0][0]]
