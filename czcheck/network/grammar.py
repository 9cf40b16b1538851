"""The grammar of graphs: names of tensors, attributes with their defaults, order of nodes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from czcheck.errors import InputError
from czcheck.network import dtypes
from czcheck.shipped import shipped

_MOST_DIGITS = 9
_LONGEST_VARINT = 10


class Reference(NamedTuple):
    """The tensor that an input means: `node`, `node:1`, in a function also `node:output:0`.

    Attributes:
        node: The node, or an argument of the function.
        output: Name of the output; empty where it is given by its number alone.
        number: Number of the tensor, within the output where that is named.
    """

    node: str
    output: str
    number: int


def reference_of(text: str) -> Reference:
    """Read a data input.

    Args:
        text: The input, without the `^` of one that only sets the order.
    """
    node, _, rest = text.partition(":")
    output, _, number = rest.rpartition(":")
    known = number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS
    return Reference(node, output, int(number) if known else 0)


def node_of(reference: str) -> str:
    """The node that an input, `node`, `node:1`, `node:output:0` or `^node`, refers to."""
    return reference.partition(":")[0].removeprefix("^")


def data_inputs(node: Any) -> list[str]:
    """The inputs of a node (NodeDef) that are tensors."""
    return [each for each in node.input if not each.startswith("^")]


def control_inputs(node: Any) -> list[str]:
    """The nodes that a node (NodeDef) only waits for."""
    return [each[1:] for each in node.input if each.startswith("^")]


CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
"""Operations that do nothing but call a function."""


class Call(NamedTuple):
    """How an operation calls functions.

    Attributes:
        makers: Attributes that name the functions whose results are its outputs.
        own: How many of its inputs, the first ones, the functions do not get.
        others: Attributes that name functions it calls besides.
    """

    makers: tuple[str, ...]
    own: int = 0
    others: tuple[str, ...] = ()


CALLERS = {
    "PartitionedCall": Call(("f",)),
    "StatefulPartitionedCall": Call(("f",)),
    "If": Call(("then_branch", "else_branch"), 1),
    "StatelessIf": Call(("then_branch", "else_branch"), 1),
    "Case": Call(("branches",), 1),
    "StatelessCase": Call(("branches",), 1),
    "While": Call(("body",), others=("cond",)),
    "StatelessWhile": Call(("body",), others=("cond",)),
}
"""All operations that call functions by an attribute."""


def called(value: Any) -> list[Any]:
    """The functions (NameAttrList) that one attribute (AttrValue) names; none for most."""
    if value.HasField("func"):
        return [value.func]
    if value.HasField("list") and value.list.func:
        return list(value.list.func)
    return []


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first.

    Args:
        data: The bytes.
        at: Where it begins.
        end: Where it has to have ended.

    Returns:
        The number and where it ends; a negative end where it is damaged.
    """
    if at < end and data[at] < 0x80:  # one byte, as nearly always
        return data[at], at + 1
    value = shift = 0
    for place in range(at, min(end, at + _LONGEST_VARINT)):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # the last byte
            return value, place + 1
        shift += 7
    return 0, -1


# The one way back in a loop of TensorFlow 1, and where it leads.
_BACK = frozenset({"NextIteration", "RefNextIteration"})
_INTO = frozenset({"Merge", "RefMerge"})
_SHOWN = 100


class LimitError(InputError):
    """A graph that is too large, or that runs in circles."""


