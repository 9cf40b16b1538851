"""What every rewriting needs: shapes and dtypes of a graph's tensors, and what makes new nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from czcheck.building.lowering.freezing import Freezer
from czcheck.building.lowering.graph import Graph, Node, Ref
from czcheck.building.lowering.inlining import FRAMES
from czcheck.building.lowering.portable import Changes

Shape = tuple[int | None, ...] | None
Infer = Callable[[Graph], "Mapping[Ref, Tensor]"]
ROUNDS = 8


class Tensor(NamedTuple):
    """What is known of a tensor.

    Attributes:
        shape: Its sizes, None for an open one; None if the rank is open.
        dtype: Number of its dtype.
    """

    shape: Shape
    dtype: int


class Tensors:
    """Tensors of a graph and its bodies, found when they are first needed."""

    def __init__(
        self,
        graph: Graph,
        infer: Infer,
        attr_type: Any,
        images: Sequence[Mapping[str, Shape]] = (),
    ) -> None:
        """Infer nothing yet.

        Args:
            graph: The main graph, which must not change until everything needed has been found.
            infer: Finds the tensors of a graph that has no arguments.
            attr_type: The class `AttrValue`.
            images: Shapes that placeholders of the main graph can have, by name, where theirs are
                open: none, or two or more.
        """
        self._graph = graph
        self._infer = infer
        self._attr_type = attr_type
        self._images = images
        self._found: dict[int, Mapping[Ref, Tensor]] | None = None

    def of(self, part: Graph) -> Mapping[Ref, Tensor]:
        """Tensors of the main graph or of one body."""
        if self._found is None:
            self._found = self._all({})
            if self._images and any(map(_is_open, self._found.values())):
                tried = [self._all(each) for each in self._images]
                self._found = {
                    number: _filled(found, [each.get(number, {}) for each in tried])
                    for number, found in self._found.items()
                }
        return self._found.get(id(part), {})

    def _all(self, images: Mapping[str, Shape]) -> dict[int, Mapping[Ref, Tensor]]:
        """Tensors of every part, by its `id`."""
        into: dict[int, Mapping[Ref, Tensor]] = {}
        nodes = dict(self._graph.nodes)
        for name, shape in images.items():
            nodes[name] = self._placeholder(name, nodes[name].attrs["dtype"], shape)
        found = self._look(Graph(nodes, outputs=self._graph.outputs), (), into)
        into[id(self._graph)] = found
        return into

    def _look(
        self, part: Graph, arguments: Sequence[Shape], into: dict[int, Mapping[Ref, Tensor]]
    ) -> Mapping[Ref, Tensor]:
        found = self._framed(self._closed(part, arguments))
        into[id(part)] = found
        for node in part.nodes.values():
            if not node.bodies:
                continue
            loop = "body" in node.bodies
            read = [_shape(found, ref) for ref in node.inputs[0 if loop else 1 :]]
            if loop:
                read = self._settled(node, read, into)
            for bodies in node.bodies.values():
                for body in bodies:
                    self._look(body, read, into)
        return found

    def _framed(self, part: Graph) -> Mapping[Ref, Tensor]:
        """Tensors of a graph without arguments, whose loops of TensorFlow 1 may be cyclic.

        Nothing is inferred of what comes back. So each loop is first taken to return tensors of
        the shapes that it began with, unless what it returns turns out to have others.
        """
        loops = _loops(part)
        while True:
            found = self._infer(_cut(part, loops))
            other = [
                name
                for name, (begun, returned) in loops.items()
                if _shape(found, begun) != _shape(found, returned)
            ]
            if not other:
                return found
            loops = {name: pair for name, pair in loops.items() if name not in other}

    def _settled(
        self, node: Node, shapes: list[Shape], into: dict[int, Mapping[Ref, Tensor]]
    ) -> list[Shape]:
        """Shapes of a loop's arguments that hold in every round."""
        (body,) = node.bodies["body"]
        for _ in range(ROUNDS):
            found = self._look(body, shapes, into)
            returned = [_shape(found, ref) for ref in body.outputs]
            common = [_common(*pair) for pair in zip(shapes, returned, strict=False)]
            if common == shapes:
                return shapes
            shapes = common
        return [None] * len(shapes)

    def _closed(self, part: Graph, shapes: Sequence[Shape]) -> Graph:
        """A graph with placeholders for its arguments."""
        nodes: dict[str, Node] = {}
        for number, argument in enumerate(part.arguments):
            shape = shapes[number] if number < len(shapes) else None
            dtype = self._attr_type(type=argument.dtype)
            nodes[argument.name] = self._placeholder(argument.name, dtype, shape)
        return Graph({**nodes, **part.nodes}, outputs=part.outputs)

    def _placeholder(self, name: str, dtype: Any, shape: Shape) -> Node:
        value = self._attr_type()
        if shape is None:
            value.shape.unknown_rank = True
        else:
            value.shape.SetInParent()
            for size in shape:
                value.shape.dim.add(size=-1 if size is None else size)
        return Node(name, "Placeholder", [], [], {"dtype": dtype, "shape": value})


