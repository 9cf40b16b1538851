"""Whether two networks compute the same: digests of their graphs that no name goes into."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from czcheck.errors import InputError
from czcheck.network.dataflow import Frame, Point, input_of, is_call, locate, settle
from czcheck.network.grammar import CALLS, load_defaults
from czcheck.network.target import Target, load_target, plain

if TYPE_CHECKING:
    from czcheck.network.facts import Network
    from czcheck.network.graph import SavedGraph, Scope
    from czcheck.network.weights import Weights

# Loops and branches: what they compute does not follow from their inputs alone.
_WINDING = frozenset({"Enter", "Exit", "NextIteration", "Switch", "RefSwitch", "Merge"})
_FLOAT = struct.Struct("<f").pack
_Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Structure:
    """Digests of what a network computes, in hexadecimal.

    Attributes:
        operations: Of operations, their attributes and the way they are wired; of weights only
            shape and dtype go in.
        whole: Of these and of the values of all weights; None where some cannot be read.
    """

    operations: str
    whole: str | None


def structure_of(network: Network, weights: Weights) -> Structure | None:
    """Digest what a network computes.

    Names go into neither digest, nor do calls of functions, identities, the difference between a
    constant and a variable, and attributes at their default or that change no output. Equal digests
    mean the same computation; different ones may still mean the same, written in another way.

    Returns:
        The digests; None where there is no signature of one input and one output, where loops,
        branches or random numbers are reached, or the graph leads nowhere.
    """
    graph, ends = network.graph, network.ends
    if graph is None or ends is None:
        return None
    if network.random or any(
        node.op in _WINDING or _branches(graph, node) for _, node in graph.serving
    ):
        return None
    try:
        fed = locate(graph, None, ends[0].tensor, None)
        output = settle(graph, locate(graph, None, ends[1].tensor, None))
        if fed is None or output is None:
            return None
        return _Digests(graph, weights, fed).of(output)
    except InputError:  # more steps than any honest network takes, or at odds with itself
        return None


def _branches(graph: SavedGraph, node: Any) -> bool:
    return is_call(graph, node) and node.op not in CALLS and node.op not in graph.library


class _Digests:
    """Digests of all that an output is made from, each worked out once, without recursion."""

    def __init__(self, graph: SavedGraph, weights: Weights, fed: Point) -> None:
        self._graph = graph
        self._weights = weights
        self._fed = fed
        self._target = load_target("tf-2.0.0")
        self._known: dict[_Key, tuple[bytes, bytes]] = {}
        self._inputs: dict[_Key, list[Point | None]] = {}
        self._frames: dict[Any, int] = {}

    def of(self, output: Point) -> Structure | None:
        """The digests of one tensor."""
        pending = [(output, self._key(output))]
        while pending:
            point, key = pending[-1]
            if key in self._known:
                pending.pop()
                continue
            if key not in self._inputs:
                self._inputs[key] = list(self._made_from(point))
            inputs = self._inputs[key]
            if None in inputs:
                return None
            keyed = [(each, self._key(each)) for each in inputs if each is not None]
            waiting = [each for each in keyed if each[1] not in self._known]
            if waiting:
                pending.extend(waiting)
                continue
            self._known[key] = self._digest(point, keyed)
            del self._inputs[key]
            pending.pop()
        operations, whole = self._known[self._key(output)]
        suffix = f" {output.output}".encode()
        unread = any(weight.fault is not None for weight in self._weights.all)
        return Structure(
            hashlib.sha256(operations + suffix).hexdigest(),
            None if unread else hashlib.sha256(whole + suffix).hexdigest(),
        )

    def _made_from(self, point: Point) -> Iterator[Point | None]:
        if point.place[:2] == self._fed.place[:2] or self._leaf(point) is not None:
            return
        for number in range(len(self._graph.inputs(point.scope, point.node))):
            yield settle(self._graph, input_of(self._graph, point, number))

    def _leaf(self, point: Point) -> tuple[Scope, Any] | None:
        """The node that holds the values, where the point is a weight."""
        at = point
        if point.node.op == "ReadVariableOp":
            handle = settle(self._graph, input_of(self._graph, point, 0))
            if handle is None:
                return None
            at = handle
        weight = self._weights.of(at.scope, at.node)
        return None if weight is None else (at.scope, at.node)

    def _digest(self, point: Point, inputs: list[tuple[Point, _Key]]) -> tuple[bytes, bytes]:
        if point.place[:2] == self._fed.place[:2]:
            return b"picture", b"picture"
        leaf = self._leaf(point)
        weight = None if leaf is None else self._weights.of(*leaf)
        if weight is not None:
            form = f"weight {weight.dtype} {weight.shape}".encode()
            return form, f"weight {weight.digest}".encode()
        own = hashlib.sha256(_text(self._target, point.node))
        digests = [own, own.copy()]
        for each, key in inputs:
            for digest, of_input in zip(digests, self._known[key], strict=True):
                digest.update(of_input + f" {each.output} ".encode())
        return digests[0].digest(), digests[1].digest()

    def _key(self, point: Point) -> _Key:
        return point.scope, point.node.name, self._number(point.frame)

    def _number(self, frame: Frame | None) -> int:
        """A number that is the same for the same chain of calls."""
        chain = []
        while frame is not None:
            chain.append((frame.scope, frame.node.name))
            frame = frame.outer
        return self._frames.setdefault(tuple(chain), len(self._frames))


def _text(target: Target, node: Any) -> bytes:
    """What a node does: its operation and those attributes that may change an output."""
    parts = [node.op.encode()]
    known, defaults = target.attributes(node.op), load_defaults().get(node.op, {})
    for name in sorted(node.attr):
        value = node.attr[name]
        late = known and name not in known
        if name.startswith("_") or (late and target.may_drop(node, name)):
            continue
        if name in defaults and _is(value, defaults[name]):
            continue
        parts += [name.encode(), value.SerializeToString(deterministic=True)]
    return b"\0".join(parts)


def _is(value: Any, default: list[Any]) -> bool:
    """Whether an attribute has its default."""
    if default[0] == "f":
        # The plain form is rounded, and a difference in the last digit changes an output.
        return bool(value.WhichOneof("value") == "f" and _FLOAT(value.f) == _FLOAT(default[1]))
    return bool(not value.list.f and plain(value) == default)
