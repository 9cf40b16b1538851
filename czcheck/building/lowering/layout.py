"""Move channels to the end: TensorFlow 2.0.0 has hardly a kernel on the CPU for channels first.

Tensors that such an operation makes stay channels-last as far as what reads them can take them so;
only where something else reads one it is transposed back. So the transpositions of a chain of
layers cancel each other, and those that the source itself has around them.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from czcheck.building.lowering.graph import Graph, Node, Ref
from czcheck.building.lowering.rewriting import DT_INT32, Place, Tools
from czcheck.building.lowering.writing import order

FIRST = {b"NCHW": b"NHWC", b"NCDHW": b"NDHWC"}
TO_LAST = {4: (0, 2, 3, 1), 5: (0, 2, 3, 4, 1)}
TO_FIRST = {4: (0, 3, 1, 2), 5: (0, 4, 1, 2, 3)}
BY_DIMENSION = ("strides", "ksize", "dilations")
BORDERS = "explicit_paddings"


class Reads(NamedTuple):
    """Inputs of an operation that depend on the data format.

    Attributes:
        images: Inputs that are images; the first output is one, too.
        vectors: Inputs with a number for each dimension.
    """

    images: tuple[int, ...]
    vectors: tuple[int, ...] = ()


FORMATTED = {
    **dict.fromkeys(
        (
            "Conv2D", "DepthwiseConv2dNative", "Conv3D", "MaxPool", "AvgPool", "MaxPool3D",
            "AvgPool3D", "BiasAdd", "SpaceToDepth", "DepthToSpace", "FusedBatchNorm",
            "FusedBatchNormV2", "FusedBatchNormV3",
        ),
        Reads((0,)),
    ),
    "Conv2DBackpropInput": Reads((2,), (0,)),
    "Conv3DBackpropInputV2": Reads((2,), (0,)),
    "MaxPoolV2": Reads((0,), (1, 2)),
}  # fmt: skip

POINTWISE = frozenset(
    {
        "Abs", "Cast", "Ceil", "CheckNumerics", "Elu", "Erf", "Erfc", "Exp", "Expm1", "Floor",
        "Identity", "IsNan", "LeakyRelu", "Log", "Log1p", "LogicalNot", "Neg", "OnesLike",
        "Reciprocal", "Relu", "Relu6", "Rint", "Round", "Rsqrt", "Selu", "Sigmoid", "Sign",
        "Softplus", "Softsign", "Sqrt", "Square", "StopGradient", "Tanh", "ZerosLike",
        "Add", "AddN", "AddV2", "ClipByValue", "Div", "DivNoNan", "Equal", "FloorDiv", "FloorMod",
        "Greater", "GreaterEqual", "Less", "LessEqual", "LogicalAnd", "LogicalOr", "Maximum",
        "Minimum", "Mul", "NotEqual", "Pow", "RealDiv", "SelectV2", "SquaredDifference", "Sub",
    }
)  # fmt: skip
"""Operations that work on each element alone, on inputs that are spread to a common shape."""

STATISTICS = frozenset({"Max", "Mean", "Min", "Prod", "Sum"})
PADS = frozenset({"MirrorPad", "Pad", "PadV2"})


def is_first(node: Node) -> bool:
    """Whether an operation takes its images with the channels in front of rows and columns."""
    data_format = node.attrs.get("data_format")
    return node.op in FORMATTED and data_format is not None and data_format.s in FIRST


def channels_last(graph: Graph, tools: Tools) -> None:
    """Rewrite operations with channels first in the main graph and in all bodies, in place.

    Args:
        graph: The main graph.
        tools: Shapes and dtypes of its tensors, and what makes new nodes.
    """
    parts = [part for part in graph.graphs() if any(map(is_first, part.nodes.values()))]
    for place in [tools.of(part) for part in parts]:
        if place.tensors:  # of a graph whose shapes contradict each other nothing is known
            _Mover(place, tools).run()


class _Mover:
    """Goes through one graph, from its inputs to its outputs.

    A tensor keeps its name. What reads it, and was not reached yet, still takes it to be in the
    order of the source: each node's inputs are looked up once, when the node is reached.
    """

    def __init__(self, place: Place, tools: Tools) -> None:
        self._place = place
        self._changes = tools.changes
        self._ranks: dict[Ref, int] = {}  # of tensors that have their channels last now
        self._first: dict[Ref, Ref] = {}  # the same in the order of the source
        self._last: dict[Ref, Ref] = {}  # tensors in the order of the source, with channels last

    def run(self) -> None:
        """Rewrite the graph."""
        graph = self._place.graph
        for node in _forward(graph):
            rank = self._rank(node) if is_first(node) else None
            if rank is not None:
                self._rewrite(node, rank)
            elif not self._carry(node):
                node.inputs = [self._as_it_was(ref) for ref in node.inputs]
        graph.outputs = [self._as_it_was(ref) for ref in graph.outputs]

    def _rank(self, node: Node) -> int | None:
        """Rank of the images that an operation takes; None if it is not known."""
        if node.op != "BiasAdd":  # which calls channels in front NCHW whatever the rank
            return len(node.attrs["data_format"].s)
        ref = node.inputs[0]
        shape = self._place.shape(ref)
        rank = self._ranks.get(ref, 0 if shape is None else len(shape))
        return rank if rank in TO_LAST else None

    def _rewrite(self, node: Node, rank: int) -> None:
        """Make an operation take and make images with channels last."""
        place, reads = self._place, FORMATTED[node.op]
        for index, ref in enumerate(node.inputs):
            if index in reads.images:
                node.inputs[index] = self._as_last(ref, rank)
            elif index in reads.vectors:
                node.inputs[index] = self._vector(node, ref, rank)
            else:
                node.inputs[index] = self._as_it_was(ref)
        turned = TO_LAST[rank]
        for name in BY_DIMENSION:
            if name in node.attrs and node.attrs[name].list.i:
                values = node.attrs[name].list.i
                node.attrs[name] = place.numbers(values[axis] for axis in turned)
        if BORDERS in node.attrs and node.attrs[BORDERS].list.i:
            values = node.attrs[BORDERS].list.i
            node.attrs[BORDERS] = place.numbers(
                value for axis in turned for value in values[2 * axis : 2 * axis + 2]
            )
        old = node.attrs["data_format"].s
        node.attrs["data_format"] = place.attr(s=FIRST[old])
        self._ranks[node.name, 0] = rank
        self._changes.rewrote(f"{node.op} {old.decode()}", f"{node.op} {FIRST[old].decode()}")

    def _vector(self, node: Node, ref: Ref, rank: int) -> Ref:
        """A vector with a number for each dimension, in the new order."""
        place, ref = self._place, self._as_it_was(ref)
        value, shape = place.value(ref), place.shape(ref)
        if shape is not None and shape != (rank,):
            return ref  # sizes of rows and columns alone
        if value is not None:
            return place.constant(f"{node.name}/sizes", value[list(TO_LAST[rank])], ref)
        indices = place.ints(f"{node.name}/order", TO_LAST[rank], ref)
        axis = place.ints(f"{node.name}/axis", 0, ref)
        int32 = place.type(DT_INT32)
        types = {"Tparams": place.type(place.dtype(ref) or DT_INT32), "Taxis": int32}
        name = f"{node.name}/sizes"
        return place.add(name, "GatherV2", [ref, indices, axis], Tindices=int32, **types)

    def _as_last(self, ref: Ref, rank: int) -> Ref:
        """A tensor with channels last."""
        if ref in self._ranks:
            return ref
        if ref not in self._last:
            made_by = self._place.graph.nodes.get(ref[0])
            if made_by is not None and made_by.op == "Transpose":
                # All that this one reads has been looked up already.
                turned = self._place.value(made_by.inputs[1])
                if turned is not None and tuple(turned.tolist()) == TO_FIRST[rank]:
                    self._last[ref] = made_by.inputs[0]
                    return self._last[ref]
            name = f"{ref[0]}/channels_last"
            self._last[ref] = self._transpose(self._as_it_was(ref), ref, TO_LAST[rank], name)
        return self._last[ref]

    def _as_it_was(self, ref: Ref) -> Ref:
        """A tensor in the order of the source."""
        if ref in self._ranks and ref not in self._first:
            name = f"{ref[0]}/channels_first"
            self._first[ref] = self._transpose(ref, ref, TO_FIRST[self._ranks[ref]], name)
        return self._first.get(ref, ref)

    def _transpose(self, ref: Ref, typed: Ref, turned: Sequence[int], name: str) -> Ref:
        place = self._place
        perm = place.ints(f"{name}/perm", turned, ref)
        types = {"T": place.type(place.dtype(typed)), "Tperm": place.type(DT_INT32)}
        return place.add(name, "Transpose", [ref, perm], **types)

    def _carry(self, node: Node) -> bool:
        """Let an operation work on tensors with channels last; whether it can and there are any."""
        ranks = {self._ranks[ref] for ref in node.inputs if ref in self._ranks}
        if len(ranks) != 1 or node.bodies:
            return False
        (rank,) = ranks
        inputs: list[Ref] | None = None
        if node.op == "Transpose":
            return self._turn(node, rank)
        if node.op in STATISTICS:
            return self._statistic(node, rank)
        if node.op in POINTWISE:
            inputs = self._operands(node, rank)
        elif node.op == "ConcatV2":
            inputs = self._joined(node, rank)
        elif node.op in PADS:
            inputs = self._border(node, rank)
        if inputs is None:
            return False
        node.inputs = inputs
        self._ranks[node.name, 0] = rank
        return True

    def _turn(self, node: Node, rank: int) -> bool:
        """Let a transposition start from the tensor with channels last."""
        ref = node.inputs[0]
        turned = self._place.value(node.inputs[1])
        if ref not in self._ranks or turned is None or len(turned) != rank:
            return False
        whole = [TO_FIRST[rank][axis] for axis in turned.tolist()]
        if whole == list(range(rank)):
            self._first[node.name, 0] = ref
        perm = self._place.ints(f"{node.name}/perm", whole, ref)
        node.inputs = [ref, perm]
        node.attrs["Tperm"] = self._place.type(DT_INT32)
        return True

    def _operands(self, node: Node, rank: int) -> list[Ref] | None:
        """Operands of an operation on elements, each spread as before; None if one cannot be."""
        place = self._place
        shapes = {ref: place.shape(ref) for ref in node.inputs}
        for ref, shape in shapes.items():
            odd = shape is None or len(shape) > rank
            open_ = shape is not None and 0 < len(shape) < rank and None in shape
            if ref not in self._ranks and (odd or open_):
                return None
        inputs: list[Ref] = []
        for ref in node.inputs:
            shape = shapes[ref]
            if ref in self._ranks or not shape:
                inputs.append(ref if ref in self._ranks else self._as_it_was(ref))
                continue
            sizes = [1] * (rank - len(shape)) + [-1 if size is None else size for size in shape]
            value = place.value(ref)
            if value is not None:
                value = np.transpose(value.reshape(sizes), TO_LAST[rank])
                inputs.append(place.constant(f"{ref[0]}/channels_last", value, ref))
            elif len(shape) == rank:
                inputs.append(self._as_last(ref, rank))
            else:
                inputs.append(self._spread(node, ref, sizes))
        return inputs

    def _spread(self, node: Node, ref: Ref, sizes: list[int]) -> Ref:
        """A tensor of a lower rank, with as many dimensions as an image and channels last."""
        place, now = self._place, self._as_it_was(ref)
        name = f"{node.name}/operand"
        shape = place.ints(f"{name}/shape", sizes, now)
        types = {"T": place.type(place.dtype(ref)), "Tshape": place.type(DT_INT32)}
        whole = place.add(name, "Reshape", [now, shape], **types)
        return self._transpose(whole, ref, TO_LAST[len(sizes)], f"{name}/channels_last")

    def _joined(self, node: Node, rank: int) -> list[Ref] | None:
        """Inputs of a concatenation along the same axis."""
        *parts, last = node.inputs
        axis = self._place.value(last)
        if axis is None or last in self._ranks:
            return None
        inputs = [self._as_last(ref, rank) for ref in parts]
        place = TO_LAST[rank].index(int(axis) % rank)
        named = self._place.constant(f"{node.name}/axis", axis.dtype.type(place), inputs[0])
        return [*inputs, named]

    def _border(self, node: Node, rank: int) -> list[Ref] | None:
        """Inputs of a padding with the same widths."""
        widths = self._place.value(node.inputs[1])
        if widths is None or node.inputs[0] not in self._ranks or len(widths) != rank:
            return None
        turned = widths[list(TO_LAST[rank])]
        named = self._place.constant(f"{node.name}/paddings", turned, node.inputs[0])
        return [node.inputs[0], named, *node.inputs[2:]]

    def _statistic(self, node: Node, rank: int) -> bool:
        """Let a statistic go along the same axes."""
        axes = self._place.value(node.inputs[1])
        if axes is None or node.inputs[0] not in self._ranks:
            return False
        reduced = {int(axis) % rank for axis in axes.ravel()}
        keeps = "keep_dims" in node.attrs and node.attrs["keep_dims"].b
        left = [axis for axis in TO_LAST[rank] if axis not in reduced]
        if not keeps and left != sorted(left):
            return False
        turned = sorted(TO_LAST[rank].index(axis) for axis in reduced)
        named = self._place.constant(f"{node.name}/axes", axes.dtype.type(turned), node.inputs[0])
        node.inputs = [node.inputs[0], named]
        if keeps:
            self._ranks[node.name, 0] = rank
        return True


def _forward(graph: Graph) -> list[Node]:
    """Nodes of a graph, each after what it reads; loops of TensorFlow 1 are cut."""
    nodes = order(graph)
    number = {node.name: index for index, node in enumerate(nodes)}
    readers: dict[str, list[int]] = {}
    missing = [0] * len(nodes)
    for index, node in enumerate(nodes):
        for name in {name for name, _ in node.inputs if name in number}:
            back = node.op == "Merge" and graph.nodes[name].op == "NextIteration"
            if not back:
                readers.setdefault(name, []).append(index)
                missing[index] += 1
    ready = [index for index, count in enumerate(missing) if count == 0]
    heapq.heapify(ready)
    found: list[Node] = []
    while ready:
        node = nodes[heapq.heappop(ready)]
        found.append(node)
        for reader in readers.get(node.name, ()):
            missing[reader] -= 1
            if missing[reader] == 0:
                heapq.heappush(ready, reader)
    return found
