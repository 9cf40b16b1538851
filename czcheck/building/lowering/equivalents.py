"""Replace operations that TensorFlow 2.0.0 lacks by ones that compute exactly the same."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from czcheck.building.lowering.graph import Graph, Node
from czcheck.building.lowering.rewriting import DT_FLOAT, DT_INT32, Tools

DIAGONALS = {
    "MatrixDiagV3": "MatrixDiagV2",
    "MatrixDiagPartV3": "MatrixDiagPartV2",
    "MatrixSetDiagV3": "MatrixSetDiagV2",
}
"""The older ones align several diagonals in another way; for one alone there is no difference."""

DIAGONAL_INPUT = {"MatrixDiagV3": 1, "MatrixDiagPartV3": 1, "MatrixSetDiagV3": 2}
EXPLICIT = b"EXPLICIT"
BORDERS = {"MaxPool": float("-inf"), "DepthwiseConv2dNative": 0.0}
"""Operations that got explicit padding later: what stands in the border for each of them."""


def replace(graph: Graph, tools: Tools) -> None:
    """Replace operations of the main graph and of all bodies, in place.

    Args:
        graph: The main graph, frozen and pruned.
        tools: What makes new nodes.
    """
    for part in graph.graphs():
        for node in list(part.nodes.values()):
            if node.op in DIAGONALS and _is_single(part, node):
                tools.changes.rewrote(node.op, DIAGONALS[node.op])
                node.op = DIAGONALS[node.op]
                node.attrs.pop("align", None)
            elif node.op in BORDERS and node.attrs["padding"].s == EXPLICIT:
                _pad(part, node, tools)


def _is_single(graph: Graph, node: Node) -> bool:
    """Whether the diagonals that a node asks for are one."""
    asked = graph.nodes.get(node.inputs[DIAGONAL_INPUT[node.op]][0])
    if asked is None or asked.op != "Const":
        return False
    values = tf.make_ndarray(asked.attrs["value"].tensor).ravel()
    return bool(values.size and (values == values[0]).all())


def _pad(graph: Graph, node: Node, tools: Tools) -> None:
    """Write the border that a node pads with as an operation of its own."""
    place, image = tools.of(graph), node.inputs[0]
    widths = np.array(node.attrs["explicit_paddings"].list.i, np.int32).reshape(-1, 2)
    as_type = node.attrs.get("T", place.type(DT_FLOAT))  # not written where it is the default
    dtype = tf.dtypes.as_dtype(as_type.type)
    if not dtype.is_floating:
        return
    tools.changes.rewrote(f"{node.op} with explicit padding", f"PadV2, {node.op}")
    value = np.array(BORDERS[node.op], dtype.as_numpy_dtype)
    border = place.constant(f"{node.name}/border", value, image)
    sizes = place.ints(f"{node.name}/paddings", widths, image)
    types = {"T": as_type, "Tpaddings": place.type(DT_INT32)}
    node.inputs[0] = place.add(f"{node.name}/padded", "PadV2", [image, sizes, border], **types)
    node.attrs["padding"] = place.attr(s=b"VALID")
    del node.attrs["explicit_paddings"]
