"""Nodes to put in the place of others: constants and operations, in the frame of what they read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from czcheck.building.lowering.freezing import Freezer
from czcheck.building.lowering.graph import Graph, Node, Ref
from czcheck.building.lowering.inlining import FRAMES
from czcheck.building.lowering.portable import Changes
from czcheck.building.lowering.shapes import Tensor, Tensors

DT_FLOAT, DT_INT32, DT_INT64, DT_BOOL = 1, 3, 9, 10
FEW = 16
"""Elements of a small constant."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every rewriting needs.

    Attributes:
        freezer: Makes constants.
        tensors: Shapes and dtypes of the tensors of the graph, as it is now.
        changes: Counts what is done.
    """

    freezer: Freezer
    tensors: Tensors
    changes: Changes
    _places: dict[int, Place] = field(default_factory=dict)

    def of(self, part: Graph) -> Place:
        """Where new nodes of the main graph or of a body go."""
        if id(part) not in self._places:
            framed = any(node.op in FRAMES for node in part.nodes.values())
            place = Place(part, self.freezer, self.tensors.of(part), framed)
            self._places[id(part)] = place
        return self._places[id(part)]


@dataclass(slots=True)
class Place:
    """A graph that gets new nodes.

    Attributes:
        graph: The main graph or a body.
        freezer: Makes constants.
        tensors: Shapes and dtypes of its tensors.
        framed: Whether it has control flow of TensorFlow 1: then a constant that is read inside a
            loop has to be made inside it, which a control edge from a tensor there says.
    """

    graph: Graph
    freezer: Freezer
    tensors: Mapping[Ref, Tensor]
    framed: bool

    def value(self, ref: Ref) -> Any:
        """The array that a tensor holds if it is a constant, else None."""
        node = self.graph.nodes.get(ref[0])
        if node is None or node.op != "Const":
            return None
        return tf.make_ndarray(node.attrs["value"].tensor)

    def few(self, ref: Ref) -> Any:
        """The array that a tensor holds if it is a small constant of numbers, else None."""
        node = self.graph.nodes.get(ref[0])
        if node is None or node.op != "Const":
            return None
        sizes = [dim.size for dim in node.attrs["value"].tensor.tensor_shape.dim]
        value = self.value(ref) if math.prod(sizes) <= FEW else None
        return value if value is not None and value.dtype.kind in "iuf" else None

    def shape(self, ref: Ref) -> tuple[int | None, ...] | None:
        """Shape of a tensor, None for an open size; None if its rank is not known."""
        found = self.tensors.get(ref)
        return None if found is None else found.shape

    def dtype(self, ref: Ref) -> int:
        """Number of a tensor's dtype; 0 if it is not known."""
        found = self.tensors.get(ref)
        return 0 if found is None else found.dtype

    def constant(self, name: str, value: Any, beside: Ref) -> Ref:
        """Add a constant.

        Args:
            name: Its name; a number is added where it is taken.
            value: A numpy array.
            beside: A tensor that it is used together with.
        """
        node = self.freezer.constant(name, value)
        if self.framed and beside[0] in self.graph.nodes:
            node.controls = [beside[0]]
        return self.graph.add(node).name, 0

    def ints(self, name: str, values: Any, beside: Ref) -> Ref:
        """Add a constant of int32."""
        return self.constant(name, np.array(values, np.int32), beside)

    def add(self, name: str, op: str, inputs: list[Ref], **attrs: Any) -> Ref:
        """Add an operation; returns its first output.

        Args:
            name: Its name; a number is added where it is taken.
            op: The operation.
            inputs: What it reads.
            attrs: Its attributes (`AttrValue`).
        """
        return self.graph.add(Node(name, op, inputs, [], attrs, label=name)).name, 0

    def turn(self, node: Node, op: str, inputs: list[Ref], **attrs: Any) -> None:
        """Make a node, whose first output stays what others read, another operation."""
        node.op, node.inputs, node.attrs = op, inputs, attrs

    def attr(self, **value: Any) -> Any:
        """An attribute, such as `attr(i=3)`."""
        return self.freezer.attr_type(**value)

    def type(self, dtype: int) -> Any:
        """An attribute that is a dtype, by its number."""
        return self.freezer.attr_type(type=dtype)

    def numbers(self, values: Any) -> Any:
        """An attribute that is a list of integers."""
        made = self.freezer.attr_type()
        made.list.i.extend(int(value) for value in values)
        return made

    def redirect(self, moved: Mapping[Ref, Ref], but: frozenset[str] = frozenset()) -> None:
        """Let all readers of some tensors read others, except for nodes named in `but`."""
        if not moved:
            return
        for node in self.graph.nodes.values():
            if node.name not in but:
                node.inputs = [moved.get(ref, ref) for ref in node.inputs]
        self.graph.outputs = [moved.get(ref, ref) for ref in self.graph.outputs]
