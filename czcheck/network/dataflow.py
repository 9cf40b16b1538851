"""Follows a tensor back to what made it, through calls, branches and function arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from czcheck.network.graph import Graph, Scope
from czcheck.network.outputs import position

_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
# Attributes that name what a node's outputs come from, and how many of its inputs the functions
# do not get.
_BRANCHES = {
    "If": (("then_branch", "else_branch"), 1),
    "StatelessIf": (("then_branch", "else_branch"), 1),
    "Case": (("branches",), 1),
    "StatelessCase": (("branches",), 1),
    "While": (("body",), 0),
    "StatelessWhile": (("body",), 0),
}
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


def _index(text: str) -> int:
    """The number at the end of a reference; 0 where there is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004


def locate(graph: Graph, scope: Scope, reference: str, frame: Frame | None) -> Point | None:
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
        name, _, rest = reference.partition(":")
        node = graph.nodes(scope).get(name)
        if node is not None:
            output_name, _, number = rest.rpartition(":")
            if node.op in graph.library and output_name:
                outputs = [each.name for each in graph.library[node.op].signature.output_arg]
                graph.step(len(outputs))
                output = outputs.index(output_name) if output_name in outputs else 0
            else:
                output = position(node, output_name, _index(number))
            return Point(scope, node, output, frame)
        if scope is None or frame is None:
            return None
        argument = graph.arguments(scope).get(name)
        if argument is None:
            return None
        place = argument + _BRANCHES.get(frame.node.op, ((), 0))[1]
        inputs = graph.inputs(frame.scope, frame.node)
        if place >= len(inputs):
            return None
        scope, reference, frame = frame.scope, inputs[place], frame.outer


def input_of(graph: Graph, point: Point, number: int) -> Point | None:
    """What a node's input comes from; None where it has no such input."""
    inputs = graph.inputs(point.scope, point.node)
    if number >= len(inputs):
        return None
    return locate(graph, point.scope, inputs[number], point.frame)


def is_call(graph: Graph, node: Any) -> bool:
    """Whether a node's outputs come from functions."""
    return node.op in _CALLS or node.op in _BRANCHES or node.op in graph.library


def is_plain_call(graph: Graph, node: Any) -> bool:
    """Whether a node does nothing but call a function."""
    return node.op in _CALLS or node.op in graph.library


def inside(graph: Graph, point: Point) -> list[Point | None]:
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
        names = []
        for attribute in _BRANCHES.get(node.op, (("f",), 0))[0]:
            value = node.attr.get(attribute)
            if value is not None and value.HasField("func"):
                names.append(value.func.name)
            elif value is not None:
                names.extend(each.name for each in value.list.func)
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


def settle(graph: Graph, point: Point | None, *, limit: int = 10_000) -> Point | None:
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


def makers(graph: Graph, scope: Scope, reference: str) -> Iterator[tuple[Scope, Any]]:
    """The nodes that a tensor may come from, whoever calls the function that it stands in.

    Loops and branches count as nodes; what comes into their bodies is not followed.

    Args:
        graph: The graph.
        scope: Where the reference stands.
        reference: As of `locate`.

    Yields:
        Nodes with their scopes.
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


def _passed(graph: Graph, function: Scope, argument: str) -> Iterator[tuple[Scope, str]]:
    """What callers pass as an argument."""
    place = None if function is None else graph.arguments(function).get(argument)
    if function is None or place is None:
        return
    for scope, caller in graph.serving:
        graph.step()
        if is_plain_call(graph, caller) and function in graph.calls(scope, caller):
            yield from ((scope, each) for each in graph.inputs(scope, caller)[place : place + 1])


def _returned(graph: Graph, point: Point) -> Iterator[tuple[Scope, str]]:
    """What functions return as the output of a call."""
    for function in graph.calls(point.scope, point.node):
        definition = graph.library[function]
        outputs = definition.signature.output_arg
        if point.output < len(outputs) and outputs[point.output].name in definition.ret:
            yield function, definition.ret[outputs[point.output].name]