def check_order(nodes: Mapping[str, Any], arguments: Collection[str], place: str) -> None:
    """See that all inputs are there, and that no node waits for itself.

    Args:
        nodes: The nodes of the main graph or of one function, by name.
        arguments: The function's arguments.
        place: Where that is, to be put behind a node's name.

    Raises:
        LimitError: Nodes wait for each other in a circle that is no loop.
        InputError: A node is missing, or has a name that only TensorFlow itself may give.
    """
    waits: dict[str, set[str]] = {}
    users: dict[str, list[str]] = {}
    for name, node in nodes.items():
        if name.startswith("_"):
            raise InputError(f"no stored graph can have a node {name[:_SHOWN]!r}{place}")
        sources = set(map(node_of, node.input))
        if not sources <= nodes.keys():
            _check_missing(sources - nodes.keys(), arguments, place)
            sources &= nodes.keys()
        if node.op in _INTO:
            sources = {each for each in sources if nodes[each].op not in _BACK}
        waits[name] = sources
        for source in sources:
            users.setdefault(source, []).append(name)
    left = {name: len(sources) for name, sources in waits.items() if sources}
    ready = [name for name, sources in waits.items() if not sources]
    while ready:
        for user in users.get(ready.pop(), ()):
            left[user] -= 1
            if not left[user]:
                del left[user]
                ready.append(user)
    if left:
        # Whoever is left waits for another one who is: going back leads into the circle.
        name = next(iter(left))
        seen: set[str] = set()
        while name not in seen:
            seen.add(name)
            name = min(each for each in waits[name] if each in left)
        raise LimitError(f"the node {name[:_SHOWN]}{place} waits for its own output")


def _check_missing(missing: Iterable[str], arguments: Collection[str], place: str) -> None:
    for source in missing:
        if source not in arguments:
            raise InputError(f"the graph needs a node {source[:_SHOWN]!r}{place} that is not there")


# Attributes may hold functions whose own attributes hold functions, and so on.
_FUNCTION_ATTRS = 1_000
# Tensors of these may hold programs.
_NO_NUMBERS = {dtypes.number(name) for name in ("string", "resource", "variant")}


def functions_in(attrs: Any) -> list[str]:
    """Names of the functions that a node's attributes refer to, with repeats.

    Raises:
        LimitError: There are too many.
    """
    found: list[str] = []
    pending = [attrs]
    while pending:
        attrs = pending.pop()
        for name in attrs:  # of a message's map, `values()` is three times as slow
            named = called(attrs[name])
            if len(found) + len(named) > _FUNCTION_ATTRS:
                raise LimitError(
                    f"the attributes of one node name over {_FUNCTION_ATTRS} functions, "
                    f"{named[0].name[:_SHOWN]} among them"
                )
            for each in named:
                found.append(each.name)
                if each.attr:
                    pending.append(each.attr)
    return found


def look(attrs: Any) -> tuple[list[str], bool]:
    """What `functions_in` finds, and whether any attribute holds a text, or a tensor of no numbers.

    Both in one go, since going over all attributes is most of what reading a graph takes.

    Raises:
        LimitError: There are too many functions.
    """
    texts = functions = False
    for name in attrs:
        value = attrs[name]
        kind = value.WhichOneof("value")
        if kind == "s":
            texts = True
        elif kind == "tensor":
            texts = texts or value.tensor.dtype in _NO_NUMBERS
        elif kind == "func":
            functions = True
        elif kind == "list":
            for field, _ in value.list.ListFields():
                texts = texts or field.name in ("s", "tensor")
                functions = functions or field.name == "func"
    # Functions have attributes, too.
    return (functions_in(attrs), True) if functions else ([], texts)


@cache
def load_defaults() -> dict[str, dict[str, list[Any]]]:
    """For each operation that may run, the defaults of its attributes, in the form of `plain`."""
    data: dict[str, dict[str, list[Any]]] = json.loads(shipped("czcheck.network", "defaults.json"))
    return data


@cache
def load_outputs() -> dict[str, dict[str, str]]:
    """For each operation with more than one output, their names in order.

    With each stands the attribute that says how many tensors it is, or "" for one.
    """
    data: dict[str, dict[str, str]] = json.loads(shipped("czcheck.network", "outputs.json"))
    return data


def position(node: Any, name: str, number: int) -> int:
    """The position of a tensor that a function names by an output.

    Args:
        node: The node: `op`, and `attr` with its attributes (AttrValue) by name.
        name: The name of the output.
        number: The number of the tensor within the output.

    Returns:
        Its number among all of the node, from 0; `number` where the operation has one output or is
        not known.
    """
    outputs = load_outputs().get(node.op, {})
    if name not in outputs:
        return number
    before = 0
    for other, counted in outputs.items():
        if other == name:
            break
        attribute = node.attr.get(counted) if counted else None
        if not counted or attribute is None:
            before += 1
        elif attribute.WhichOneof("value") == "i":
            before += max(0, attribute.i)
        else:
            before += len(attribute.list.type)
    return before + number
