"""How far a network looks: a bound on the border that a tile needs, read from its graph."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, NamedTuple

from czcheck.errors import InputError
from czcheck.network.static.spread import collapsed
from czcheck.network.static.trace import trace

if TYPE_CHECKING:
    from czcheck.network.facts import Network, NodeUse
    from czcheck.network.static.spread import Axis, Traced
    from czcheck.network.static.trace import Trace

ReachKind = Literal["local", "global-input", "global-inside", "unknown"]
Edges = tuple[int, int, int, int]
"""Pixels at the top, bottom, left and right edge of a tile."""


class StaticReach(NamedTuple):
    """How far from its edges a tile's answer can depend on what lies outside.

    Attributes:
        bound: At most so many pixels at the top, bottom, left and right edge, statistics of the
            whole tile left aside; None where nothing is local, or something is not understood.
        stride: Pixels by which a picture has to move for everything in the network to move along.
        kind: `local`; `global-input` where statistics of the whole input go into every answer;
            `global-inside` where the whole of something inside the network does; `unknown`.
        because: The node that makes it global, or that is not understood.
        reason: Why nothing could be found out, where that is no single node's fault.
    """

    bound: Edges | None
    stride: int
    kind: ReachKind
    because: NodeUse | None = None
    reason: str = ""

    @property
    def largest(self) -> int | None:
        """The bound at the edge where it is largest."""
        return None if self.bound is None else max(self.bound)


def trace_of(network: Network) -> Trace | str:
    """Follow the picture through a network, for `static_reach` and `static_cost`.

    Args:
        network: The network.

    Returns:
        What was found on the way, or the reason why nothing was.
    """
    try:
        found = trace(network)
    except InputError as error:
        return str(error)
    except (ArithmeticError, LookupError, ValueError):
        # Whoever understands an operation takes its inputs to be what it asks for.
        return "the shapes in the graph contradict each other"
    return "the signature does not turn one tile into one answer" if found is None else found


def static_reach(trace: Trace | str) -> StaticReach:
    """How far a network looks.

    Args:
        trace: What `trace_of` returned.
    """
    if isinstance(trace, str):
        return StaticReach(None, 1, "unknown", reason=trace)

    spread = None if trace.answer.spread is None else collapsed(trace.answer.spread)
    if spread is None:
        return StaticReach((0, 0, 0, 0), trace.stride, "local")
    if spread.unknown is not None:
        return StaticReach(None, trace.stride, "unknown", spread.unknown)
    kinds: tuple[ReachKind, ...] = ("local", "global-input", "global-inside")
    bound = _bound(trace.image, spread.rows, spread.columns)
    return StaticReach(bound, trace.stride, kinds[spread.level], spread.cause)


def _bound(image: Traced, rows: Axis | None, columns: Axis | None) -> Edges | None:
    """Pixels of the answer at each edge that can see beyond it."""
    if rows is None or columns is None or image.shape is None:
        return None
    top, bottom = _edges(rows, image.shape[1])
    left, right = _edges(columns, image.shape[2])
    return top, bottom, left, right


def _edges(axis: Axis, size: int | None) -> tuple[int, int]:
    """Rows at the beginning and at the end that can see beyond the tile's edge."""
    # A row sees `scale * row + low`; where the scale is not quite 1, rows drift.
    drift = Fraction(0) if size is None or axis.size is None else axis.scale * axis.size - size
    before = -axis.low - min(drift, Fraction(0))
    behind = axis.high + max(drift, Fraction(0))
    return max(math.ceil(before), 0), max(math.ceil(behind), 0)
