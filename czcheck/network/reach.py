"""What a tile needs, read from the graph: a bound on its border, multiply-adds and memory."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, NamedTuple

from czcheck.errors import InputError
from czcheck.network.static.spread import collapsed
from czcheck.network.static.trace import trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from czcheck.network.facts import Network, NodeUse
    from czcheck.network.static.spread import Axis, Traced
    from czcheck.network.static.trace import Event, Trace

ReachKind = Literal["local", "global-input", "global-inside", "unknown"]
Edges = tuple[int, int, int, int]
"""Pixels at the top, bottom, left and right edge of a tile."""


class StaticReach(NamedTuple):
    """How far from its edges a tile's output can depend on what lies outside.

    Attributes:
        bound: At most so many pixels at the top, bottom, left and right edge, statistics of the
            whole tile left aside; None where nothing is local, or something is not understood.
        stride: Pixels by which an image has to move for everything in the network to move along.
        kind: `local`; `global-input` where statistics of the whole input go into every output;
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
    """Follow the image through a network, for `static_reach` and `static_cost`.

    Returns:
        What was found on the way, or the reason why nothing was.
    """
    try:
        found = trace(network)
    except InputError as error:
        return str(error)
    except (ArithmeticError, LookupError, ValueError):
        # Whoever understands an operation expects inputs of the kind that it takes.
        return "the shapes in the graph contradict each other"
    return "the signature does not turn one tile into one output" if found is None else found


def static_reach(trace: Trace | str) -> StaticReach:
    """How far a network looks.

    Args:
        trace: What `trace_of` returned.
    """
    if isinstance(trace, str):
        return StaticReach(None, 1, "unknown", reason=trace)

    spread = None if trace.output.spread is None else collapsed(trace.output.spread)
    if spread is None:
        return StaticReach((0, 0, 0, 0), trace.stride, "local")
    if spread.unknown is not None:
        return StaticReach(None, trace.stride, "unknown", spread.unknown)
    kinds: tuple[ReachKind, ...] = ("local", "global-input", "global-inside")
    bound = _bound(trace.image, spread.rows, spread.columns)
    return StaticReach(bound, trace.stride, kinds[spread.level], spread.cause)


def _bound(image: Traced, rows: Axis | None, columns: Axis | None) -> Edges | None:
    """Pixels of the output at each edge that can see beyond it."""
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


class Share(NamedTuple):
    """What a part of the network costs for one tile, as far as sizes are known.

    Attributes:
        name: The layer: the path that the names of its nodes have in common; or an operation.
        operations: Its operations, each once, in the order in which they run.
        nodes: How many nodes run.
        multiply_adds: Their multiplications with additions.
        tensor_bytes: Size of the tensors that they write; not all are in use at one time.
    """

    name: str
    operations: tuple[str, ...]
    nodes: int
    multiply_adds: int
    tensor_bytes: int


class StaticCost(NamedTuple):
    """What one tile costs, as far as sizes are known without running the network.

    Attributes:
        multiply_adds: Multiplications with additions in convolutions and products of matrices.
        weight_bytes: Size of the weights.
        activation_bytes: Most memory that tensors take at one time, one tile at a time. What a
            convolution needs to work is not in it.
        unknown: Operations whose share is not known, so that the figures are lower bounds.
        layers: Shares of the layers, in the order in which they run.
        operations: Shares of the operations, in the same order.
    """

    multiply_adds: int
    weight_bytes: int
    activation_bytes: int
    unknown: tuple[str, ...] = ()
    layers: tuple[Share, ...] = ()
    operations: tuple[Share, ...] = ()

    @property
    def memory_bytes(self) -> int:
        """Weights and tensors together."""
        return self.weight_bytes + self.activation_bytes


def static_cost(trace: Trace | str, network: Network) -> StaticCost | None:
    """What one tile costs.

    Args:
        trace: What `reach.trace_of` returned.
        network: The network.

    Returns:
        The cost; None where the tile has no fixed size or the graph cannot be followed.
    """
    if isinstance(trace, str) or trace.image.bytes is None:
        return None
    unknown = dict.fromkeys(use.op for use in trace.loops)
    unsized: set[int] = set()
    for event in trace.events:
        open_ones = {buffer for buffer, size in event.writes if size is None}
        # What is made from something of unknown size is not to blame for its own.
        if (open_ones or event.multiply_adds is None) and not unsized.intersection(event.reads):
            unknown[event.use.op] = None
        unsized |= open_ones
    return StaticCost(
        multiply_adds=sum(event.multiply_adds or 0 for event in trace.events),
        weight_bytes=network.weight_bytes,
        activation_bytes=_peak(trace.events, trace.image.bytes, trace.output.buffer),
        unknown=tuple(unknown),
        layers=_shares(trace.events, _layer),
        operations=_shares(trace.events, lambda use: use.op),
    )


def _layer(use: NodeUse) -> str:
    """The path of a node, without its own name."""
    path, _, _ = use.name.rpartition("/")
    return path or use.name


def _shares(events: Sequence[Event], name_of: Callable[[NodeUse], str]) -> tuple[Share, ...]:
    """What nodes cost that share a name."""
    groups: dict[str, list[Event]] = {}
    for event in events:
        groups.setdefault(name_of(event.use), []).append(event)
    return tuple(
        Share(
            name=name,
            operations=tuple(dict.fromkeys(event.use.op for event in group)),
            nodes=len(group),
            multiply_adds=sum(event.multiply_adds or 0 for event in group),
            tensor_bytes=sum(size or 0 for event in group for _, size in event.writes),
        )
        for name, group in groups.items()
    )


def _peak(events: Sequence[Event], image: int, output: int) -> int:
    """Most bytes that are in use at one time."""
    last: dict[int, int] = {0: -1}
    for number, event in enumerate(events):
        for buffer in event.reads:
            last[buffer] = number
        for buffer, _ in event.writes:
            last.setdefault(buffer, number)
    last[output] = len(events)
    sizes = {0: image}
    now = most = image
    for number, event in enumerate(events):
        dying = [buffer for buffer in event.reads if last[buffer] == number and buffer in sizes]
        written = sum(size or 0 for _, size in event.writes)
        # Written where a tensor stood that nobody needs any more.
        reused = max((sizes[buffer] for buffer in dying), default=0) if event.in_place else 0
        most = max(most, now + written - min(reused, written))
        for buffer, size in event.writes:
            sizes[buffer] = size or 0
        now += written
        for buffer in [*dying, *(each for each, _ in event.writes if last[each] == number)]:
            now -= sizes.pop(buffer, 0)
    return most
