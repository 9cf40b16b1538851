"""Bring a graph to the operations and attributes of TensorFlow 2.0.0, and past its optimiser.

Barriers keep apart what that optimiser would merge, move or round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from czcheck.building.lowering.graph import Graph, Node, Ref
from czcheck.errors import InputError
from czcheck.network.leveling import POOLING, leveling_before
from czcheck.network.target import Target, load_target


@dataclass(slots=True)
class Changes:
    """What lowering changed.

    Attributes:
        attributes: Dropped attributes that the target does not know, counted by `Op.attribute`.
        rewrites: Operations replaced by ones that the target has, counted by `old -> new`.
    """

    attributes: dict[str, int] = field(default_factory=dict)
    rewrites: dict[str, int] = field(default_factory=dict)

    def dropped(self, op: str, name: str) -> None:
        """Count a dropped attribute."""
        key = f"{op}.{name}"
        self.attributes[key] = self.attributes.get(key, 0) + 1

    def rewrote(self, old: str, new: str) -> None:
        """Count a replaced operation."""
        key = f"{old} -> {new}"
        self.rewrites[key] = self.rewrites.get(key, 0) + 1


SAME_WHEN_TYPES_AGREE = {"BatchMatMulV3": "BatchMatMulV2"}
OLDER = {"StatelessCase": "Case", "QuantizeAndDequantizeV4": "QuantizeAndDequantizeV2"}
"""Operations that differ from an older one in their state or their gradient alone."""


def make_portable(graph: Graph, changes: Changes) -> None:
    """Rewrite operations and drop attributes that TensorFlow 2.0.0 does not know, in place.

    Args:
        graph: The main graph, pruned.
        changes: Counts what is done.

    Raises:
        InputError: An operation, or an attribute that is not at its default, has no equal there.
    """
    target = load_target("tf-2.0.0")
    for part in graph.graphs():
        for node in part.nodes.values():
            _rename_operation(node, changes)
            if not target.knows(node.op):
                raise InputError(
                    f"operation {node.op} (node {node.name}) does not exist in TensorFlow 2.0.0, "
                    "which models have to run in, and has no exact replacement there; use a layer "
                    "that does without it"
                )
            _drop_attributes(node, target, changes)


def drop_hints(graph: Graph) -> None:
    """Drop attributes that are hints to one runtime, such as shapes that were inferred once."""
    for part in graph.graphs():
        for node in part.nodes.values():
            node.attrs = {name: node.attrs[name] for name in node.attrs if name[:1] != "_"}


def _rename_operation(node: Node, changes: Changes) -> None:
    if node.op in SAME_WHEN_TYPES_AGREE:
        left, right = node.attrs["Ta"].type, node.attrs["Tb"].type
        if left == right == node.attrs["Tout"].type:
            new = SAME_WHEN_TYPES_AGREE[node.op]
            changes.rewrote(node.op, new)
            node.op = new
            node.attrs["T"] = node.attrs["Ta"]
            for name in ("Ta", "Tb", "Tout"):
                del node.attrs[name]
    elif node.op in OLDER:
        new = OLDER[node.op]
        changes.rewrote(node.op, new)
        node.op = new


def _drop_attributes(node: Node, target: Target, changes: Changes) -> None:
    known = target.attributes(node.op)
    for name in list(node.attrs):
        if name in known:
            value = target.values.refused(node.op, name, node.attrs[name])
            if value is not None:
                raise InputError(
                    f"attribute {name} of operation {node.op} (node {node.name}) is {value}, which "
                    "TensorFlow 2.0.0, which models have to run in, does not allow there; "
                    "compute this layer in float32 or int32"
                )
            continue
        if not name.startswith("_"):  # an underscore marks a hint to one runtime, no meaning
            if not target.may_drop(_AttributesOf(node), name):
                raise InputError(
                    f"attribute {name} of operation {node.op} (node {node.name}) does not exist in "
                    "TensorFlow 2.0.0, which models have to run in, and is not at its default; use "
                    "a layer that does without it"
                )
            changes.dropped(node.op, name)
        del node.attrs[name]


class _AttributesOf:
    """A node as `Target` looks at it."""

    def __init__(self, node: Node) -> None:
        self.op = node.op
        self.attr = node.attrs


def hold_order(graph: Graph, attr_type: Callable[..., Any], changes: Changes) -> None:
    """Put a node that no optimiser moves between such a function and the pooling.

    Args:
        graph: The main graph, with its bodies.
        attr_type: Makes an attribute.
        changes: Counts what is done.
    """
    for part in graph.graphs():
        for node in list(part.nodes.values()):
            if node.op == POOLING and any(leveling_before(node, partial(_first_source, part))):
                shape = attr_type()
                shape.shape.unknown_rank = True
                between = part.add(barrier(node, "input", node.inputs[0], node.attrs["T"], shape))
                node.inputs[0] = between.name, 0
                changes.rewrote(node.op, f"{between.op}, {node.op}")


def barrier(named: Node, ending: str, ref: Ref, dtype: Any, shape: Any) -> Node:
    """A node that hands on a tensor, and that no optimiser moves or folds: it might be fed.

    Args:
        named: The node that its name begins with.
        ending: What its name ends with.
        ref: The tensor.
        dtype: Its dtype, an attribute.
        shape: Its shape, an attribute.
    """
    name, label = f"{named.name}/{ending}", f"{named.label or named.name}/{ending}"
    attrs = {"dtype": dtype, "shape": shape}
    return Node(name, "PlaceholderWithDefault", [ref], [], attrs, label=label)


def _first_source(graph: Graph, node: Node) -> Iterator[Node]:
    """The node that a node's first input comes from."""
    if node.inputs and node.inputs[0][0] in graph.nodes:
        yield graph.nodes[node.inputs[0][0]]


