"""Put the bodies of called functions in the place of their calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from czcheck.building.lowering.graph import (
    DEPTH_LIMIT,
    NODE_LIMIT,
    Graph,
    Node,
    OpDefs,
    Ref,
    read_function,
)
from czcheck.errors import InputError
from czcheck.network.grammar import CALLS, called, functions_in

FRAMES = frozenset({"Switch", "Merge", "Enter", "Exit", "NextIteration", "RefEnter", "RefSwitch"})
"""Control flow of TensorFlow 1: here a control edge also says in which frame a node runs."""


class Library:
    """Functions of a graph, read into graphs on demand."""

    def __init__(self, functions: Any, op_defs: OpDefs) -> None:
        """Keep the functions.

        Args:
            functions: `FunctionDef` messages.
            op_defs: Definitions of the operations.
        """
        self.functions: Mapping[str, Any] = {item.signature.name: item for item in functions}
        self.op_defs = op_defs
        self._calls: dict[str, list[str]] = {}

    def __contains__(self, name: str) -> bool:
        """Whether there is a function of that name."""
        return name in self.functions

    def graph(self, name: str, by: str) -> Graph:
        """A fresh copy of a function's graph.

        Args:
            name: The function.
            by: Name of the node that calls it.

        Raises:
            InputError: There is no such function.
        """
        if name not in self.functions:
            raise InputError(f"node {by} calls function {name}, which the SavedModel lacks")
        return read_function(self.functions[name], self.functions, self.op_defs)

    def written_out(self, nodes: Iterable[Node]) -> int:
        """Nodes that a graph will have once all its calls are written out, bodies included.

        Args:
            nodes: The graph's nodes.

        Raises:
            InputError: A function calls itself.
        """
        sizes: dict[str, int] = {}
        opened: set[str] = set()
        called = [name for node in nodes for name in self._called(node.op, node.attrs)]
        pending = list(dict.fromkeys(called))
        while pending:
            name = pending[-1]
            inner = self._called_by(name)
            missing = [each for each in inner if each not in sizes]
            if name in sizes or not missing:
                pending.pop()
                own = len(self.functions[name].node_def)
                sizes.setdefault(name, own + sum(sizes[each] for each in inner))
            elif name in opened:
                raise InputError(f"function {name} of the network calls itself")
            else:
                opened.add(name)
                pending.extend(missing)
        return sum(sizes[name] for name in called)

    def _called_by(self, name: str) -> list[str]:
        if name not in self._calls:
            nodes = self.functions[name].node_def
            self._calls[name] = [
                each for node in nodes for each in self._called(node.op, node.attr)
            ]
        return self._calls[name]

    def _called(self, op: str, attrs: Mapping[str, Any]) -> list[str]:
        """Functions that a node calls, as its operation or by an attribute."""
        own = {name: value for name, value in attrs.items() if not name.startswith("_")}
        return [name for name in (op, *functions_in(own)) if name in self.functions]

    def effectful(self, node: Node) -> bool:
        """Whether the definition of a node's operation says that it has state or an effect."""
        definition = self.op_defs(node.op)
        return node.op in self.functions or bool(definition is None or definition.is_stateful)


def inline(graph: Graph, library: Library) -> None:
    """Inline all calls of a graph, in place, and give each control-flow node its own bodies.

    A body's node `x` called by `c` becomes `c/x`. What ran before the call runs before those nodes
    of the body that have an effect; what waited for the call waits for the body's effects.

    Args:
        graph: The main graph.
        library: Functions that it calls.

    Raises:
        InputError: A function is missing, calls itself, or the graph grows beyond the limits.
    """
    if len(graph.nodes) + library.written_out(graph.nodes.values()) > NODE_LIMIT:
        raise InputError(f"the network has more than {NODE_LIMIT} operations once inlined")
    pending = [(graph, 0)]
    while pending:
        current, depth = pending.pop()
        if depth > DEPTH_LIMIT:
            raise InputError(f"functions of the network call each other over {DEPTH_LIMIT} deep")
        for _ in range(DEPTH_LIMIT):
            if not _inline_once(current, library):
                break
        else:
            raise InputError(f"functions of the network call each other over {DEPTH_LIMIT} deep")
        for node in current.nodes.values():
            _take_bodies(node, library)
            for bodies in node.bodies.values():
                pending.extend((body, depth + 1) for body in bodies)


