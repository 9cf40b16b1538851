"""The nodes of a meta graph, main graph and function library, and what reaches what.

The graph comes from an untrusted file: nothing here recurses, and counts stay within the limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from czcheck.errors import InputError
from czcheck.limits import Limits
from czcheck.network.grammar import LimitError, check_order, data_inputs, look, node_of

__all__ = ["Reach", "SavedGraph", "Scope"]

# What a loader would make of the graph if it wrote every call out.
INLINED_NODES = 1_000_000
OBJECTS = 50_000
# What following tensors back may cost; an honest network stays below a hundredth of it.
STEPS = 500_000
_SHOWN = 100
Scope = str | None
"""A function's name; None for the main graph."""


class Reach:
    """The nodes that run when some tensors are requested.

    Attributes:
        nodes: For each scope that is entered, the nodes reached in it by name.
    """

    __slots__ = ("nodes",)

    def __init__(self, nodes: dict[Scope, dict[str, Any]]) -> None:
        """Keep the nodes."""
        self.nodes = nodes

    def __contains__(self, place: tuple[Scope, str]) -> bool:
        """Whether a node, given as scope and name, is reached."""
        return place[1] in self.nodes.get(place[0], ())

    def __iter__(self) -> Iterator[tuple[Scope, Any]]:
        """All nodes reached, with their scopes."""
        for scope, nodes in self.nodes.items():
            for node in nodes.values():
                yield scope, node


