"""Follows a tensor back to what made it, through calls, branches and function arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from czcheck.network.grammar import CALLERS, CALLS, called, position, reference_of
from czcheck.network.graph import SavedGraph, Scope

SAME_VALUE = frozenset(
    {
        "Identity",
        "StopGradient",
        "PreventGradient",
        "Snapshot",
        "EnsureShape",
        "CheckNumerics",
        "PlaceholderWithDefault",
        "Enter",
        "Exit",
        "NextIteration",
        "RefIdentity",
        "Switch",
        "RefSwitch",
    }
)
"""Operations that hand on their first input."""


class Frame(NamedTuple):
    """A call that was followed into its function.

    Attributes:
        scope: Where the calling node stands.
        node: The calling node.
        outer: The call that leads there; None for the main graph.
    """

    scope: Scope
    node: Any
    outer: Frame | None


class Point(NamedTuple):
    """One output of one node, and the calls that lead to it.

    Attributes:
        scope: The function that holds the node; None for the main graph.
        node: The node.
        output: Number of the output among all of the node, from 0.
        frame: The innermost call; None in the main graph.
    """

    scope: Scope
    node: Any
    output: int
    frame: Frame | None

    @property
    def place(self) -> tuple[Scope, str, int]:
        """Where the tensor stands: scope, node, output."""
        return self.scope, self.node.name, self.output


def locate(graph: SavedGraph, scope: Scope, reference: str, frame: Frame | None) -> Point | None:
    """The node output that a reference means; an argument is sought in the caller.

    Args:
        graph: The graph.
        scope: Where the reference stands.
        reference: `node`, `node:1`; in a function `argument` or `node:output:0`.
        frame: The call that leads to the scope.

    Returns:
        The point, or None where the reference leads out of what is known.
    """
    while True:
        graph.step()
        name, output_name, number = reference_of(reference)
        node = graph.nodes(scope).get(name)
        if node is not None:
            if node.op in graph.library and output_name:
                outputs = [each.name for each in graph.library[node.op].signature.output_arg]
                graph.step(len(outputs))
                output = outputs.index(output_name) if output_name in outputs else 0
            else:
                output = position(node, output_name, number)
            return Point(scope, node, output, frame)
        if scope is None or frame is None:
            return None
        argument = graph.arguments(scope).get(name)
        if argument is None:
            return None
        place = argument + (CALLERS[frame.node.op].own if frame.node.op in CALLERS else 0)
        inputs = graph.inputs(frame.scope, frame.node)
        if place >= len(inputs):
            return None
        scope, reference, frame = frame.scope, inputs[place], frame.outer


def input_of(graph: SavedGraph, point: Point, number: int) -> Point | None:
    """What a node's input comes from; None where it has no such input."""
    inputs = graph.inputs(point.scope, point.node)
    if number >= len(inputs):
        return None
    return locate(graph, point.scope, inputs[number], point.frame)


def is_call(graph: SavedGraph, node: Any) -> bool:
    """Whether a node's outputs come from functions."""
    return node.op in CALLERS or node.op in graph.library


def is_plain_call(graph: SavedGraph, node: Any) -> bool:
    """Whether a node does nothing but call a function."""
    return node.op in CALLS or node.op in graph.library


def inside(graph: SavedGraph, point: Point) -> list[Point | None]:
    """What the output of a call comes from: one point, or one for each branch.

    Args:
        graph: The graph.
        point: An output of a node for which `is_call` is true.

    Returns:
        Points, None for each branch that leads out of what is known.
    """
    node = point.node
    if node.op in graph.library:
        names = [node.op]
    else:
        makers = CALLERS[node.op].makers
        values = [node.attr[each] for each in makers if each in node.attr]
        names = [each.name for value in values for each in called(value)]
    found: list[Point | None] = []
    for name in names:
        definition = graph.library.get(name)
        outputs = definition.signature.output_arg if definition is not None else ()
        if definition is None or point.output >= len(outputs):
            found.append(None)
            continue
        reference = definition.ret.get(outputs[point.output].name, "")
        frame = Frame(point.scope, node, point.frame)
        found.append(locate(graph, name, reference, frame))
    return found or [None]


def settle(graph: SavedGraph, point: Point | None, *, limit: int = 10_000) -> Point | None:
    """Follow a tensor back to the operation that really makes it, past identities and calls.

    Args:
        graph: The graph.
        point: Where to begin.
        limit: Steps after which the answer is None.

    Returns:
        The first point that makes a new value; None where branches lead to several, or the
        reference leads out of what is known.
    """
    for _ in range(limit):
        if point is None:
            return None
        if point.node.op in SAME_VALUE:
            point = input_of(graph, point, 0)
        elif point.node.op == "IdentityN":
            point = input_of(graph, point, point.output)
        elif is_call(graph, point.node):
            ends = inside(graph, point)
            if len(ends) != 1:
                return point
            point = ends[0]
        else:
            return point
    return None


def makers(graph: SavedGraph, scope: Scope, reference: str) -> Iterator[tuple[Scope, Any]]:
    """The nodes that a tensor may come from, whoever calls the function that it stands in.

    Loops and branches count as nodes; what comes into their bodies is not followed.

    Args:
        graph: The graph.
        scope: Where the reference stands.
        reference: As of `locate`.
    """
    pending, seen = [(scope, reference)], {(scope, reference)}
    while pending:
        graph.step()
        scope, reference = pending.pop()
        point = locate(graph, scope, reference, None)
        if point is None:
            found = _passed(graph, scope, reference.partition(":")[0])
        elif is_plain_call(graph, point.node):
            found = _returned(graph, point)
        else:
            yield scope, point.node
            continue
        new = [each for each in found if each not in seen]
        seen.update(new)
        pending.extend(new)


def _passed(graph: SavedGraph, function: Scope, argument: str) -> Iterator[tuple[Scope, str]]:
    """What callers pass as an argument."""
    place = None if function is None else graph.arguments(function).get(argument)
    if function is None or place is None:
        return
    for scope, caller in graph.serving:
        graph.step()
        if is_plain_call(graph, caller) and function in graph.calls(scope, caller):
            yield from ((scope, each) for each in graph.inputs(scope, caller)[place : place + 1])


def _returned(graph: SavedGraph, point: Point) -> Iterator[tuple[Scope, str]]:
    """What functions return as the output of a call."""
    for function in graph.calls(point.scope, point.node):
        definition = graph.library[function]
        outputs = definition.signature.output_arg
        if point.output < len(outputs) and outputs[point.output].name in definition.ret:
            yield function, definition.ret[outputs[point.output].name]
