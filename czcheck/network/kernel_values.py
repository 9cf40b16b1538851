"""What the checks of kernels know of a node: the values of its attributes, and what comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from czcheck.network import dtypes
from czcheck.network.defaults import load_defaults

if TYPE_CHECKING:
    from czcheck.network.facts import Dims


class Known(Protocol):
    """What is known of a tensor that comes into a node.

    Attributes:
        shape: Its sizes, None for one that is open; None for an open rank.
        known: Its elements, where they are few and known.
    """

    @property
    def shape(self) -> Dims | None:
        """Its sizes."""

    @property
    def known(self) -> tuple[int | float, ...] | None:
        """Its elements."""


def texts(node: Any, name: str) -> list[str]:
    """The values of an attribute as texts: names of dtypes, texts, numbers, `true` and `false`.

    An attribute that the node leaves out stands at its default.
    """
    return [_text(kind, value) for kind, value in attribute_values(node, name)]


def numbers(node: Any, name: str) -> list[int]:
    """The numbers in an attribute; empty where there are none."""
    return [int(value) for kind, value in attribute_values(node, name) if kind == "i"]


def attribute_values(node: Any, name: str) -> list[tuple[str, Any]]:
    """Kind and value of each element of an attribute."""
    if name not in node.attr:
        kind, *values = load_defaults().get(node.op, {}).get(name, [None])
        if kind == "list":
            return [("i" if isinstance(each, int) else "s", each) for each in values]
        return [] if kind is None else [(kind, values[0])]
    attr = node.attr[name]
    kind = attr.WhichOneof("value")
    if kind == "list":
        found = attr.list
        return [(each.name, value) for each, every in found.ListFields() for value in every]
    return [] if kind is None else [(kind, getattr(attr, kind))]


def _text(kind: str, value: Any) -> str:
    if kind == "type":
        return dtypes.name(value)
    if kind == "b":
        return str(value).lower()
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