class SavedGraph:
    """One meta graph.

    Attributes:
        meta_graph: Its message.
        library: Its functions by name.
        count: Nodes in the main graph and all functions.
        serving: What the serving signature reaches; empty until `mark` is called.
        saver: What saving and restoring reach.
        restore: What restoring alone reaches.
    """

    def __init__(self, meta_graph: Any, limits: Limits) -> None:
        """Index the functions and hold the graph to the limits.

        Args:
            meta_graph: The MetaGraphDef.
            limits: Limits on nodes, functions and call depth.

        Raises:
            LimitError: The graph breaks a limit, calls itself, or runs in a circle.
            InputError: It names two nodes alike, or a node that is not there.
        """
        self.meta_graph = meta_graph
        definitions = meta_graph.graph_def.library.function
        if len(definitions) > limits.functions:
            raise LimitError(
                f"the graph has {len(definitions)} functions, more than the limit of "
                f"{limits.functions}"
            )
        self.library: dict[str, Any] = {each.signature.name: each for each in definitions}
        if len(self.library) != len(definitions):
            raise InputError("two functions of the graph have the same name")
        self.count = len(meta_graph.graph_def.node)
        self.count += sum(len(each.node_def) for each in definitions)
        if self.count > limits.nodes:
            raise LimitError(
                f"the graph has {self.count} nodes, more than the limit of {limits.nodes}"
            )
        if len(meta_graph.object_graph_def.nodes) > OBJECTS:
            raise LimitError(f"the object graph has more than {OBJECTS} objects")
        self._maps: dict[Scope, dict[str, Any]] = {}
        self._steps = 0
        self._inputs: dict[tuple[Scope, str], list[str]] = {}
        self._arguments: dict[str, dict[str, int]] = {}
        self._calls: dict[tuple[Scope, str], list[str]] = {}
        self._named: dict[tuple[Scope, str], list[str]] = {}
        self._texts: list[tuple[Scope, Any]] = []
        self._check_calls(limits)
        for scope, _ in self.scopes():
            place = "" if scope is None else f" of the function {scope[:_SHOWN]}"
            check_order(self.nodes(scope), () if scope is None else self.arguments(scope), place)
        nothing = Reach({})
        self.serving, self.saver, self.restore = nothing, nothing, nothing
        self.known_gaps: dict[str, Any] = {}

    def scopes(self) -> Iterator[tuple[Scope, Any]]:
        """Main graph and functions: name and nodes."""
        yield None, self.meta_graph.graph_def.node
        for name, definition in self.library.items():
            yield name, definition.node_def

    def nodes(self, scope: Scope) -> dict[str, Any]:
        """The nodes of a scope by name.

        Raises:
            InputError: Two nodes have one name.
        """
        if scope not in self._maps:
            nodes = (
                self.meta_graph.graph_def.node if scope is None else self.library[scope].node_def
            )
            named = {node.name: node for node in nodes}
            if len(named) != len(nodes):
                place = "the main graph" if scope is None else scope[:_SHOWN]
                raise InputError(f"two nodes of {place} have the same name")
            self._maps[scope] = named
        return self._maps[scope]

    def arguments(self, function: str) -> dict[str, int]:
        """The positions of a function's arguments by their names."""
        if function not in self._arguments:
            arguments = self.library[function].signature.input_arg
            self._arguments[function] = {each.name: at for at, each in enumerate(arguments)}
        return self._arguments[function]

    def inputs(self, scope: Scope, node: Any) -> list[str]:
        """A node's inputs but those that only set the order."""
        place = scope, node.name
        if place not in self._inputs:
            self._inputs[place] = data_inputs(node)
        return self._inputs[place]

    def step(self, cost: int = 1) -> None:
        """Count a step in following a tensor back.

        Raises:
            LimitError: There were too many.
        """
        self._steps += cost
        if self._steps > STEPS:
            raise LimitError(f"following the graph takes more than {STEPS} steps")

    def calls(self, scope: Scope, node: Any) -> list[str]:
        """The functions of the library that a node calls, with repeats."""
        return self._calls.get((scope, node.name), [])

    def named(self, scope: Scope, node: Any) -> list[str]:
        """What `functions_in` finds in a node's attributes, in the library or not."""
        return self._named.get((scope, node.name), [])

    def with_texts(self) -> Iterator[tuple[Scope, Any]]:
        """All nodes whose attributes may hold texts, or objects as tensors, with their scopes."""
        return iter(self._texts)

    def mark(self, serving: Iterable[str], restore: Iterable[str], saver: Iterable[str]) -> None:
        """Work out what is reached.

        Args:
            serving: Tensors or nodes of the main graph that the serving signature names.
            restore: Those that restoring names.
            saver: Those that saving and restoring name.

        Raises:
            InputError: The serving signature needs a node that is not there.
        """
        self.serving = self.reach(serving, strict=True)
        self.restore = self.reach(restore)
        self.saver = self.reach(saver)

    def reach(self, roots: Iterable[str], *, strict: bool = False) -> Reach:
        """All nodes that run for some tensors of the main graph.

        Follows data and order inputs, calls, branches and bodies, and in functions what they
        return and what they run for its effect.

        Args:
            roots: Tensors or nodes of the main graph.
            strict: Whether a node that is missing is a fault.

        Raises:
            InputError: A node is missing.
        """
        reached: dict[Scope, dict[str, Any]] = {None: {}}
        pending: list[tuple[Scope, list[str]]] = [(None, [node_of(root) for root in roots])]
        while pending:
            scope, names = pending.pop()
            nodes, seen = self.nodes(scope), reached[scope]
            arguments = {} if scope is None else self.arguments(scope)
            while names:
                name = names.pop()
                if name in seen:
                    continue
                node = nodes.get(name)
                if node is None:
                    if strict and name not in arguments:
                        place = "" if scope is None else f" of the function {scope[:_SHOWN]}"
                        raise InputError(
                            f"the graph needs a node {name[:_SHOWN]!r}{place} that is not there"
                        )
                    continue
                seen[name] = node
                names.extend(map(node_of, node.input))
                for function in self.calls(scope, node):
                    if function not in reached:
                        reached[function] = {}
                        definition = self.library[function]
                        ends = [*definition.ret.values(), *definition.control_ret.values()]
                        pending.append((function, list(map(node_of, ends))))
        return Reach(reached)

    def _read_attributes(self) -> dict[Scope, list[str]]:
        """Go over all attributes once; returns who calls whom, with repeats."""
        edges: dict[Scope, list[str]] = {}
        for scope, nodes in self.scopes():
            edges[scope] = called = []
            for node in nodes:
                names, texts = look(node.attr)
                if texts:
                    self._texts.append((scope, node))
                if names:
                    self._named[scope, node.name] = names
                if node.op in self.library:
                    names = [*names, node.op]
                names = [name for name in names if name in self.library]
                if names:
                    self._calls[scope, node.name] = names
                    called.extend(names)
        return edges

    def _check_calls(self, limits: Limits) -> None:
        """Refuse circles, deep chains and calls that multiply."""
        edges = self._read_attributes()
        depths: dict[Scope, int] = {}
        sizes: dict[Scope, int] = {}
        open_scopes: set[Scope] = set()
        pending: list[Scope] = list(edges)
        while pending:
            scope = pending[-1]
            if scope in depths:
                pending.pop()
                continue
            waiting = [each for each in dict.fromkeys(edges[scope]) if each not in depths]
            if scope in open_scopes and waiting:
                raise LimitError(f"the function {str(scope)[:_SHOWN]} calls itself")
            if waiting:
                open_scopes.add(scope)
                pending.extend(waiting)
                continue
            open_scopes.discard(scope)
            depths[scope] = 1 + max((depths[each] for each in edges[scope]), default=-1)
            sizes[scope] = len(self._nodes_of(scope)) + sum(sizes[each] for each in edges[scope])
            if depths[scope] > limits.call_depth:
                raise LimitError(
                    f"functions call each other more than {limits.call_depth} deep, "
                    f"{(scope or 'the main graph')[:_SHOWN]} among them"
                )
            if sizes[scope] > INLINED_NODES:
                raise LimitError(
                    f"with its calls written out the graph has over {INLINED_NODES} nodes, "
                    f"too many of them in {(scope or 'the main graph')[:_SHOWN]}"
                )

    def _nodes_of(self, scope: Scope) -> Any:
        return self.meta_graph.graph_def.node if scope is None else self.library[scope].node_def
