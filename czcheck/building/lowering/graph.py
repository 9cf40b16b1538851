"""A dataflow graph as the build changes it: nodes by name, function bodies held by their nodes.

`GraphDef` and `FunctionDef` write inputs in two ways, and functions live in a library by name. Here
both are one `Graph`: an input is a pair (node, output index), a branch or loop body belongs to the
node that uses it. No TensorFlow import: its message classes come from the messages handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from czcheck.errors import InputError
from czcheck.network.grammar import control_inputs, data_inputs, reference_of

Ref = tuple[str, int]
"""A tensor: name of the node or function argument, index of the output."""

DT_RESOURCE = 20
DEPTH_LIMIT = 100
NODE_LIMIT = 200_000

OpDefs = Callable[[str], Any]
"""Definition (`OpDef`) of an operation by name, None if it is not known."""


@dataclass(slots=True)
class Node:
    """An operation in the graph.

    Attributes:
        name: Its name, unique in the graph.
        op: Name of the operation.
        inputs: Tensors it reads, in order.
        controls: Nodes that run before it.
        attrs: Attributes (`AttrValue`), those that name functions left out.
        bodies: Functions it calls, by attribute.
        label: Name inside the function it came from; the shorter, preferred name.
    """

    name: str
    op: str
    inputs: list[Ref]
    controls: list[str]
    attrs: dict[str, Any]
    bodies: dict[str, list[Graph]] = field(default_factory=dict)
    label: str = ""


@dataclass(slots=True)
class Argument:
    """An argument of a function.

    Attributes:
        name: Its name; tensors refer to it as output 0.
        dtype: Number of its data type.
    """

    name: str
    dtype: int


@dataclass(slots=True)
class Graph:
    """The main graph, or the body of a function.

    Attributes:
        nodes: Nodes by name.
        arguments: Arguments of a function; none in the main graph.
        outputs: Tensors that are returned.
        returns: Names and types of the returned tensors, in a function.
        finals: Nodes that a function runs for their effect before it returns.
    """

    nodes: dict[str, Node]
    arguments: list[Argument] = field(default_factory=list)
    outputs: list[Ref] = field(default_factory=list)
    returns: list[Argument] = field(default_factory=list)
    finals: list[str] = field(default_factory=list)

    def graphs(self) -> Iterator[Graph]:
        """This graph and every body under it, parents first."""
        pending = [self]
        while pending:
            graph = pending.pop()
            yield graph
            for node in graph.nodes.values():
                for bodies in node.bodies.values():
                    pending.extend(bodies)

    def add(self, node: Node) -> Node:
        """Put a node in; its name is made unique."""
        taken = {argument.name for argument in self.arguments}
        name, count = node.name, 0
        while name in self.nodes or name in taken:
            count += 1
            name = f"{node.name}_{count}"
        node.name = name
        self.nodes[name] = node
        return node


def parse_ref(text: str) -> tuple[str, int]:
    """A data input of a `GraphDef` node, `name` or `name:1`, as a tensor."""
    node, _, number = reference_of(text)
    return (node, number)


def show_ref(ref: Ref) -> str:
    """A tensor as `GraphDef` writes it."""
    return ref[0] if ref[1] == 0 else f"{ref[0]}:{ref[1]}"


def read_nodes(node_defs: Any) -> dict[str, Node]:
    """Nodes of a `GraphDef`.

    Args:
        node_defs: Its `NodeDef` messages.

    Returns:
        Nodes by name, in their order; functions that they name are still attributes.
    """
    nodes: dict[str, Node] = {}
    for node_def in node_defs:
        node = _read_node(node_def)
        node.inputs = [parse_ref(text) for text in data_inputs(node_def)]
        nodes[node.name] = node
    return nodes


def _read_node(node_def: Any) -> Node:
    controls = control_inputs(node_def)
    attrs = {name: node_def.attr[name] for name in sorted(node_def.attr)}
    return Node(node_def.name, node_def.op, [], controls, attrs, label=node_def.name)


def read_function(function: Any, library: Mapping[str, Any], op_defs: OpDefs) -> Graph:
    """A `FunctionDef` as a graph.

    Args:
        function: The function.
        library: All functions by name; a node may name one as its operation.
        op_defs: Definitions of the operations.

    Returns:
        Its graph; functions that its nodes name are still attributes.

    Raises:
        InputError: A node's operation is not known, or an input names no output.
    """
    arguments = [Argument(arg.name, arg.type) for arg in function.signature.input_arg]
    names = {argument.name for argument in arguments}
    offsets: dict[str, dict[str, int]] = {}
    nodes: dict[str, Node] = {}
    for node_def in function.node_def:
        offsets[node_def.name] = output_offsets(node_def, library, op_defs)

    def resolve(text: str) -> Ref:
        if text in names:
            return (text, 0)
        parts = text.split(":")
        try:
            if len(parts) == 1:
                return (parts[0], min(offsets[parts[0]].values()))
            index = int(parts[2]) if len(parts) == 3 else 0  # node:output:index
            return (parts[0], offsets[parts[0]][parts[1]] + index)
        except (KeyError, ValueError):
            raise InputError(
                f"function {function.signature.name} of the SavedModel reads {text!r}, "
                "which it does not compute; export the network again"
            ) from None

    for node_def in function.node_def:
        node = _read_node(node_def)
        node.inputs = [resolve(text) for text in data_inputs(node_def)]
        nodes[node.name] = node
    returned = [Argument(arg.name, arg.type) for arg in function.signature.output_arg]
    return Graph(
        nodes=nodes,
        arguments=arguments,
        outputs=[resolve(function.ret[arg.name]) for arg in returned],
        returns=returned,
        finals=_finals(function),
    )


def _finals(function: Any) -> list[str]:
    keys = list(function.signature.control_output) or sorted(function.control_ret)
    return list(dict.fromkeys(function.control_ret[key] for key in keys))


def output_offsets(node_def: Any, library: Mapping[str, Any], op_defs: OpDefs) -> dict[str, int]:
    """Index of the first tensor of each named output of a node.

    Args:
        node_def: The node.
        library: Functions by name.
        op_defs: Definitions of the operations.

    Returns:
        Indices by the outputs' names, in order.

    Raises:
        InputError: The operation is not known to this TensorFlow.
    """
    definition = op_defs(node_def.op)
    if definition is None:
        if node_def.op not in library:
            raise InputError(
                f"operation {node_def.op} (node {node_def.name}) is not known to this TensorFlow; "
                "the network needs an add-on library, which the target does not have"
            )
        definition = library[node_def.op].signature
    offsets: dict[str, int] = {}
    index = 0
    for output in definition.output_arg:
        offsets[output.name] = index
        if output.number_attr:
            index += node_def.attr[output.number_attr].i
        elif output.type_list_attr:
            index += len(node_def.attr[output.type_list_attr].list.type)
        else:
            index += 1
    return offsets
