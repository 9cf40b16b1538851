"""Functions that make different numbers equal, before the place of the largest is asked for.

TensorFlow's graph optimiser, that of 2.0.0 as well, asks for the place before such a function
instead of behind it, since the order of numbers stays the same. But of equal numbers the first one
counts, and before the function they may not be equal: another class is found.
"""

from __future__ import annotations

from typing import Any

from czcheck.network.grammar import node_of
from czcheck.network.graph import SavedGraph, Scope

PLACES = frozenset({"ArgMax", "ArgMin"})
"""Operations that ask for a place."""

SAME = frozenset({"Identity", "StopGradient", "PreventGradient", "Snapshot", "CheckNumerics"})
"""Operations that hand on their input, and that the optimiser looks through."""

LEVELING = frozenset(
    {"Relu", "Relu6", "Sigmoid", "Tanh", "Elu", "Selu", "Softplus", "Softsign", "Exp", "Expm1"}
    | {"Erf", "Erfc", "Floor", "Ceil", "Rint", "Round", "Sign", "Log", "Log1p", "Sqrt", "Rsqrt"}
    | {"Reciprocal", "Neg", "Atan", "Asin", "Acos", "Asinh", "Acosh", "Sinh", "Tan"}
)
"""Functions that never turn the order of two numbers, or always do. Most make some numbers equal,
by a limit or by rounding."""


def is_behind_leveling(graph: SavedGraph, scope: Scope, node: Any) -> bool:
    """Whether a node asks for the place of the largest behind such a function.

    Args:
        graph: The graph.
        scope: Where the node stands.
        node: The node.
    """
    if node.op not in PLACES:
        return False
    nodes = graph.nodes(scope)
    source = node
    while True:
        graph.step()
        inputs = graph.inputs(scope, source)
        source = nodes.get(node_of(inputs[0])) if inputs else None
        if source is None or source.op not in SAME:
            return source is not None and source.op in LEVELING
