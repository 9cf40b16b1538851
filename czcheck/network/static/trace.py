"""Traces the output back to the input image: every tensor between, calls written out.

Nothing here recurses; the graph's own limits bound the calls, and a budget bounds the work.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

from czcheck.errors import InputError
from czcheck.network.facts import Dims, Network, NodeUse
from czcheck.network.grammar import CALLERS, called, node_of, position, reference_of
from czcheck.network.graph import SavedGraph, Scope
from czcheck.network.static import layout, parts, pointwise, reductions, windows
from czcheck.network.static.spread import Axis, Spread, Traced, plain
from czcheck.network.static.step import HANDLERS, Step


def alike(first: Traced, second: Traced) -> bool:
    """Whether the same is known of both."""
    return (first.shape, first.known, first.spread) == (second.shape, second.known, second.spread)


def merged(step: Step, first: Traced, second: Traced) -> Traced:
    """What is true of both of two tensors that may stand in one place."""
    known = first.known if first.known == second.known else None
    shape = first.shape if first.shape == second.shape else None
    if first.spread is None and second.spread is None:
        return Traced(shape, first.item, known, buffer=second.buffer)
    if first.spread == second.spread and shape is not None:
        return replace(second, known=known)
    if shape is None:
        return Step(step.node, step.use, [first, second], step.charge).unknown()
    both = Step(step.node, step.use, [first, second], step.charge)
    return replace(pointwise.mixed(both, shape, first.item), buffer=second.buffer)


def either(step: Step, branches: list[Traced]) -> Traced:
    """What comes out of one of several branches."""
    found = branches[0]
    for each in branches[1:]:
        found = merged(step, found, each)
    chooser = step.get(0).spread
    if chooser is None:
        return found
    if found.spread is None or found.spread.unknown is not None or chooser.unknown is not None:
        return Step(step.node, step.use, [step.get(0), found], step.charge).unknown(found.shape)
    joined = found.spread.joined(replace(chooser, pure=True))
    return replace(found, spread=joined)


# Nodes with calls written out, and whatever else a node costs. Networks in use take a few thousand.
_BUDGET = 100_000
_ROUNDS = 3
_MOST_STRIDE = 1 << 20
_IMAGE_RANK = 4
_MOST_OUTPUTS = 100_000
_LOOPS = frozenset({"While", "StatelessWhile"})
_CHOICES = frozenset({"If", "StatelessIf", "Case", "StatelessCase"})
# Their outcome stands where the input stood.
_ALIASES = frozenset(pointwise.SAME) | {"IdentityN", "Reshape", "Squeeze", "ExpandDims"}
_WEIGHTS = frozenset({"Const", "VarHandleOp", "VariableV2", "Variable", "ReadVariableOp"})
_IN_PLACE = frozenset(pointwise.UNARY) | frozenset(pointwise.BINARY) | {"BiasAdd", "Softmax"}

# Modules that enter what they understand.
_FAMILIES = (layout, parts, pointwise, reductions, windows)


class TooMuchError(InputError):
    """Following the image takes more work than any honest network does."""


class Event(NamedTuple):
    """A node that runs.

    Attributes:
        use: The node.
        reads: Buffers that it reads.
        writes: Buffers that it writes, with their sizes in bytes; None where that is not known.
        multiply_adds: Its multiplications with additions; None where that is not known.
        in_place: Whether it may write where it reads.
    """

    use: NodeUse
    reads: tuple[int, ...]
    writes: tuple[tuple[int, int | None], ...]
    multiply_adds: int | None
    in_place: bool


class Trace(NamedTuple):
    """What was found on the way.

    Attributes:
        image: The image that comes in.
        output: The network's output.
        stride: By how many pixels an image has to move for everything in the network to move
            along.
        events: The nodes in an order in which they can run.
        loops: Loops whose bodies are in `events` only once.
        inputs: What came into each node, by scope and name; once for each time that it was
            worked out, as functions are that are called several times.
    """

    image: Traced
    output: Traced
    stride: int
    events: tuple[Event, ...]
    loops: tuple[NodeUse, ...]
    inputs: Mapping[tuple[Scope, str], Sequence[Sequence[Traced]]]


class _Frame:
    """A function that is being worked out, or the main graph."""

    __slots__ = ("arguments", "calls", "memo", "scope")

    def __init__(self, scope: Scope, arguments: list[Traced]) -> None:
        self.scope = scope
        self.arguments = arguments
        self.memo: dict[str, list[Traced]] = {}
        # For each node that calls: the frames of its functions, and how often its loop went round.
        self.calls: dict[str, tuple[list[_Frame], int]] = {}


def trace(network: Network) -> Trace | None:
    """Follow the image through the network.

    Returns:
        What was found; None where there is no signature with one input of four dimensions and one
        output.

    Raises:
        InputError: The graph takes too much work, or is at odds with itself.
    """
    ends, graph = network.ends, network.graph
    if graph is None or ends is None:
        return None
    fed, made = ends
    if fed.shape is None or len(fed.shape) != _IMAGE_RANK:
        return None
    shape = (1, *(size or None for size in fed.shape[1:]))
    image = _image(shape)
    tracer = _Tracer(graph, fed.tensor, image)
    output = tracer.tensor(made.tensor)
    return Trace(
        image, output, tracer.stride, tuple(tracer.events), tuple(tracer.loops), tracer.inputs
    )


def _image(shape: Dims) -> Traced:
    def axis(size: int | None) -> Axis:
        return Axis(Fraction(1), Fraction(0), Fraction(0), size, Fraction(1))

    batch, *_, depth = plain(shape)
    marks = (batch, (("h", shape[1]),), (("w", shape[2]),), depth)
    return Traced(shape, spread=Spread(marks, axis(shape[1]), axis(shape[2])), buffer=0)


class _Tracer:
    """Works out tensors of the main graph."""

    def __init__(self, graph: SavedGraph, fed: str, image: Traced) -> None:
        self._graph = graph
        self._left = _BUDGET
        self._main = _Frame(None, [])
        name, _, number = reference_of(fed)
        # Other outputs of the node that is fed mean nothing.
        self._main.memo[name] = [image] * (1 + number if number < _MOST_OUTPUTS else 1)
        self._buffers = 0
        self.stride = 1
        self.events: list[Event] = []
        self.loops: list[NodeUse] = []
        self.inputs: dict[tuple[Scope, str], list[list[Traced]]] = {}

    def charge(self, work: int = 1) -> None:
        """Count work.

        Raises:
            TooMuchError: It is too much.
        """
        self._left -= work
        if self._left < 0:
            raise TooMuchError("the graph is too large to follow the image through it")

    def tensor(self, reference: str) -> Traced:
        """A tensor of the main graph."""
        name = node_of(reference)
        pending = [(self._main, name)]
        while pending:
            frame, name = pending[-1]
            if name in frame.memo:
                pending.pop()
                continue
            self.charge()
            node = self._graph.nodes(frame.scope).get(name)
            if node is None:
                frame.memo[name] = [Traced(None)]
                continue
            inputs = self._graph.inputs(frame.scope, node)
            missing = [] if node.op == "NextIteration" else self._missing(frame, inputs)
            if not missing:
                missing = self._work_out(frame, node, inputs)
            pending.extend(missing)
        return self._value(self._main, reference)

    def _missing(self, frame: _Frame, references: list[str]) -> list[tuple[_Frame, str]]:
        """The nodes that have to be worked out first."""
        names = dict.fromkeys(map(node_of, references))
        self.charge(len(names) // 8)
        nodes = self._graph.nodes(frame.scope)
        return [(frame, name) for name in names if name not in frame.memo and name in nodes]

    def _value(self, frame: _Frame, reference: str) -> Traced:
        """A tensor whose node is worked out."""
        name, output, number = reference_of(reference)
        if name not in frame.memo:
            if frame.scope is not None and name in self._graph.arguments(frame.scope):
                place = self._graph.arguments(frame.scope)[name]
                if place < len(frame.arguments):
                    return frame.arguments[place]
            return Traced(None)
        values = frame.memo[name]
        number = self._output(frame.scope, name, output, number)
        return values[number] if number < len(values) else values[-1]

    def _output(self, scope: Scope, name: str, output: str, at: int) -> int:
        """The position of a tensor among all of its node."""
        node = self._graph.nodes(scope).get(name)
        if not output or node is None:
            return at
        if node.op in self._graph.library:
            names = [each.name for each in self._graph.library[node.op].signature.output_arg]
            self.charge(len(names) // 8)
            return names.index(output) if output in names else at
        return position(node, output, at)

    def _work_out(self, frame: _Frame, node: Any, inputs: list[str]) -> list[tuple[_Frame, str]]:
        """Work out a node whose inputs are known; or say what its functions still need."""
        values = [] if node.op == "NextIteration" else [self._value(frame, ref) for ref in inputs]
        self.inputs.setdefault((frame.scope, node.name), []).append(values)
        use = NodeUse(node.op, node.name, frame.scope)
        step = Step(node, use, values, self.charge)
        functions = self._functions(node)
        if functions:
            return self._call(frame, step, functions)
        handler = HANDLERS.get(node.op, _not_understood)
        self.charge(2)
        found = handler(step)
        outputs = found if isinstance(found, list) else [found]
        frame.memo[node.name] = self._keep(step, outputs or [Traced(None)])
        return []

    def _keep(self, step: Step, outputs: list[Traced]) -> list[Traced]:
        """Give buffers to what a node makes, and note that it ran."""
        checked: list[Traced] = []
        op = step.node.op
        for value in outputs:
            spread = value.spread
            if spread is not None and spread.unknown is None:
                self._note(spread)
        if op in _ALIASES or op in _WEIGHTS:
            return outputs
        writes = []
        for value in outputs:
            self._buffers += 1
            writes.append((self._buffers, value.bytes))
            checked.append(replace(value, buffer=self._buffers))
        reads = dict.fromkeys(each.buffer for each in step.inputs if each.buffer >= 0)
        self.events.append(
            Event(step.use, tuple(reads), tuple(writes), step.multiply_adds, op in _IN_PLACE)
        )
        return checked

    def _note(self, spread: Spread) -> None:
        """Take the strides of a tensor into the network's."""
        for axis in (spread.rows, spread.columns):
            if axis is not None:
                self.stride = math.lcm(self.stride, axis.stride.numerator)
        if self.stride > _MOST_STRIDE:
            raise TooMuchError(f"the network's stride is more than {_MOST_STRIDE} pixels")

    def _functions(self, node: Any) -> list[str]:
        """Functions of the library that make a node's outputs; of a loop, body and condition."""
        if node.op in self._graph.library:
            return [node.op]
        if node.op not in CALLERS:
            return []
        call = CALLERS[node.op]
        values = [node.attr[each] for each in (*call.makers, *call.others) if each in node.attr]
        names = [each.name for value in values for each in called(value)]
        return [name for name in names if name in self._graph.library]

    def _call(self, frame: _Frame, step: Step, functions: list[str]) -> list[tuple[_Frame, str]]:
        """Work out a node that calls; or say what its functions still need."""
        name, op = step.node.name, step.node.op
        if name not in frame.calls:
            arguments = step.inputs[CALLERS[op].own if op in CALLERS else 0 :]
            frame.calls[name] = [_Frame(each, arguments) for each in functions], 1
        frames, rounds = frame.calls[name]
        returns = [self._returns(each.scope) for each in frames]
        missing = [
            need
            for each, references in zip(frames, returns, strict=True)
            for need in self._missing(each, references)
        ]
        if missing:
            return missing
        branches = [
            [self._value(each, reference) for reference in references]
            for each, references in zip(frames, returns, strict=True)
        ]
        if op in _LOOPS:
            return self._loop(frame, step, branches, rounds)
        if op in _CHOICES:
            frame.memo[name] = [either(step, list(each)) for each in zip(*branches, strict=False)]
        else:
            frame.memo[name] = branches[0]
        frame.memo[name] = frame.memo[name] or [Traced(None)]
        return []

    def _returns(self, function: Scope) -> list[str]:
        assert function is not None
        definition = self._graph.library[function]
        return [definition.ret[each.name] for each in definition.signature.output_arg]

    def _loop(
        self, frame: _Frame, step: Step, branches: list[list[Traced]], rounds: int
    ) -> list[tuple[_Frame, str]]:
        """A loop is understood where going round once more changes nothing."""
        name = step.node.name
        frames, _ = frame.calls[name]
        before = frames[0].arguments
        after = [merged(step, old, new) for old, new in zip(before, branches[0], strict=False)]
        settled = len(after) == len(before) and all(
            alike(old, new) for old, new in zip(before, after, strict=True)
        )
        # An image that decides how often a loop goes round affects everything.
        decided = len(branches) > 1 and any(each.spread is not None for each in branches[1])
        if rounds == 1:
            self.loops.append(step.use)
        if not settled and not decided and rounds < _ROUNDS and len(after) == len(before):
            again = [_Frame(each.scope, after) for each in frames]
            frame.calls[name] = again, rounds + 1
            return [(frame, name)]
        if settled and not decided:
            frame.memo[name] = after
        else:
            frame.memo[name] = [step.unknown(each.shape, each.item) for each in after]
        frame.memo[name] = frame.memo[name] or [Traced(None)]
        return []


def _not_understood(step: Step) -> Traced:
    return step.unknown()
