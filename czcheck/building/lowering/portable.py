"""Bring a graph to the operations and attributes of the target, TensorFlow 2.0.0."""

from __future__ import annotations

from dataclasses import dataclass, field

from czcheck.building.lowering.graph import Graph, Node
from czcheck.errors import InputError
from czcheck.network.target import Target, load_target


@dataclass(slots=True)
class Changes:
    """What lowering changed.

    Attributes:
        attributes: Dropped attributes that the target does not know, counted by `Op.attribute`.
        rewrites: Operations replaced by ones that the target has, counted by `old -> new`.
    """

    attributes: dict[str, int] = field(default_factory=dict)
    rewrites: dict[str, int] = field(default_factory=dict)

    def dropped(self, op: str, name: str) -> None:
        """Count a dropped attribute."""
        key = f"{op}.{name}"
        self.attributes[key] = self.attributes.get(key, 0) + 1

    def rewrote(self, old: str, new: str) -> None:
        """Count a replaced operation."""
        key = f"{old} -> {new}"
        self.rewrites[key] = self.rewrites.get(key, 0) + 1


SAME_WHEN_TYPES_AGREE = {"BatchMatMulV3": "BatchMatMulV2"}
OLDER = {"StatelessCase": "Case", "QuantizeAndDequantizeV4": "QuantizeAndDequantizeV2"}
"""Operations that differ from an older one in their state or their gradient alone."""


def make_portable(graph: Graph, changes: Changes) -> None:
    """Rewrite operations and drop attributes that TensorFlow 2.0.0 does not know, in place.

    Args:
        graph: The main graph, pruned.
        changes: Counts what is done.

    Raises:
        InputError: An operation, or an attribute that is not at its default, has no equal there.
    """
    target = load_target("tf-2.0.0")
    for part in graph.graphs():
        for node in part.nodes.values():
            _rename_operation(node, changes)
            if not target.knows(node.op):
                raise InputError(
                    f"operation {node.op} (node {node.name}) does not exist in TensorFlow 2.0.0, "
                    "which models have to run in, and has no exact replacement there; use a layer "
                    "that does without it"
                )
            _drop_attributes(node, target, changes)


def drop_hints(graph: Graph) -> None:
    """Drop attributes that are hints to one runtime, such as shapes that were inferred once.

    Args:
        graph: The main graph; it and all bodies are changed in place.
    """
    for part in graph.graphs():
        for node in part.nodes.values():
            node.attrs = {name: node.attrs[name] for name in node.attrs if name[:1] != "_"}


def _rename_operation(node: Node, changes: Changes) -> None:
    if node.op in SAME_WHEN_TYPES_AGREE:
        left, right = node.attrs["Ta"].type, node.attrs["Tb"].type
        if left == right == node.attrs["Tout"].type:
            new = SAME_WHEN_TYPES_AGREE[node.op]
            changes.rewrote(node.op, new)
            node.op = new
            node.attrs["T"] = node.attrs["Ta"]
            for name in ("Ta", "Tb", "Tout"):
                del node.attrs[name]
    elif node.op in OLDER:
        new = OLDER[node.op]
        changes.rewrote(node.op, new)
        node.op = new


def _drop_attributes(node: Node, target: Target, changes: Changes) -> None:
    known = target.attributes(node.op)
    for name in list(node.attrs):
        if name in known:
            value = target.values.refused(node.op, name, node.attrs[name])
            if value is not None:
                raise InputError(
                    f"attribute {name} of operation {node.op} (node {node.name}) is {value}, which "
                    "TensorFlow 2.0.0, which models have to run in, does not allow there; "
                    "compute this layer in float32 or int32"
                )
            continue
        if not name.startswith("_"):  # an underscore marks a hint to one runtime, no meaning
            if not target.may_drop(_Seen(node), name):
                raise InputError(
                    f"attribute {name} of operation {node.op} (node {node.name}) does not exist in "
                    "TensorFlow 2.0.0, which models have to run in, and is not at its default; use "
                    "a layer that does without it"
                )
            changes.dropped(node.op, name)
        del node.attrs[name]


class _Seen:
    """A node as `Target` looks at it."""

    def __init__(self, node: Node) -> None:
        self.op = node.op
        self.attr = node.attrs