def _take_bodies(node: Node, library: Library) -> None:
    """Move functions that a node names from its attributes into bodies of its own."""
    for name, value in list(node.attrs.items()):
        names = [each.name for each in called(value)]
        # One that names a gradient function, say, means nothing for inference.
        if not names or name.startswith("_"):
            continue
        node.bodies[name] = [library.graph(function, node.name) for function in names]
        del node.attrs[name]


def _callee(node: Node, library: Library) -> str | None:
    """Name of the function that a plain call calls."""
    if node.op in CALLS:
        return str(node.attrs["f"].func.name) if "f" in node.attrs else ""
    return node.op if node.op in library else None


def _inline_once(graph: Graph, library: Library) -> bool:
    """Inline one level of calls; whether there was any."""
    moved: dict[Ref, Ref] = {}
    waits: dict[str, list[str]] = {}
    frames = any(node.op in FRAMES for node in graph.nodes.values())
    nodes: dict[str, Node] = {}
    for node in graph.nodes.values():
        callee = _callee(node, library)
        if callee is None:
            nodes[node.name] = node
            continue
        body = library.graph(callee, node.name)
        _place(node, body, library, anchored=frames)
        given = {item.name: ref for item, ref in zip(body.arguments, node.inputs, strict=False)}
        if len(given) != len(body.arguments):
            raise InputError(f"node {node.name} calls {callee} with the wrong number of inputs")
        for inner in body.nodes.values():
            inner.inputs = [given.get(ref[0], ref) for ref in inner.inputs]
            nodes[inner.name] = inner
        for index, ref in enumerate(body.outputs):
            moved[node.name, index] = given.get(ref[0], ref)
        waits[node.name] = body.finals
    if not waits:
        return False
    graph.nodes = nodes

    def follow(ref: Ref) -> Ref:
        while ref in moved:
            ref = moved[ref]
        return ref

    for node in nodes.values():
        node.inputs = [follow(ref) for ref in node.inputs]
        node.controls = _replaced(node.controls, waits)
    graph.outputs = [follow(ref) for ref in graph.outputs]
    graph.finals = _replaced(graph.finals, waits)
    return True


def _replaced(controls: list[str], waits: Mapping[str, list[str]]) -> list[str]:
    """Control edges with inlined calls replaced by what they waited for."""
    found: dict[str, None] = {}
    pending = list(reversed(controls))
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in waits:
            pending.extend(reversed(waits[name]))
        else:
            found[name] = None
    return list(found)


def _place(call: Node, body: Graph, library: Library, *, anchored: bool) -> None:
    """Rename a body's nodes to stand under their call, and pass its control edges down."""
    arguments = {argument.name for argument in body.arguments}
    fallback = [node.name for node in body.nodes.values() if library.effectful(node)]
    if not body.finals:
        body.finals = fallback
    anchors = list(dict.fromkeys([*call.controls, *(name for name, _ in call.inputs)]))

    def under(name: str) -> str:
        return name if name in arguments else f"{call.name}/{name}"

    placed: dict[str, Node] = {}
    for node in body.nodes.values():
        alone = not node.inputs and not node.controls
        node.controls = [under(name) for name in node.controls if name not in arguments]
        if anchored and alone:
            node.controls += anchors
        elif call.controls and (node.op in CALLS or library.effectful(node)):
            node.controls += [name for name in call.controls if name not in node.controls]
        node.inputs = [(under(name), index) for name, index in node.inputs]
        node.name = under(node.name)
        placed[node.name] = node
    body.nodes = placed
    body.outputs = [(under(name), index) for name, index in body.outputs]
    body.finals = [under(name) for name in body.finals]
