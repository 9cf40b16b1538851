"""Keep what the answer needs: drop unreached nodes, needless control edges and identities."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from czcheck.building.lowering.graph import DT_RESOURCE, Graph, Node, Ref
from czcheck.building.lowering.inlining import FRAMES
from czcheck.errors import InputError

TRANSPARENT = frozenset({"Identity", "IdentityN", "PlaceholderWithDefault", "Snapshot"})
"""Operations whose outputs are their inputs."""

Stateful = Callable[[str], bool]
"""Whether an operation is said to have state or an effect."""


def prune(graph: Graph, keep: str, stateful: Stateful) -> None:
    """Drop everything that the outputs of the main graph do not depend on, in place.

    Control edges stay where something with an effect (an assertion, a random number) lies behind
    them, and in graphs with TensorFlow 1 control flow, where they say in which frame a node runs.

    Args:
        graph: The main graph.
        keep: Name of the input's placeholder, which stays even if nothing reads it.
        stateful: Tells operations that have an effect.

    Raises:
        InputError: The answer needs a variable or table that could not be frozen.
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
    held = {name for node in graph.nodes.values() for name in node.controls} | set(graph.finals)
    for name, _ in moved:
        if name in graph.nodes and name not in held:
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
