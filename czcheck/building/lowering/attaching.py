"""Put operations in front of a lowered network and behind it, in the words of TensorFlow 2.0.0.

Runs in the build's child process only. The nodes are made by hand: what stands in the archive does
not depend on how today's TensorFlow would write the same operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import attr_value_pb2

from czcheck.building.lowering.graph import Graph, parse_ref, read_nodes
from czcheck.building.lowering.lower import INPUT, OUTPUT
from czcheck.building.lowering.writing import order
from czcheck.metadata.processing import Operation

IMAGE_AXES = (1, 2, 3)
CHANNEL_AXIS = 3
ORDERS = {"RgbToBgr": (2, 1, 0), "RgbaToBgra": (2, 1, 0, 3)}
"""Where each channel of the result comes from."""


def attach(
    graph_def: Any, before: Sequence[Operation], after: Sequence[Operation], maximum: float
) -> Any:
    """Put operations in front of a lowered graph and behind it.

    Args:
        graph_def: The graph; it stays as it is.
        before: Operations in front, the first one first.
        after: Operations behind, the first one first.
        maximum: Largest intensity of the pixel type, by which `Scale` divides.

    Returns:
        The graph with them; its nodes are in canonical order, so that lowering it again changes
        nothing.
    """
    changed = type(graph_def)()
    changed.CopyFrom(graph_def)
    if not before and not after:
        return changed
    builder = _Builder(changed)
    _in_front(builder, before, maximum)
    _behind(builder, after)
    graph = Graph(read_nodes(changed.node), outputs=[(OUTPUT, 0)])
    places = {node.name: place for place, node in enumerate(order(graph, INPUT))}
    ordered = sorted(changed.node, key=lambda node: places[node.name])
    del changed.node[:]
    changed.node.extend(ordered)
    return changed


class _Builder:
    """Adds nodes to a graph, under names that are free."""

    def __init__(self, graph_def: Any) -> None:
        self.graph_def = graph_def
        self.attr = attr_value_pb2.AttrValue
        self.scope = ""
        self._taken = {node.name for node in graph_def.node}

    def node(self, name: str, op: str, inputs: Sequence[str], **attrs: Any) -> str:
        """Add a node of float32 unless `attrs` say otherwise; returns its name."""
        found, count = f"{self.scope}/{name}", 0
        while found in self._taken:
            count += 1
            found = f"{self.scope}/{name}_{count}"
        self._taken.add(found)
        node = self.graph_def.node.add(name=found, op=op, input=inputs)
        for key, value in attrs.items():
            node.attr[key].CopyFrom(value)
        return found

    def constant(self, name: str, values: Any) -> str:
        """Add a constant; returns its name."""
        tensor = tf.make_tensor_proto(values)
        dtype = self.attr(type=tensor.dtype)
        return self.node(name, "Const", [], dtype=dtype, value=self.attr(tensor=tensor))

    def type(self, name: str) -> Any:
        """A data type as an attribute."""
        return self.attr(type=tf.dtypes.as_dtype(name).as_datatype_enum)

    def float_op(self, name: str, op: str, *inputs: str) -> str:
        """Add an operation on float32 that has no attribute but its type."""
        return self.node(name, op, inputs, T=self.type("float32"))


def _in_front(builder: _Builder, before: Sequence[Operation], maximum: float) -> None:
    readers = [
        (node, place)
        for node in builder.graph_def.node
        for place, text in enumerate(node.input)
        if not text.startswith("^") and parse_ref(text) == (INPUT, 0)
    ]
    last = INPUT
    for operation in before:
        builder.scope = f"preprocessing/{operation.name}"
        if operation.name in ORDERS:
            last = _reorder(builder, last, ORDERS[operation.name])
        elif operation.name == "PerImageStandardization":
            last = _standardize(builder, last)
        elif operation.name == "Normalization":
            mean = builder.constant("mean", _float32(operation.mean))
            std = builder.constant("std", _float32(operation.std))
            centred = builder.float_op("sub", "Sub", last, mean)
            last = builder.float_op("truediv", "RealDiv", centred, std)
        elif operation.factor is not None:
            factor = builder.constant("factor", _float32((operation.factor,)))
            last = builder.float_op("mul", "Mul", last, factor)
        else:
            divisor = builder.constant("maximum", _float32((maximum,)))
            last = builder.float_op("truediv", "RealDiv", last, divisor)
    for node, place in readers:
        node.input[place] = last


def _behind(builder: _Builder, after: Sequence[Operation]) -> None:
    end = next(node for node in builder.graph_def.node if node.name == OUTPUT)
    last = end.input[0]
    for operation in after:
        builder.scope = f"postprocessing/{operation.name}"
        if operation.name == "Softmax":
            last = builder.float_op("softmax", "Softmax", last)
        elif operation.name == "Sigmoid":
            last = builder.float_op("sigmoid", "Sigmoid", last)
        else:
            one = builder.constant("one", _float32((1,)))
            rest = builder.float_op("sub", "Sub", one, last)
            axis = builder.constant("axis", _int32(CHANNEL_AXIS))
            last = builder.node(
                "concat",
                "ConcatV2",
                [last, rest, axis],
                N=builder.attr(i=2),
                T=builder.type("float32"),
                Tidx=builder.type("int32"),
            )
    end.input[0] = last


def _reorder(builder: _Builder, tile: str, channels: tuple[int, ...]) -> str:
    indices = builder.constant("channels", _int32(channels))
    axis = builder.constant("axis", _int32(CHANNEL_AXIS))
    types = {name: builder.type("int32") for name in ("Tindices", "Taxis")}
    return builder.node(
        "gather",
        "GatherV2",
        [tile, indices, axis],
        Tparams=builder.type("float32"),
        batch_dims=builder.attr(i=0),
        **types,
    )


def _standardize(builder: _Builder, tile: str) -> str:
    """As `tf.image.per_image_standardization`: the size of a tile is read from the tile."""
    as_float, as_int = builder.type("float32"), builder.type("int32")
    axes = builder.constant("axes", _int32(IMAGE_AXES))
    reduce = {"keep_dims": builder.attr(b=True), "Tidx": as_int, "T": as_float}
    mean = builder.node("mean", "Mean", [tile, axes], **reduce)
    centred = builder.float_op("sub", "Sub", tile, mean)
    square = builder.float_op("square", "Square", centred)
    variance = builder.node("variance", "Mean", [square, axes], **reduce)
    deviation = builder.float_op("stddev", "Sqrt", variance)
    shape = builder.node("shape", "Shape", [tile], T=as_float, out_type=as_int)
    sizes = builder.node(
        "sizes",
        "GatherV2",
        [shape, axes, builder.constant("axis", _int32(0))],
        Tparams=as_int,
        Tindices=as_int,
        Taxis=as_int,
        batch_dims=builder.attr(i=0),
    )
    first = builder.constant("first", _int32((0,)))
    whole = {"keep_dims": builder.attr(b=False), "Tidx": as_int, "T": as_int}
    count = builder.node("count", "Prod", [sizes, first], **whole)
    number = builder.node(
        "number", "Cast", [count], SrcT=as_int, DstT=as_float, Truncate=builder.attr(b=False)
    )
    least = builder.float_op("least", "Rsqrt", number)
    adjusted = builder.float_op("adjusted_stddev", "Maximum", deviation, least)
    return builder.float_op("truediv", "RealDiv", centred, adjusted)


def _float32(values: Sequence[float]) -> Any:
    """One number as a scalar, several as a vector over the channels."""
    return np.array(values[0] if len(values) == 1 else values, np.float32)


def _int32(values: Any) -> Any:
    return np.array(values, np.int32)
