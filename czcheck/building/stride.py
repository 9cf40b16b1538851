"""How far a network shrinks a tile, read from its nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from czcheck.network.graph import node_of

if TYPE_CHECKING:
    from czcheck.network.facts import Network

RESIZES = frozenset(
    {"ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea", "ScaleAndTranslate"}
)
SHRINKS = frozenset({"MaxPool", "AvgPool", "Conv2D", "DepthwiseConv2dNative"})


def stride(nodes: Iterable[Any]) -> int:
    """Factor by which a graph shrinks a tile at its coarsest, 1 if it does not.

    Args:
        nodes: Its nodes (`NodeDef`), in any order.

    Returns:
        The largest product of strides along a path; a resize starts anew.
    """
    known = {node.name: node for node in nodes}
    scale: dict[str, int] = {}
    opened: set[str] = set()
    pending = list(known)
    while pending:
        name = pending[-1]
        if name in scale:
            pending.pop()
            continue
        node = known[name]
        sources = [node_of(text) for text in node.input if not text.startswith("^")]
        missing = [
            source
            for source in sources
            if source in known and source not in scale and source not in opened
        ]
        if missing and name not in opened:
            opened.add(name)
            pending.extend(missing)
            continue
        pending.pop()
        scale[name] = _scale(node, max((scale.get(source, 1) for source in sources), default=1))
    return max(scale.values(), default=1)


def _scale(node: Any, before: int) -> int:
    if node.op in RESIZES:
        return 1
    if node.op in SHRINKS:
        return before * _step(node)
    if node.op == "Conv2DBackpropInput":
        return max(1, before // _step(node))
    return before


def _step(node: Any) -> int:
    return max(1, *(int(step) for step in node.attr["strides"].list.i), 1)


def multiple_of(network: Network) -> int | None:
    """Number that a tile's height and width should be multiples of; None if not known.

    Args:
        network: A SavedModel as read without TensorFlow.
    """
    if network.graph is None or not network.graph.serving.nodes:
        return None
    return max(stride(nodes.values()) for nodes in network.graph.serving.nodes.values())
