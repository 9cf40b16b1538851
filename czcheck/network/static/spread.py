"""How a tensor depends on the image: which pixels each of its elements can see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from czcheck.network.facts import Dims, NodeUse

Factor = tuple[str, int | None]
"""A part of a dimension: `h`, `w`, or empty for anything else; and its size."""

Number = int | float

# Beyond these, numbers in a file mean harm; honest networks stay below a millionth of them.
_MOST_SCALE = 1 << 20
_MOST_PIXELS = 1 << 40


class Axis(NamedTuple):
    """Which rows (or columns) of the image a row (or column) of a tensor depends on.

    Row `i` of the tensor sees rows `scale * i + low` to `scale * i + high` of the image.

    Attributes:
        scale: Pixels of the image from one row to the next.
        low: Offset of the first row that is seen, usually negative.
        high: Offset of the last row that is seen.
        size: Rows of the tensor; None where that is open.
        stride: Pixels by which the image has to move for the tensor to move by one row. Differs
            from `scale` where a resize fits corners to corners.
        blocks: Rows that were dealt out over the batch, as dilated convolutions do; 1 where they
            were not.
    """

    scale: Fraction
    low: Fraction
    high: Fraction
    size: int | None
    stride: Fraction
    blocks: int = 1

    @property
    def is_sane(self) -> bool:
        """Whether all its numbers are of a size that networks have."""
        small = max(self.scale.numerator, self.scale.denominator) <= _MOST_SCALE
        return small and max(-self.low, self.high) <= _MOST_PIXELS and self.scale > 0

    def scaled(self, factor: Fraction, low: Fraction, high: Fraction, size: int | None) -> Axis:
        """The axis behind an operation that changes the number of rows.

        Args:
            factor: Rows of this axis from one row of the new one to the next.
            low: First row seen, relative to `factor * i`, in rows of this axis.
            high: Last row seen.
            size: Rows of the new axis.
        """
        return self._replace(
            scale=self.scale * factor,
            low=self.low + self.scale * low,
            high=self.high + self.scale * high,
            size=size,
            stride=self.stride * factor,
        )

    def union(self, other: Axis) -> Axis | None:
        """What both see together; None where that is not known."""
        if self.blocks != other.blocks:
            return None
        low, high = other.low, other.high
        if self.scale != other.scale:
            if self.size is None:
                return None
            drift = (other.scale - self.scale) * (self.size - 1)
            low, high = low + min(drift, Fraction(0)), high + max(drift, Fraction(0))
        return self._replace(low=min(self.low, low), high=max(self.high, high))


Layout = tuple[tuple[Factor, ...], ...]
"""For each dimension, what it is made of."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How the elements of a tensor depend on the image.

    Attributes:
        layout: What each dimension is made of.
        rows: Which rows an element sees; None where the tensor has no rows any more.
        columns: Which columns it sees.
        level: 0 where an element depends on the pixels around it alone, 1 where also on statistics
            of the whole input, 2 where on the whole of something inside the network.
        cause: The node that brought the level.
        pure: Whether all so far was done to each pixel by itself.
        unknown: The node that is not understood; nothing else counts then.
    """

    layout: Layout
    rows: Axis | None = None
    columns: Axis | None = None
    level: int = 0
    cause: NodeUse | None = None
    pure: bool = True
    unknown: NodeUse | None = None

    def axis(self, letter: str) -> Axis | None:
        """The rows for `h`, the columns for `w`."""
        return self.rows if letter == "h" else self.columns

    def with_axis(self, letter: str, axis: Axis | None) -> Spread:
        """The same with other rows or columns."""
        return replace(self, rows=axis) if letter == "h" else replace(self, columns=axis)

    def raised(self, cause: NodeUse) -> Spread:
        """The same behind something that looks at the whole picture."""
        level = 1 if self.pure else 2
        return self if level <= self.level else replace(self, level=level, cause=cause)

    def joined(self, other: Spread) -> Spread:
        """The same, mixed with something that has no rows and columns of its own."""
        worse = other if other.level > self.level else self
        return replace(
            self,
            level=worse.level,
            cause=worse.cause,
            pure=self.pure and other.pure,
            unknown=self.unknown or other.unknown,
        )


@dataclass(frozen=True, slots=True)
class Traced:
    """What is known of a tensor without running anything.

    Attributes:
        shape: Its sizes, the batch being 1; None for an open rank.
        item: Bytes for each element; 0 where that is not fixed.
        known: Its elements, where they are few and follow from sizes and constants.
        spread: How it depends on the image; None where it does not.
        buffer: Number of the memory that holds it; -1 for weights.
        handle: Whether it is a variable, and not the variable's value.
    """

    shape: Dims | None
    item: int = 4
    known: tuple[Number, ...] | None = None
    spread: Spread | None = None
    buffer: int = -1
    handle: bool = False

    @property
    def rank(self) -> int | None:
        """Number of dimensions."""
        return None if self.shape is None else len(self.shape)

    @property
    def count(self) -> int | None:
        """Number of elements."""
        if self.shape is None:
            return None
        count = 1
        for size in self.shape:
            if size is None:
                return None
            count *= size
        return count

    @property
    def bytes(self) -> int | None:
        """Size in memory."""
        return None if self.count is None else self.count * self.item


def plain(shape: Dims) -> Layout:
    """The layout of a tensor that has nothing to do with the image."""
    return tuple((("", size),) for size in shape)


def collapsed(spread: Spread) -> Spread:
    """Read rows that are repeated, or cut in parts, as the rows of an enlarged image.

    A dimension made of rows and something else behind them has as many rows as both together.
    """
    layout = list(spread.layout)
    for number, factors in enumerate(layout):
        parts = [factor for factor in factors if factor != ("", 1)]
        tags = [tag for tag, _ in parts]
        if len(parts) > 1 and tags[0] and not any(tags[1:]):
            axis = spread.axis(tags[0])
            times = 1
            for _, size in parts[1:]:
                times *= size or 0
            if axis is None or axis.size is None or times < 1:
                continue
            spread = spread.with_axis(tags[0], enlarged(axis, times))
            layout[number] = ((tags[0], axis.size * times),)
        elif len(parts) == 1 and len(factors) > 1:
            layout[number] = (parts[0],)
    return replace(spread, layout=tuple(layout))


def enlarged(axis: Axis, times: int) -> Axis:
    """The axis of an image in which every row stands several times."""
    size = None if axis.size is None else axis.size * times
    return axis.scaled(Fraction(1, times), Fraction(1 - times, times), Fraction(0), size)
