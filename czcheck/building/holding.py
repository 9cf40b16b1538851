"""Keep TensorFlow 2.0.0's graph optimiser from asking for the largest value too early."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from czcheck.building.graph import Graph, Node
from czcheck.building.portable import Changes

_BEST = ("ArgMax", "ArgMin", "MaxPoolWithArgmax")
_SAME = frozenset({"Identity", "StopGradient", "PreventGradient", "Snapshot", "CheckNumerics"})
_LEVELS = frozenset(
    {"Relu", "Relu6", "Sigmoid", "Tanh", "Elu", "Selu", "Softplus", "Softsign", "Exp", "Expm1"}
    | {"Erf", "Erfc", "Floor", "Ceil", "Rint", "Round", "Sign", "Log", "Log1p", "Sqrt", "Rsqrt"}
    | {"Reciprocal", "Neg", "Atan", "Asin", "Acos", "Asinh", "Acosh", "Sinh", "Tan"}
)
"""Functions that never turn the order of two numbers, or always do. Most make some numbers equal,
by a limit or by rounding, and of equal ones the first is the best. The optimiser swaps them with
what asks for the best, and another of the equal ones is chosen."""


def hold_order(graph: Graph, attr_type: Callable[..., Any], changes: Changes) -> None:
    """Put a node that no optimiser moves between such a function and what asks for the best.

    Args:
        graph: The main graph, with its bodies.
        attr_type: Makes an attribute.
        changes: Counts what is done.
    """
    for part in graph.graphs():
        for node in list(part.nodes.values()):
            if node.op in _BEST and _levels(part, node):
                attrs = {"dtype": node.attrs["T"], "shape": attr_type()}
                attrs["shape"].shape.unknown_rank = True
                name, label = f"{node.name}/input", f"{node.label or node.name}/input"
                held = part.add(
                    Node(name, "PlaceholderWithDefault", [node.inputs[0]], [], attrs, label=label)
                )
                node.inputs[0] = held.name, 0
                changes.rewrote(node.op, f"PlaceholderWithDefault, {node.op}")


def _levels(graph: Graph, node: Node) -> bool:
    """Whether the first input comes from a function that may make numbers equal."""
    source = graph.nodes.get(node.inputs[0][0])
    while source is not None and source.op in _SAME and source.inputs:
        source = graph.nodes.get(source.inputs[0][0])
    return source is not None and source.op in _LEVELS
