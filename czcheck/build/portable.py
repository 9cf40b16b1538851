"""Bring a graph to the operations and attributes of the target, TensorFlow 2.0.0."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from czcheck.build.graph import Graph, Node, OpDefs
from czcheck.errors import InputError


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


@cache
def target_attributes() -> Mapping[str, frozenset[str]]:
    """Attributes of every operation of TensorFlow 2.0.0, by operation."""
    text = files("czcheck.network").joinpath("tf-2.0.0-ops.json").read_text(encoding="utf-8")
    return {op: frozenset(entry["attrs"]) for op, entry in json.loads(text)["ops"].items()}


SAME_WHEN_TYPES_AGREE = {"BatchMatMulV3": "BatchMatMulV2"}
WITHOUT_STATE = {"StatelessCase": "Case"}


def make_portable(graph: Graph, op_defs: OpDefs, changes: Changes) -> None:
    """Rewrite operations and drop attributes that TensorFlow 2.0.0 does not know, in place.

    Args:
        graph: The main graph, pruned.
        op_defs: Definitions of the operations, for the defaults of their attributes.
        changes: Counts what is done.

    Raises:
        InputError: An operation, or an attribute that is not at its default, has no equal there.
    """
    known = target_attributes()
    for part in graph.graphs():
        for node in part.nodes.values():
            _rename_operation(node, changes)
            if node.op not in known:
                raise InputError(
                    f"operation {node.op} (node {node.name}) does not exist in TensorFlow 2.0.0, "
                    "which models have to run in, and has no exact replacement there; use a layer "
                    "that does without it"
                )
            _drop_attributes(node, known[node.op], op_defs, changes)


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
    elif node.op in WITHOUT_STATE:
        new = WITHOUT_STATE[node.op]
        changes.rewrote(node.op, new)
        node.op = new


def _drop_attributes(node: Node, known: frozenset[str], op_defs: OpDefs, changes: Changes) -> None:
    for name in list(node.attrs):
        if name in known:
            continue
        if not name.startswith("_"):  # an underscore marks a hint to one runtime, no meaning
            if not _is_default(node, name, op_defs):
                raise InputError(
                    f"attribute {name} of operation {node.op} (node {node.name}) does not exist in "
                    "TensorFlow 2.0.0, which models have to run in, and is not at its default; use "
                    "a layer that does without it"
                )
            changes.dropped(node.op, name)
        del node.attrs[name]


def _is_default(node: Node, name: str, op_defs: OpDefs) -> bool:
    definition = op_defs(node.op)
    for attr in definition.attr if definition is not None else ():
        if attr.name == name:
            return bool(attr.HasField("default_value") and attr.default_value == node.attrs[name])
    return False