_FLOATS = frozenset({1, 2, 14, 19})  # float32, float64, bfloat16, float16
_COMPLEX = frozenset({8, 18})
_STEPS = frozenset(
    {"Floor", "Ceil", "Round", "Rint", "Sign", "FloorDiv", "FloorMod", "Mod", "TruncateDiv"}
    | {"TruncateMod", "Less", "LessEqual", "Greater", "GreaterEqual", "Equal", "NotEqual"}
    | {"Bucketize"}
)
"""Functions that jump. A cast to integers is one more."""
_ARITHMETIC = frozenset({"RealDiv", "Div", "Mul", "Add", "AddV2", "Sub", "Sqrt", "Square"})
"""Operations whose constants the optimiser changes. So it does with those that are cast first."""
_EXACT = frozenset(
    {"Identity", "StopGradient", "PreventGradient", "Snapshot", "CheckNumerics", "EnsureShape"}
    | {"Abs", "Neg", "Relu", "Relu6", "Minimum", "Maximum", "ClipByValue", "Select", "SelectV2"}
    | {"Max", "Min", "MaxPool", "Reshape", "Squeeze", "ExpandDims", "Transpose", "ConcatV2"}
    | {"Pack", "Unpack", "Split", "SplitV", "Slice", "StridedSlice", "GatherV2", "Tile", "Pad"}
    | {"PadV2", "MirrorPad", "ReverseV2", "BroadcastTo", "ResizeNearestNeighbor", "SpaceToDepth"}
    | {"DepthToSpace", "Cast"}
)
"""Operations that pass numbers on as they are, so that a step behind them jumps as well."""


def hold_constants(graph: Graph, attr_type: Callable[..., Any], changes: Changes) -> None:
    """Put a node that no optimiser folds behind the constants of arithmetic in front of a step.

    Args:
        graph: The main graph, with its bodies.
        attr_type: Makes an attribute.
        changes: Counts what is done.
    """
    for part in graph.graphs():
        barriers: dict[str, str] = {}
        for node in _in_front_of_steps(part):
            of_node = False
            for index, (name, _) in enumerate(node.inputs):
                source = part.nodes.get(name)
                if source is None or source.op != "Const":
                    continue
                if name not in barriers:
                    barriers[name] = part.add(_behind(source, attr_type)).name
                node.inputs[index] = barriers[name], 0
                of_node = True
            if of_node:
                changes.rewrote(node.op, f"PlaceholderWithDefault, {node.op}")


def _behind(constant: Node, attr_type: Callable[..., Any]) -> Node:
    shape = attr_type()
    shape.shape.CopyFrom(constant.attrs["value"].tensor.tensor_shape)
    return barrier(constant, "held", (constant.name, 0), constant.attrs["dtype"], shape)


def _in_front_of_steps(part: Graph) -> list[Node]:
    """Arithmetic on floats whose outcome, as it is, comes to a step; in the order of the graph."""
    pending = [name for node in part.nodes.values() if _is_step(node) for name, _ in node.inputs]
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        node = part.nodes.get(name)
        if node is None or name in seen or node.op not in _ARITHMETIC | _EXACT:
            continue
        seen.add(name)
        pending.extend(source for source, _ in node.inputs)
    return [node for name, node in part.nodes.items() if name in seen and _takes_constants(node)]


def _takes_constants(node: Node) -> bool:
    """Whether the optimiser works out a node's constants together with others."""
    if node.op == "Cast":
        return node.attrs["DstT"].type in _FLOATS
    return node.op in _ARITHMETIC and node.attrs["T"].type in _FLOATS


def _is_step(node: Node) -> bool:
    if node.op == "Cast":
        to = node.attrs["DstT"].type
        return node.attrs["SrcT"].type in _FLOATS and to not in _FLOATS | _COMPLEX
    return node.op in _STEPS and ("T" not in node.attrs or node.attrs["T"].type in _FLOATS)
