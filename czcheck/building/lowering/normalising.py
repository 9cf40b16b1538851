"""Batch normalisation as TensorFlow 2.0.0 has it on the CPU.

There it normalises by the statistics of the batch itself only NHWC images and only where no other
statistics are given; every other form is written as the arithmetic that it stands for. The layer
normalisation of Keras 2 is such a form: each token is a channel of an NCHW image.
"""

from __future__ import annotations

import numpy as np

from czcheck.building.lowering.graph import Graph, Node, Ref
from czcheck.building.lowering.rewriting import DT_FLOAT, DT_INT32, Place, Tools
from czcheck.errors import InputError

NORMS = frozenset({"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"})
EPSILON = 1e-4
RANKS = {b"NHWC": 4, b"NCHW": 4, b"NDHWC": 5, b"NCDHW": 5}
STATISTICS = (3, 4)
"""Inputs with the mean and the variance that are given."""


def of_the_batch(graph: Graph, tools: Tools) -> None:
    """Write normalisations by statistics of the batch as arithmetic where 2.0.0 lacks them.

    Args:
        graph: The main graph; it and all bodies are changed in place.
        tools: Shapes and dtypes of its tensors, and what makes new nodes.

    Raises:
        InputError: Something reads the statistics themselves.
    """
    for part in graph.graphs():
        for node in [node for node in part.nodes.values() if _is_of_the_batch(node)]:
            place = tools.of(part)
            given = [place.shape(ref) for ref in node.inputs[STATISTICS[0] :]]
            if _data_format(node) != b"NHWC" or any(shape != (0,) for shape in given):
                _refuse_statistics(part, node)
                tools.changes.rewrote(f"{node.op} in training mode", "Mean, SquaredDifference, Mul")
                _write_out(place, node)


def of_volumes(graph: Graph, tools: Tools) -> None:
    """Let normalisations of NDHWC images by given statistics work on NHWC ones.

    Args:
        graph: The main graph; it and all bodies are changed in place.
        tools: Shapes and dtypes of its tensors, and what makes new nodes.
    """
    for part in graph.graphs():
        for node in list(part.nodes.values()):
            if node.op in NORMS and _data_format(node) == b"NDHWC":
                tools.changes.rewrote(f"{node.op} NDHWC", f"Reshape, {node.op} NHWC, Reshape")
                _flatten(tools.of(part), node)


def _data_format(node: Node) -> bytes:
    value = node.attrs.get("data_format")
    return b"NHWC" if value is None or not value.s else bytes(value.s)


def _is_of_the_batch(node: Node) -> bool:
    training = node.attrs.get("is_training")  # left out where it is true, the default
    return node.op in NORMS and (training is None or training.b)


def _refuse_statistics(part: Graph, node: Node) -> None:
    read = [ref for each in part.nodes.values() for ref in each.inputs] + part.outputs
    if any(name == node.name and index > 0 for name, index in read):
        raise InputError(
            f"operation {node.op} (node {node.label or node.name}) normalises by the statistics of "
            "the batch and hands them on, which TensorFlow 2.0.0 cannot do in this form; use "
            "tf.nn.moments for the statistics"
        )


def _write_out(place: Place, node: Node) -> None:
    """Write a normalisation as arithmetic, in float32 as its kernel does."""
    name, image, as_float = node.name, node.inputs[0], place.type(DT_FLOAT)
    rank, first = RANKS[_data_format(node)], _data_format(node)[1:2] == b"C"
    channel = 1 if first else rank - 1
    as_type = node.attrs.get("T", as_float)
    if as_type.type != DT_FLOAT:
        types = {"SrcT": as_type, "DstT": as_float}
        image = place.add(f"{name}/float", "Cast", [image], **types)
    axes = place.ints(f"{name}/axes", [axis for axis in range(rank) if axis != channel], image)
    reduces = {"T": as_float, "Tidx": place.type(DT_INT32), "keep_dims": place.attr(b=True)}

    def binary(op: str, label: str, left: Ref, right: Ref) -> Ref:
        return place.add(f"{name}/{label}", op, [left, right], T=as_float)

    def by_channel(label: str, ref: Ref) -> Ref:
        if not first:
            return ref
        shape = place.ints(f"{name}/{label}/shape", [1, -1, *[1] * (rank - 2)], image)
        types = {"T": as_float, "Tshape": place.type(DT_INT32)}
        return place.add(f"{name}/{label}", "Reshape", [ref, shape], **types)

    mean = place.add(f"{name}/mean", "Mean", [image, axes], **reduces)
    squares = binary("SquaredDifference", "squares", image, mean)
    variance = place.add(f"{name}/variance", "Mean", [squares, axes], **reduces)
    stored = node.attrs.get("epsilon")
    small = np.float32(EPSILON if stored is None else stored.f)
    epsilon = place.constant(f"{name}/epsilon", small, image)
    shifted = binary("AddV2", "shifted", variance, epsilon)
    inverse = place.add(f"{name}/inverse", "Rsqrt", [shifted], T=as_float)
    factor = binary("Mul", "factor", inverse, by_channel("scale", node.inputs[1]))
    centred = binary("Sub", "centred", image, mean)
    scaled = binary("Mul", "scaled", centred, factor)
    offset = by_channel("offset", node.inputs[2])
    if as_type.type == DT_FLOAT:
        place.turn(node, "AddV2", [scaled, offset], T=as_float)
    else:
        whole = binary("AddV2", "normalised", scaled, offset)
        place.turn(node, "Cast", [whole], SrcT=as_float, DstT=as_type)


def _flatten(place: Place, node: Node) -> None:
    """Put depth and height into one dimension around a normalisation, which does not see it."""
    name, volume = node.name, node.inputs[0]
    as_type, int32 = node.attrs.get("T", place.type(DT_FLOAT)), place.type(DT_INT32)
    shape = place.add(f"{name}/shape", "Shape", [volume], T=as_type, out_type=int32)
    channels = place.shape(node.inputs[1])
    size = -1 if channels is None or channels[0] is None else channels[0]
    rows = place.ints(f"{name}/flat/shape", [-1, 1, 1, size], volume)
    types = {"T": as_type, "Tshape": int32}
    flat = place.add(f"{name}/flat", "Reshape", [volume, rows], **types)
    attrs = {**node.attrs, "data_format": place.attr(s=b"NHWC")}
    norm = place.add(f"{name}/normalised", node.op, [flat, *node.inputs[1:]], **attrs)
    place.turn(node, "Reshape", [norm, shape], **types)
