"""The runtime that a network has to work in, and what it lacks for a graph.

TensorFlow refuses a whole file for one operation or attribute that it does not know, or one value
of an attribute that it does not allow, wherever it stands and whether it is reached or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from czcheck.network import dtypes
from czcheck.network.graph import SavedGraph, Scope
from czcheck.shipped import shipped

TARGETS = {"tf-2.0.0": "TensorFlow 2.0.0", "any": "any TensorFlow"}
"""The targets by name, with the words for them."""

# The dtypes that TensorFlow 2.0.0 has are those with numbers up to that of uint64.
_LAST_DTYPE = dtypes.number("uint64")
_REFERENCES = 100


@dataclass(frozen=True, slots=True)
class Values:
    """What a target allows attributes to be.

    Attributes:
        sets: Sets of values: texts, and names of dtypes, with blanks between.
        allowed: For each operation, by attribute, the number of its set. What is not listed may
            have any value.
        minimums: For each operation, by attribute, the least number or length of a list.
    """

    sets: tuple[str, ...]
    allowed: Mapping[str, Mapping[str, int]]
    minimums: Mapping[str, Mapping[str, int]]

    def refused(self, op: str, attribute: str, value: Any) -> str | None:
        """The value of an attribute that is not allowed, in words; None if it is allowed.

        Args:
            op: The operation.
            attribute: The name of the attribute.
            value: The attribute (AttrValue).
        """
        kind = value.WhichOneof("value")
        if kind in _NUMBERED:
            least = self.minimums.get(op, {}).get(attribute)
            number = value.i if kind == "i" else _length(value.list)
            if least is not None and number < least:
                return str(number) if kind == "i" else f"a list of {number}"
        if kind not in _RESTRICTED:
            return None
        place = self.allowed.get(op, {}).get(attribute)
        allowed = None if place is None else self.sets[place].split()
        holder = value.list if kind == "list" else value
        types = holder.type if kind == "list" else [holder.type] if kind == "type" else ()
        for each in types:
            name = dtypes.name(each)
            late = each % _REFERENCES > _LAST_DTYPE
            if late or (allowed is not None and name.removesuffix("_ref") not in allowed):
                return name
        texts = holder.s if kind == "list" else [holder.s] if kind == "s" else ()
        for each in texts:
            text = bytes(each).decode("utf-8", "backslashreplace")
            if allowed is not None and text not in allowed:
                return text
        return None


_NUMBERED = frozenset({"i", "list"})
_RESTRICTED = frozenset({"type", "s", "list"})


def _length(values: Any) -> int:
    return sum(len(getattr(values, name)) for name in _LISTS)


_ANYTHING = Values((), {}, {})


@dataclass(frozen=True, slots=True)
class Target:
    """A runtime.

    Attributes:
        name: Its name, such as `tf-2.0.0`.
        title: Its name in words.
        operations: Its operations; for each the names of its attributes, with blanks between. None
            if the runtime is not known and nothing is compared with it.
        defaults: Attributes that operations got later, with the values at which they change
            nothing, in the form of `plain`.
        irrelevant: Attributes of operations that change no output whatever their value.
        values: What it allows attributes to be.
    """

    name: str
    title: str
    operations: Mapping[str, str] | None = field(repr=False)
    defaults: Mapping[str, Mapping[str, Any]] = field(repr=False)
    irrelevant: Mapping[str, list[str]] = field(repr=False)
    values: Values = field(default=_ANYTHING, repr=False)

    def knows(self, op: str) -> bool:
        """Whether the runtime has an operation."""
        return self.operations is None or op in self.operations

    def attributes(self, op: str) -> frozenset[str]:
        """The attributes of an operation that the runtime knows; empty if it lacks it."""
        return frozenset((self.operations or {}).get(op, "").split())

    def may_drop(self, node: Any, attribute: str) -> bool:
        """Whether an attribute that the runtime lacks can be dropped without changing an output.

        Args:
            node: The node (NodeDef).
            attribute: The name of the attribute.
        """
        op = node.op
        if attribute in self.irrelevant.get(op, ()):
            return True
        if attribute == "exponential_avg_factor" and op.startswith("FusedBatchNorm"):
            # Only training reads it.
            training = node.attr.get("is_training")
            if training is not None and not training.b:
                return True
        known = self.defaults.get(op, {})
        return attribute in known and plain(node.attr[attribute]) == known[attribute]


class Gap(NamedTuple):
    """Something in a graph that the target lacks.

    Attributes:
        op: The operation.
        attribute: Its attribute; None where the operation itself is unknown.
        value: The value of the attribute that the target does not allow; None where the attribute
            itself is unknown.
        node: Name of the node.
        function: The function that holds it; None for the main graph.
        reachable: Whether the serving signature reaches it.
        default: Whether the attribute can be dropped without changing an output.
    """

    op: str
    attribute: str | None
    node: str
    function: str | None
    reachable: bool
    default: bool = False
    value: str | None = None

    @property
    def mends(self) -> bool:
        """Whether rewriting the file mends it, without a change of the network."""
        return self.default or not self.reachable


@cache
def load_target(name: str) -> Target:
    """A target by its name.

    Args:
        name: One of `TARGETS`.

    Raises:
        KeyError: There is no such target.
    """
    title = TARGETS[name]
    if name == "any":
        return Target(name, title, None, {}, {})
    data = json.loads(shipped("czcheck.network", f"{name}-ops.json"))
    values = Values(tuple(data["sets"]), data["values"], data["minimums"])
    return Target(name, title, data["operations"], data["defaults"], data["irrelevant"], values)


def gaps(graph: SavedGraph, target: Target) -> tuple[Gap, ...]:
    """Everything in a graph that the target lacks, in the order of the file.

    Attributes whose names begin with `_` are left out, as TensorFlow leaves them; so are calls of
    the graph's own functions.

    Args:
        graph: The graph, marked with what is reached.
        target: The runtime.

    Returns:
        One gap for each operation and attribute of each node, also for an attribute whose value is
        not allowed.
    """
    if target.operations is None:
        return ()
    if target.name not in graph.known_gaps:
        graph.known_gaps[target.name] = tuple(_gaps(graph, target))
    found: tuple[Gap, ...] = graph.known_gaps[target.name]
    return found


def _gaps(graph: SavedGraph, target: Target) -> Iterator[Gap]:
    attributes: dict[str, frozenset[str]] = {}
    for scope, nodes in graph.scopes():
        for node in nodes:
            op = node.op
            known = attributes.get(op)
            if known is None:
                if op in graph.library:
                    continue
                if not target.knows(op):
                    yield _gap(graph, scope, node, None, default=False)
                    continue
                known = attributes[op] = target.attributes(op)
            for name in sorted(node.attr):  # a map, whose order changes from run to run
                if name in known:
                    value = target.values.refused(op, name, node.attr[name])
                    if value is not None:
                        yield _gap(graph, scope, node, name, default=False, value=value)
                elif not name.startswith("_"):
                    yield _gap(graph, scope, node, name, default=target.may_drop(node, name))


def _gap(
    graph: SavedGraph,
    scope: Scope,
    node: Any,
    attribute: str | None,
    *,
    default: bool,
    value: str | None = None,
) -> Gap:
    reachable = (scope, node.name) in graph.serving
    return Gap(node.op, attribute, node.name, scope, reachable, default, value)


def plain(attr: Any) -> Any:
    """An attribute's value (AttrValue) as plain data that JSON can hold: its kind and its value.

    Tensors and functions, which are no defaults of later attributes, stand for themselves as text.
    """
    kind = attr.WhichOneof("value")
    if kind == "list":
        value = attr.list
        return ["list", *(_plain(each) for name in _LISTS for each in getattr(value, name))]
    return [kind, None if kind is None else _plain(getattr(attr, kind))]


_LISTS = ("s", "i", "f", "b", "type", "shape", "tensor", "func")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (bool, int, float, str)):
        # What a float32 of the file is read as, whatever it was written as in the list.
        return round(value, 6) if isinstance(value, float) else value
    return str(value)
