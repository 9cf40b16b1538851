"""What kernels require of a node: values of attributes, ranks, sizes, constants."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from czcheck.network import dtypes
from czcheck.network.grammar import load_defaults

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


# Beyond it a number of the size of the others is lost in their sum in bfloat16.
_MANY = 256
Condition = Callable[[Any, Sequence[Known]], bool]


def _at_least(place: int, rank: int) -> Condition:
    """Whether an input has so many dimensions."""

    def condition(_: Any, inputs: Sequence[Known]) -> bool:
        shape = inputs[place].shape
        return shape is not None and len(shape) >= rank

    return condition


def _empty(place: int) -> Condition:
    """Whether an input has no elements."""

    def condition(_: Any, inputs: Sequence[Known]) -> bool:
        shape = inputs[place].shape
        return shape is not None and 0 in shape

    return condition


def _size_of(shape: Any, place: int) -> int:
    """A size that is known; fails where it is not."""
    return int(shape[place])


def _given_statistics(_: Any, inputs: Sequence[Known]) -> bool:
    """Whether a batch normalisation gets a mean that is not empty."""
    shape = inputs[3].shape
    return shape is not None and 0 not in shape


def _grouped_backwards(node: Any, inputs: Sequence[Known]) -> bool:
    """Whether the filter of a transposed convolution makes fewer channels than are requested."""
    sizes, filters = inputs[0].known, inputs[1].shape
    if sizes is None or filters is None or len(sizes) != 4:
        return False
    channels = 1 if texts(node, "data_format") == ["NCHW"] else 3
    return int(sizes[channels]) != _size_of(filters, 2)


def _grouped(node: Any, inputs: Sequence[Known]) -> bool:
    """Whether the filter of a convolution has fewer channels than the image."""
    image, filters = inputs[0].shape, inputs[1].shape
    if image is None or filters is None:
        return False
    channels = 1 if texts(node, "data_format") == ["NCHW"] else 3
    return _size_of(image, channels) != _size_of(filters, 2)


def _many_elements(_: Any, inputs: Sequence[Known]) -> bool:
    """Whether a reduction takes so many elements together that a sum in 8 bits stands still."""
    shape, axes = inputs[0].shape, inputs[1].known
    if shape is None or axes is None:
        return False
    return math.prod(_size_of(shape, int(axis)) for axis in set(axes)) > _MANY


def _two_sizes(_: Any, inputs: Sequence[Known]) -> bool:
    """Whether a transposed convolution gets height and width alone."""
    return inputs[0].shape == (2,)


def _side_of_one(_: Any, inputs: Sequence[Known]) -> bool:
    """Whether an image is one row high or one column wide."""
    shape = inputs[0].shape
    return shape is not None and 1 in (_size_of(shape, 1), _size_of(shape, 2))


def _over_channels(node: Any, _: Sequence[Known]) -> bool:
    """Whether a pooling window covers several channels."""
    place = 1 if texts(node, "data_format")[0].startswith("NC") else -1
    return numbers(node, "ksize")[place] > 1


SHAPES: dict[str, Condition] = {
    "rank 2": _at_least(0, 2),
    "rank 6": _at_least(0, 6),
    "rank 8": _at_least(0, 8),
    "no axes": _empty(1),
    "given statistics": _given_statistics,
    "grouped backwards": _grouped_backwards,
    "grouped": _grouped,
    "many elements": _many_elements,
    "two sizes": _two_sizes,
    "side of one": _side_of_one,
    "over channels": _over_channels,
}
"""What conditions of the table may require of a node, by name."""
