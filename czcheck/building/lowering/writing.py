"""Write a graph as `GraphDef`: stable names, stable order, nothing but what it needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from czcheck.building.lowering.graph import Graph, Node, OpDefs, Ref, output_offsets, show_ref
from czcheck.building.lowering.pruning import Stateful, has_effect, order

PRODUCER, MIN_CONSUMER = 119, 12
"""Graph versions that TensorFlow 2.0.0 writes."""


def rename(graph: Graph, fixed: Mapping[str, str]) -> None:
    """Give all nodes short names and put them in canonical order, in place.

    A node is called what it was called inside its function; where two would share that name, the
    later one gets a number. Names that are unique already stay, so doing it twice changes nothing.

    Args:
        graph: The main graph.
        fixed: New names by present ones, for nodes that need a certain name.
    """
    for part in graph.graphs():
        given = fixed if part is graph else {}
        first = next(iter(given), None)
        nodes = order(part, first)
        taken = {argument.name for argument in part.arguments} | set(given.values())
        names: dict[str, str] = dict(given)
        for node in nodes:
            if node.name not in names:
                names[node.name] = name = _free(node.label or node.name, taken)
                taken.add(name)
        for node in nodes:
            node.name = node.label = names[node.name]
            node.inputs = [(names.get(name, name), index) for name, index in node.inputs]
            node.controls = [names.get(name, name) for name in node.controls]
        part.outputs = [(names.get(name, name), index) for name, index in part.outputs]
        part.finals = [names.get(name, name) for name in part.finals]
        part.nodes = {node.name: node for node in nodes}


def _free(name: str, taken: set[str]) -> str:
    found, count = name, 0
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    return found


class GraphWriter:
    """Writes graphs as messages of the TensorFlow at hand."""

    def __init__(self, graph_def_type: Any, op_defs: OpDefs, stateful: Stateful) -> None:
        """Keep what is needed.

        Args:
            graph_def_type: The class `GraphDef`.
            op_defs: Definitions of the operations.
            stateful: Tells operations that have an effect.
        """
        self.graph_def_type = graph_def_type
        self.op_defs = op_defs
        self.stateful = stateful

    def write(self, graph: Graph) -> Any:
        """The main graph and its functions as a `GraphDef`."""
        graph_def = self.graph_def_type()
        graph_def.versions.producer = PRODUCER
        graph_def.versions.min_consumer = MIN_CONSUMER
        taken: set[str] = set()
        pending: list[tuple[Graph, Any]] = [(graph, None)]
        while pending:
            part, function = pending.pop(0)
            for node in part.nodes.values():
                into = graph_def.node if function is None else function.node_def
                node_def = self._write_node(
                    into.add(), node, part, in_function=function is not None
                )
                for attr, bodies in node.bodies.items():
                    several = node_def.attr[attr].list.func if len(bodies) > 1 else None
                    for index, body in enumerate(bodies):
                        tail = f"_{index}" if len(bodies) > 1 else ""
                        prefix = "" if function is None else f"{function.signature.name}_"
                        plain = re.sub(r"\W", "_", f"{prefix}{node.name}_{attr}{tail}")
                        name = _free(plain.lstrip("_"), taken)
                        taken.add(name)
                        called = node_def.attr[attr].func if several is None else several.add()
                        called.name = name
                        pending.append((body, self._open(graph_def, name, body)))
            if function is not None:
                self._close(function, part)
        return graph_def

    def _open(self, graph_def: Any, name: str, body: Graph) -> Any:
        function = graph_def.library.function.add()
        function.signature.name = name
        for argument in body.arguments:
            function.signature.input_arg.add(name=argument.name, type=argument.dtype)
        for argument in body.returns:
            function.signature.output_arg.add(name=argument.name, type=argument.dtype)
        function.signature.is_stateful = any(
            has_effect(node, self.stateful) for node in body.nodes.values()
        )
        return function

    def _close(self, function: Any, body: Graph) -> None:
        for argument, ref in zip(body.returns, body.outputs, strict=True):
            function.ret[argument.name] = self._function_ref(ref, body)
        for name in body.finals:
            function.signature.control_output.append(name)
            function.control_ret[name] = name

    def _write_node(self, node_def: Any, node: Node, graph: Graph, *, in_function: bool) -> Any:
        node_def.name = node.name
        node_def.op = node.op
        for ref in node.inputs:
            node_def.input.append(self._function_ref(ref, graph) if in_function else show_ref(ref))
        node_def.input.extend(f"^{name}" for name in node.controls)
        for name in sorted(node.attrs):
            node_def.attr[name].CopyFrom(node.attrs[name])
        return node_def

    def _function_ref(self, ref: Ref, graph: Graph) -> str:
        """A tensor as a function body writes it: `argument`, or `node:output:index`."""
        if ref[0] not in graph.nodes:
            return ref[0]
        node = graph.nodes[ref[0]]
        offsets = output_offsets(_Sized(node.op, node.name, node.attrs), {}, self.op_defs)
        output = max((name for name in offsets if offsets[name] <= ref[1]), key=offsets.__getitem__)
        return f"{node.name}:{output}:{ref[1] - offsets[output]}"


class _Sized:
    """What `output_offsets` reads of a node."""

    def __init__(self, op: str, name: str, attr: Mapping[str, Any]) -> None:
        self.op = op
        self.name = name
        self.attr = attr
