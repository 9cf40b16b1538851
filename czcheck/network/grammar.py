"""The grammar of graphs: names of tensors, attributes that call functions, numbers in bytes."""

from __future__ import annotations

from typing import Any, NamedTuple

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
