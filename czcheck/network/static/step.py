"""One node on the way, and the functions that understand nodes, by operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from czcheck.network import dtypes
from czcheck.network.facts import Dims, NodeUse
from czcheck.network.static.spread import Layout, Number, Spread, Traced, collapsed, plain

KNOWN = 64
"""Most elements of a tensor whose values are followed."""


@dataclass(slots=True)
class Step:
    """A node and what comes in.

    Attributes:
        node: The node.
        use: Its operation, name and function.
        inputs: What comes in, in order.
        charge: Counts work, and refuses too much of it.
        multiply_adds: Set by whoever understands the node; None where that is not known.
    """

    node: Any
    use: NodeUse
    inputs: list[Traced]
    charge: Callable[[int], None]
    multiply_adds: int | None = field(default=0)

    def ints(self, key: str) -> list[int]:
        """A list of integers among the attributes; empty where it is missing."""
        return [int(each) for each in self._attr(key).list.i] if key in self.node.attr else []

    def integer(self, key: str, default: int = 0) -> int:
        """An integer among the attributes."""
        return int(self._attr(key).i) if key in self.node.attr else default

    def text(self, key: str, default: str = "") -> str:
        """A text among the attributes."""
        if key not in self.node.attr:
            return default
        return bytes(self._attr(key).s).decode("utf-8", "replace")

    def flag(self, key: str) -> bool:
        """A truth value among the attributes, false where it is missing."""
        return bool(self._attr(key).b) if key in self.node.attr else False

    def item(self, *keys: str) -> int:
        """Bytes for each element of the dtype that one of the attributes names."""
        for key in keys:
            if key in self.node.attr:
                return dtypes.item_bytes(self._attr(key).type) or 0
        return 4

    def _attr(self, key: str) -> Any:
        return self.node.attr[key]

    def get(self, number: int) -> Traced:
        """An input; something of which nothing is known where it is missing."""
        if 0 <= number < len(self.inputs):
            return self.inputs[number]
        return self.unknown()

    def known(self, number: int) -> list[int] | None:
        """The elements of an input as whole numbers; None where they are not known."""
        if not 0 <= number < len(self.inputs):
            return None
        values = self.inputs[number].known
        return None if values is None else [int(each) for each in values]

    def unknown(self, shape: Dims | None = None, item: int = 4) -> Traced:
        """The outcome of a node that is not understood.

        Args:
            shape: Its shape, where at least that is known.
            item: Bytes for each element.
        """
        if not self.depends:
            return Traced(shape, item)
        earlier = [each.spread.unknown for each in self.inputs if each.spread is not None]
        cause = next((each for each in earlier if each is not None), self.use)
        return Traced(shape, item, spread=Spread(plain(shape or ()), unknown=cause))

    @property
    def depends(self) -> bool:
        """Whether anything that comes in depends on the image."""
        return any(each.spread is not None for each in self.inputs)


Handler = Callable[[Step], Traced | list[Traced]]

HANDLERS: dict[str, Handler] = {}
"""The functions that understand nodes."""


def handles(*operations: str) -> Callable[[Handler], Handler]:
    """Enter a function for some operations."""

    def enter(handler: Handler) -> Handler:
        for each in operations:
            HANDLERS[each] = handler
        return handler

    return enter


def constant(shape: Dims | None, item: int, values: Iterable[Number] | None) -> Traced:
    """A tensor that has nothing to do with the image, with its values where they are few."""
    known = None
    if values is not None:
        taken = tuple(values)
        # Numbers that a graph multiplies up without end are no sizes.
        if len(taken) <= KNOWN and all(-(1 << 62) < each < 1 << 62 for each in taken):
            known = taken
    return Traced(shape, item, known)


def ready(value: Traced) -> Spread | None:
    """The spread of a tensor, its rows and columns each in one dimension where possible."""
    return None if value.spread is None else collapsed(value.spread)


def tag_of(layout: Layout, dimension: int) -> str | None:
    """What a dimension is: `h`, `w`, empty for neither, None for a mixture."""
    tags = [tag for tag, size in layout[dimension] if tag or size != 1]
    marks = [tag for tag in tags if tag]
    if not marks:
        return ""
    return marks[0] if len(tags) == 1 else None


def lose(spread: Spread, dimensions: Iterable[int], cause: NodeUse, *, keep: bool) -> Spread:
    """The spread behind a reduction over some dimensions.

    Args:
        spread: The spread before.
        dimensions: Numbers of the dimensions, from 0.
        cause: The node.
        keep: Whether the dimensions stay, with size 1.
    """
    gone = set(dimensions)
    tags = {tag for number in gone for tag, _ in spread.layout[number] if tag}
    for tag in sorted(tags):
        spread = spread.raised(cause).with_axis(tag, None)
    layout = tuple(
        (("", 1),) if number in gone else factors
        for number, factors in enumerate(spread.layout)
        if keep or number not in gone
    )
    return replace(spread, layout=layout)
