"""Write a graph in canonical form: what the output needs, in stable order, under stable names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from czcheck.building.lowering.graph import (
    DT_RESOURCE,
    Graph,
    Node,
    OpDefs,
    Ref,
    output_offsets,
    show_ref,
)
from czcheck.building.lowering.inlining import FRAMES
from czcheck.errors import InputError

TRANSPARENT = frozenset({"Identity", "IdentityN", "PlaceholderWithDefault", "Snapshot"})
"""Operations whose outputs are their inputs."""

Stateful = Callable[[str], bool]
"""Whether an operation is known to have state or an effect."""


def prune(graph: Graph, keep: str, stateful: Stateful) -> None:
    """Drop everything that the outputs of the main graph do not depend on, in place.

    Control edges stay where something with an effect (an assertion, a random number) lies behind
    them, and in graphs with TensorFlow 1 control flow, where they say in which frame a node runs.

    Args:
        graph: The main graph.
        keep: Name of the input's placeholder, which stays even if nothing reads it.
        stateful: Tells operations that have an effect.

    Raises:
        InputError: The output needs a variable or table that could not be frozen.
    """
    for part in reversed(list(graph.graphs())):  # bodies first: an empty branch has no effect
        framed = any(node.op in FRAMES for node in part.nodes.values())
        if not framed:
            _drop_needless_controls(part, _effects(part, stateful))
            _drop_identities(part, keep if part is graph else None)
        drop_unreached(part, keep if part is graph else None)
    for part in graph.graphs():
        _refuse_resources(part)


def has_effect(node: Node, stateful: Stateful) -> bool:
    """Whether running a node does more than compute its outputs."""
    if node.bodies:
        return any(
            stateful(inner.op)
            for bodies in node.bodies.values()
            for body in bodies
            for part in body.graphs()
            for inner in part.nodes.values()
            if not inner.bodies
        )
    return stateful(node.op)


def _effects(graph: Graph, stateful: Stateful) -> set[str]:
    """Nodes that have an effect, or come after one that has."""
    users: dict[str, list[str]] = {}
    for node in graph.nodes.values():
        for name in _sources(node):
            users.setdefault(name, []).append(node.name)
    found: set[str] = set()
    pending = [node.name for node in graph.nodes.values() if has_effect(node, stateful)]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(users.get(name, ()))
    return found


def _sources(node: Node) -> Iterator[str]:
    for name, _ in node.inputs:
        yield name
    yield from node.controls


def _drop_needless_controls(graph: Graph, effects: set[str]) -> None:
    for node in graph.nodes.values():
        direct = {name for name, _ in node.inputs}
        controls = dict.fromkeys(node.controls)
        node.controls = [name for name in controls if name in effects and name not in direct]
    graph.finals = [name for name in graph.finals if name in effects]


def _drop_identities(graph: Graph, keep: str | None) -> None:
    """Let readers of an identity read what it reads."""
    moved: dict[Ref, Ref] = {}
    for node in graph.nodes.values():
        if node.op in TRANSPARENT and not node.controls and node.name != keep:
            for index, ref in enumerate(node.inputs):
                moved[node.name, index] = ref

    def follow(ref: Ref) -> Ref:
        while ref in moved:
            ref = moved[ref]
        return ref

    for node in graph.nodes.values():
        node.inputs = [follow(ref) for ref in node.inputs]
    graph.outputs = [follow(ref) for ref in graph.outputs]
    # An identity that an effect waits for, or that waits for one, has kept its controls above.
    needed = {name for node in graph.nodes.values() for name in node.controls} | set(graph.finals)
    for name, _ in moved:
        if name in graph.nodes and name not in needed:
            del graph.nodes[name]


def order(graph: Graph, first: str | None = None) -> list[Node]:
    """Nodes that the outputs need, each after what it reads, in an order of the structure alone.

    Args:
        graph: A graph.
        first: Name of a node to put first in any case.
    """
    arguments = {argument.name for argument in graph.arguments}
    roots = [name for name, _ in graph.outputs] + list(graph.finals)
    if first is not None:
        roots.insert(0, first)
    done: dict[str, Node] = {}
    opened: set[str] = set()
    pending = [(name, False) for name in reversed(roots)]
    while pending:
        name, complete = pending.pop()
        if name in arguments or name in done:
            continue
        if name not in graph.nodes:
            raise InputError(f"the network reads node {name}, which the SavedModel lacks")
        node = graph.nodes[name]
        if complete:
            done[name] = node
        elif name not in opened:
            opened.add(name)
            pending.append((name, True))
            pending.extend((source, False) for source in reversed(list(_sources(node))))
    return list(done.values())


def drop_unreached(graph: Graph, first: str | None) -> None:
    """Drop nodes that no output needs, by any edge, and put the rest in canonical order.

    Args:
        graph: The graph, changed in place.
        first: Name of a node that stays in any case and comes first.
    """
    graph.nodes = {node.name: node for node in order(graph, first)}


def _refuse_resources(graph: Graph) -> None:
    for node in graph.nodes.values():
        if node.op in {"VarHandleOp", "VariableV2", "Variable"}:
            raise InputError(
                f"variable {node.name} has no value in the SavedModel; its checkpoint is "
                "incomplete or belongs to another graph"
            )
        table = "Table" in node.op or "Iterator" in node.op
        dtype = node.attrs.get("dtype")
        handle = node.op == "Placeholder" and dtype is not None and dtype.type == DT_RESOURCE
        if table or handle:
            raise InputError(
                f"operation {node.op} (node {node.name}) needs a table, iterator or other resource "
                "outside the graph; an archive has to hold everything in the graph itself"
            )


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
