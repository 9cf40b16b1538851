"""Shapes and dtypes of all tensors of a graph, in branches and loops too.

TensorFlow's own shape inference finds them; it does not look into functions, so each body is given
to it as a graph of its own, with what the node that uses it reads. What it cannot find while the
image's size is open, such as the channels behind a Reshape with -1, is found with images of two
sizes: what is the same for both does not depend on the image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from czcheck.building.lowering.graph import Graph, Node, Ref

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

    def __init__(
        self,
        graph: Graph,
        infer: Infer,
        attr_type: Any,
        images: Sequence[Mapping[str, Shape]] = (),
    ) -> None:
        """Infer nothing yet.

        Args:
            graph: The main graph, which must not change until all that is wanted has been found.
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