def _is_open(found: Mapping[Ref, Tensor]) -> bool:
    """Whether a rank is not known, or the last size of a tensor, which is that of channels."""
    return any(each.shape is None or None in each.shape[-1:] for each in found.values())


def _filled(
    found: Mapping[Ref, Tensor], tried: Sequence[Mapping[Ref, Tensor]]
) -> Mapping[Ref, Tensor]:
    """Tensors with the sizes that are the same whatever image comes in."""
    filled: dict[Ref, Tensor] = {}
    for ref, tensor in found.items():
        first, *others = (_shape(each, ref) for each in tried)
        for other in others:
            first = _common(first, other)
        known = tensor.shape
        if first is not None and known is not None and len(first) == len(known):
            first = tuple(
                size if other is None else other for size, other in zip(first, known, strict=True)
            )
        elif known is not None:
            first = known
        filled[ref] = Tensor(first, tensor.dtype)
    return filled


def _loops(part: Graph) -> dict[str, tuple[Ref, Ref]]:
    """Nodes at which a loop of TensorFlow 1 begins: what it begins with, and what comes back."""
    found: dict[str, tuple[Ref, Ref]] = {}
    for node in part.nodes.values():
        if node.op != "Merge":
            continue
        # What enters a loop has no shape yet for TensorFlow, other than what it is made from.
        made_by = [part.nodes[ref[0]] for ref in node.inputs if ref[0] in part.nodes]
        if [each.op for each in made_by] == ["Enter", "NextIteration"]:
            found[node.name] = (made_by[0].inputs[0], made_by[1].inputs[0])
    return found


def _cut(part: Graph, loops: Mapping[str, tuple[Ref, Ref]]) -> Graph:
    """A graph in which loops begin anew where they would go on."""
    nodes = dict(part.nodes)
    for name, (begun, _) in loops.items():
        old = nodes[name]
        nodes[name] = Node(name, old.op, [begun, begun], old.controls, old.attrs)
    return Graph(nodes, outputs=part.outputs)


def _shape(found: Mapping[Ref, Tensor], ref: Ref) -> Shape:
    return found[ref].shape if ref in found else None


def _common(one: Shape, other: Shape) -> Shape:
    """What two shapes have in common."""
    if one is None or other is None or len(one) != len(other):
        return None
    return tuple(a if a == b else None for a, b in zip(one, other, strict=True))


DT_FLOAT, DT_INT32, DT_INT64, DT_BOOL = 1, 3, 9, 10
FEW = 16
"""Elements of a small constant."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every rewriting needs.

    A step `(graph, tools)` takes the main graph, and changes it and all bodies in place. Behind
    `channels_last`, channels come last.

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

    def constant(self, name: str, value: Any, near: Ref) -> Ref:
        """Add a constant.

        Args:
            name: Its name; a number is added where it is taken.
            value: A numpy array.
            near: A tensor that it is used together with.
        """
        node = self.freezer.constant(name, value)
        if self.framed and near[0] in self.graph.nodes:
            node.controls = [near[0]]
        return self.graph.add(node).name, 0

    def ints(self, name: str, values: Any, near: Ref) -> Ref:
        """Add a constant of int32."""
        return self.constant(name, np.array(values, np.int32), near)

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
