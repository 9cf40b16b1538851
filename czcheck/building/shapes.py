"""Shapes and dtypes of all tensors of a graph, in branches and loops too.

TensorFlow's own shape inference finds them; it does not look into functions, so each body is given
to it as a graph of its own, with what the node that uses it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from czcheck.building.graph import Graph, Node, Ref

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
    """Tensors of a graph and its bodies, found when they are first asked for."""

    def __init__(self, graph: Graph, infer: Infer, attr_type: Any) -> None:
        """Infer nothing yet.

        Args:
            graph: The main graph, which must not change until all that is wanted has been found.
            infer: Finds the tensors of a graph that has no arguments.
            attr_type: The class `AttrValue`.
        """
        self._graph = graph
        self._infer = infer
        self._attr_type = attr_type
        self._found: dict[int, Mapping[Ref, Tensor]] | None = None

    def of(self, part: Graph) -> Mapping[Ref, Tensor]:
        """Tensors of the main graph or of one body."""
        if self._found is None:
            self._found = {}
            self._look(self._graph, ())
        return self._found.get(id(part), {})

    def _look(self, part: Graph, arguments: Sequence[Shape]) -> Mapping[Ref, Tensor]:
        assert self._found is not None
        found = self._framed(self._closed(part, arguments))
        self._found[id(part)] = found
        for node in part.nodes.values():
            if not node.bodies:
                continue
            loop = "body" in node.bodies
            read = [_shape(found, ref) for ref in node.inputs[0 if loop else 1 :]]
            if loop:
                read = self._settled(node, read)
            for bodies in node.bodies.values():
                for body in bodies:
                    self._look(body, read)
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

    def _settled(self, node: Node, shapes: list[Shape]) -> list[Shape]:
        """Shapes of a loop's arguments that hold in every round."""
        (body,) = node.bodies["body"]
        for _ in range(ROUNDS):
            found = self._look(body, shapes)
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
            value = self._attr_type()
            if shape is None:
                value.shape.unknown_rank = True
            else:
                value.shape.SetInParent()
                for size in shape:
                    value.shape.dim.add(size=-1 if size is None else size)
            attrs = {"dtype": self._attr_type(type=argument.dtype), "shape": value}
            nodes[argument.name] = Node(argument.name, "Placeholder", [], [], attrs)
        return Graph({**nodes, **part.nodes}, outputs=part.outputs)


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
