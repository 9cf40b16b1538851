"""Writes operations that the target lacks as ones that it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from czcheck.building.lowering.graph import Argument, Graph, Node, Ref
from czcheck.building.lowering.portable import Changes
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
    """Whether the diagonals that a node takes are one."""
    diagonal = graph.nodes.get(node.inputs[DIAGONAL_INPUT[node.op]][0])
    if diagonal is None or diagonal.op != "Const":
        return False
    values = tf.make_ndarray(diagonal.attrs["value"].tensor).ravel()
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


CHOICES = {"Case": "If", "StatelessCase": "StatelessIf"}
DT_BOOL = 10
INDEX = "index"

Constant = Callable[[str, Any], Node]


def split_cases(graph: Graph, constant: Constant, attr_type: Any, changes: Changes) -> None:
    """Replace `Case` in the main graph and in all bodies, in place.

    As with `Case`, the last branch is run for every index that names no other.

    Args:
        graph: The main graph, frozen and pruned.
        constant: Makes a constant node of a name and an array.
        attr_type: The class `AttrValue`.
        changes: Counts what is done.
    """
    splitter = _Splitter(constant, attr_type)
    for part in list(graph.graphs()):
        for node in list(part.nodes.values()):
            branches = node.bodies.get("branches", [])
            if node.op in CHOICES and len(branches) > 1:
                changes.rewrote(node.op, CHOICES[node.op])
                for branch in branches:
                    _add_index(branch)
                splitter.split(part, node, node.inputs[0], branches)


def _add_index(branch: Graph) -> None:
    """Give a branch one more argument in front, which it does not read."""
    taken = {*branch.nodes, *(argument.name for argument in branch.arguments)}
    name = INDEX
    while name in taken:
        name += "_"
    branch.arguments.insert(0, Argument(name, DT_INT32))


class _Splitter:
    """Makes choices between the next branch and all that follow."""

    def __init__(self, constant: Constant, attr_type: Any) -> None:
        self._constant = constant
        self._attr_type = attr_type

    def split(self, graph: Graph, node: Node, index: Ref, branches: list[Graph]) -> None:
        """Make a `Case` of a graph an `If`; what it reads behind the index stays."""
        arguments = node.inputs[1:]
        shapes = node.attrs.get("output_shapes")
        returned = node.attrs["Tout"]
        types = self._attr_type()
        types.list.type.extend(argument.dtype for argument in branches[0].arguments)
        op, left = CHOICES[node.op], branches
        place, number = graph, 0
        while True:
            equal = self._equals(place, node.label or node.name, index, number)
            node.op = op
            node.inputs = [equal, index, *arguments]
            node.attrs = {"Tcond": self._attr_type(type=DT_BOOL), "Tin": types, "Tout": returned}
            if shapes is not None:
                node.attrs["output_shapes"] = shapes
            first, *left = left
            # In the order in which they are read again, so that lowering twice changes nothing.
            node.bodies = {"else_branch": left[:1], "then_branch": [first]}
            if len(left) == 1:
                return
            place, inner, index, arguments = _rest(left)
            node.bodies["else_branch"] = [place]
            node, number = inner, number + 1

    def _equals(self, graph: Graph, name: str, index: Ref, number: int) -> Ref:
        """Whether the index is a number."""
        compared = graph.add(self._constant(f"{name}/number", np.array(number, np.int32)))
        attrs = {"T": compared.attrs["dtype"]}
        label = f"{name}/chosen"
        equal = Node(label, "Equal", [index, (compared.name, 0)], [], attrs, label=label)
        return graph.add(equal).name, 0


def _rest(branches: list[Graph]) -> tuple[Graph, Node, Ref, list[Ref]]:
    """A body that chooses among branches: itself, the choice in it, its index and arguments."""
    first = branches[0]
    arguments = [Argument(f"argument_{n}", each.dtype) for n, each in enumerate(first.arguments)]
    index, *others = [(each.name, 0) for each in arguments]
    choice = Node("choice", "", [], [], {}, label="choice")
    effect = any(part.finals for branch in branches for part in branch.graphs())
    body = Graph(
        nodes={choice.name: choice},
        arguments=arguments,
        outputs=[(choice.name, number) for number in range(len(first.returns))],
        returns=[Argument(each.name, each.dtype) for each in first.returns],
        finals=[choice.name] if effect else [],
    )
    return body, choice, index, others
