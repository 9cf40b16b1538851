"""Why a network writes its own variables, in words: what to do depends on which layer does it."""

from __future__ import annotations

from collections.abc import Iterator

from czcheck.building.lowering.graph import Graph, Node
from czcheck.network import dtypes

CHANGES = frozenset(
    {
        "AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp", "Assign", "AssignAdd",
        "AssignSub", "ResourceScatterUpdate", "ResourceScatterAdd", "ResourceStridedSliceAssign",
    }
)  # fmt: skip
"""Operations that write a variable."""

_STEPS = ("ResourceApply", "ResourceSparseApply", "Apply", "SparseApply")
_STATISTICS = ("FusedBatchNorm", "Mean")
_DRAWS = ("Random", "RngReadAndSkip", "RngSkip", "Stateful", "StatelessRandom", "Multinomial")
_INFERENCE = "export keras.Model(model.inputs, model(model.inputs, training=False))"


def is_change(node: Node) -> bool:
    """Whether an operation writes a variable that it is given."""
    return node.op in CHANGES or node.op.startswith(_STEPS)


def reason(graph: Graph, node: Node, dtype: int) -> str:
    """What layer writes a variable, and the way out.

    Args:
        graph: The graph that holds the node.
        node: The operation that writes, for which `is_change` is true.
        dtype: Number of the variable's dtype.

    Returns:
        A message without its full stop.
    """
    what = f"operation {node.op} (node {node.label or node.name}) changes a variable while the "
    if node.op.startswith(_STEPS):
        return (
            f"{what}network runs, as the optimizer does in a step of training; export the function "
            "that predicts"
        )
    behind = {each.op for each in _behind(graph, node)}
    if any(op.startswith(_DRAWS) for op in behind) or "float" not in dtypes.name(dtype):
        return (
            f"{what}network runs, as layers of augmentation and dropout do that were exported "
            "active; name the model's .keras file in `ModelPath` instead of the export, or "
            f"{_INFERENCE}"
        )
    if any(op.startswith(_STATISTICS) for op in behind):
        return (
            f"{what}network runs: it updates a running average, as batch normalisation does in "
            f"training mode; {_INFERENCE}, and where a layer itself is called with training=True, "
            "leave that out"
        )
    return f"{what}network runs, as layers do in training mode; {_INFERENCE}"


def _behind(graph: Graph, node: Node) -> Iterator[Node]:
    """All nodes that a node's inputs are made of, in one graph."""
    pending, seen = [node], {node.name}
    while pending:
        for name, _ in pending.pop().inputs:
            if name in graph.nodes and name not in seen:
                seen.add(name)
                pending.append(graph.nodes[name])
                yield graph.nodes[name]
