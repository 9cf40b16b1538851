"""Write single operations so that TensorFlow 2.0.0's kernels compute what they stand for.

Each of these exists there, loads, and then is refused or computes something else. Batch
normalisation by the statistics of the batch itself is one of them: its kernel on the CPU takes only
NHWC images, and only where no other statistics are given. The layer normalisation of Keras 2 is
written so, each token a channel of an NCHW image.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from czcheck.building.lowering.graph import Graph, Node, Ref
from czcheck.building.lowering.rewriting import DT_BOOL, DT_FLOAT, DT_INT32, DT_INT64, Place, Tools
from czcheck.errors import InputError
from czcheck.network import dtypes

FLOATS = frozenset(map(dtypes.number, ("float16", "bfloat16", "float32", "float64")))
RANK = 4
LARGEST_RANK = 5
"""Up to which kernels that are made for each rank alone go."""

Condition = Callable[[Place, Node], bool]
Rewrite = Callable[[Place, Node], str]


def write_for_kernels(graph: Graph, tools: Tools) -> None:
    """Rewrite operations by what is known of their inputs, in place."""
    for part in graph.graphs():
        for node in [node for node in part.nodes.values() if node.op in REWRITES]:
            condition, rewrite = REWRITES[node.op]
            place = tools.of(part)
            if condition(place, node):
                old = node.op
                tools.changes.rewrote(old, rewrite(place, node))


def _dtype(node: Node, name: str = "T") -> int:
    return int(node.attrs[name].type) if name in node.attrs else DT_FLOAT


def _rank(place: Place, ref: Ref) -> int:
    shape = place.shape(ref)
    return 0 if shape is None else len(shape)


def _is_float(_: Place, node: Node) -> bool:
    return _dtype(node) in FLOATS


def _truncated(place: Place, node: Node) -> str:
    """A quotient without its fraction: of floats, 2.0.0 leaves the fraction there.

    Its optimiser turns a division by a constant into a product, which may come out on the other
    side of a whole number; of a rounded division it does not.
    """
    as_type, name, as_bool = node.attrs["T"], node.name, place.type(DT_BOOL)
    negative, absolute = [], []
    for label, ref in zip(("left", "right"), node.inputs, strict=True):
        zero = place.add(f"{name}/{label}/zero", "ZerosLike", [ref], T=as_type)
        negative.append(place.add(f"{name}/{label}/negative", "Less", [ref, zero], T=as_type))
        absolute.append(place.add(f"{name}/{label}/absolute", "Abs", [ref], T=as_type))
    below = place.add(f"{name}/below", "NotEqual", negative, T=as_bool)
    quotient = place.add(f"{name}/quotient", "FloorDiv", absolute, T=as_type)
    opposite = place.add(f"{name}/opposite", "Neg", [quotient], T=as_type)
    place.turn(node, "SelectV2", [below, opposite, quotient], T=as_type)
    return "FloorDiv, Neg, SelectV2"


def _reduces_nothing(place: Place, node: Node) -> bool:
    """Whether each norm is of one element alone."""
    axes, shape = place.value(node.inputs[1]), place.shape(node.inputs[0])
    return axes is not None and (
        axes.size == 0 or (shape is not None and all(shape[axis] == 1 for axis in axes.ravel()))
    )


def _absolute(place: Place, node: Node) -> str:
    """The norm of each element alone: 2.0.0 returns the element."""
    image, as_type, keeps = node.inputs[0], node.attrs["T"], node.attrs.get("keep_dims")
    axes = place.value(node.inputs[1]).ravel()
    if axes.size == 0 or (keeps is not None and keeps.b):
        place.turn(node, "Abs", [image], T=as_type)
        return "Abs"
    absolute = place.add(f"{node.name}/absolute", "Abs", [image], T=as_type)
    place.turn(node, "Squeeze", [absolute], T=as_type, squeeze_dims=place.numbers(axes))
    return "Abs, Squeeze"


def _is_high_or_first(place: Place, node: Node) -> bool:
    """Whether a bias is added to a tensor of a rank, or in a layout, that 2.0.0 does not take."""
    data_format = node.attrs.get("data_format")
    first = data_format is not None and data_format.s == b"NCHW"
    return _rank(place, node.inputs[0]) > LARGEST_RANK or first


def _sum(place: Place, node: Node) -> str:
    """A bias added as a sum that is spread."""
    as_type, (image, bias) = node.attrs["T"], node.inputs
    data_format = node.attrs.get("data_format")
    if data_format is not None and data_format.s == b"NCHW":
        rank = _rank(place, image)
        shape = place.ints(f"{node.name}/shape", [-1, *[1] * (rank - 2)], image)
        types = {"T": as_type, "Tshape": place.type(DT_INT32)}
        bias = place.add(f"{node.name}/bias", "Reshape", [bias, shape], **types)
    place.turn(node, "AddV2", [image, bias], T=as_type)
    return "AddV2"


def _is_high(place: Place, node: Node) -> bool:
    axis = place.value(node.inputs[1])
    return axis is not None and _rank(place, node.inputs[0]) > LARGEST_RANK


def _flat_index(place: Place, node: Node) -> str:
    """Where the largest or smallest is, of a tensor with all but one axis put together."""
    image, axis = node.inputs
    number = int(place.value(axis)) % _rank(place, image)
    rank, name = _rank(place, image), node.name
    as_type, int32 = node.attrs["T"], place.type(DT_INT32)
    shape = place.add(f"{name}/shape", "Shape", [image], T=as_type, out_type=int32)

    def sizes(label: str, begin: int, count: int) -> Ref:
        bounds = [
            place.ints(f"{name}/{label}/{key}", [value], image)
            for key, value in (("begin", begin), ("size", count))
        ]
        return place.add(f"{name}/{label}", "Slice", [shape, *bounds], T=int32, Index=int32)

    def joined(label: str, refs: list[Ref]) -> Ref:
        zero = place.ints(f"{name}/{label}/axis", 0, image)
        attrs = {"N": place.attr(i=len(refs)), "T": int32, "Tidx": int32}
        return place.add(f"{name}/{label}", "ConcatV2", [*refs, zero], **attrs)

    front, own, rear = (
        sizes("front", 0, number),
        sizes("own", number, 1),
        sizes("rear", number + 1, rank - number - 1),
    )
    zero = place.ints(f"{name}/zero", 0, image)
    reduces = {"T": int32, "Tidx": int32, "keep_dims": place.attr(b=True)}
    before, behind = (
        place.add(f"{name}/{label}/product", "Prod", [ref, zero], **reduces)
        for label, ref in (("front", front), ("rear", rear))
    )
    types = {"T": as_type, "Tshape": int32}
    flat = place.add(
        f"{name}/flat", "Reshape", [image, joined("flat/shape", [before, own, behind])], **types
    )
    one = place.ints(f"{name}/one", 1, image)
    old = node.op
    attrs = {**node.attrs, "Tidx": int32}
    found = place.add(f"{name}/index", old, [flat, one], **attrs)
    types = {"T": node.attrs.get("output_type", place.type(DT_INT64)), "Tshape": int32}
    place.turn(node, "Reshape", [found, joined("rest", [front, rear])], **types)
    return f"Reshape, {old}, Reshape"


def _has_two_sizes(place: Place, node: Node) -> bool:
    return place.shape(node.inputs[0]) == (2,)


def _all_sizes(place: Place, node: Node) -> str:
    """Rows and columns of a transposed convolution's output as the sizes of all its dimensions."""
    name, (sizes, filters, image) = node.name, node.inputs
    index, int32 = place.type(place.dtype(sizes)), place.type(DT_INT32)
    shape = place.add(f"{name}/shape", "Shape", [image], T=node.attrs["T"], out_type=index)
    begin, count = (place.ints(f"{name}/{key}", [n], image) for key, n in (("at", 0), ("one", 1)))
    batch = place.add(f"{name}/batch", "Slice", [shape, begin, count], T=index, Index=int32)
    of_filter = place.add(f"{name}/filter", "Shape", [filters], T=node.attrs["T"], out_type=index)
    begin = place.ints(f"{name}/last", [2], image)
    channels = place.add(
        f"{name}/channels", "Slice", [of_filter, begin, count], T=index, Index=int32
    )
    axis = place.ints(f"{name}/axis", 0, image)
    attrs = {"N": place.attr(i=3), "T": index, "Tidx": int32}
    node.inputs[0] = place.add(f"{name}/sizes", "ConcatV2", [batch, sizes, channels, axis], **attrs)
    return f"{node.op} with all sizes"


def _is_one_pixel(place: Place, node: Node) -> bool:
    shape = place.shape(node.inputs[0])
    corners = node.attrs.get("align_corners")
    aligned = corners is not None and corners.b
    return aligned and shape is not None and len(shape) == RANK and 1 in shape[1:3]


def _repeated(place: Place, node: Node) -> str:
    """A single row or column doubled: of one, 2.0.0 divides by zero where corners are aligned."""
    image = node.inputs[0]
    shape = place.shape(image)
    assert shape is not None
    times = [1, *(2 if side == 1 else 1 for side in shape[1:3]), 1]
    multiples = place.ints(f"{node.name}/multiples", times, image)
    types = {"T": place.type(place.dtype(image)), "Tmultiples": place.type(DT_INT32)}
    node.inputs[0] = place.add(f"{node.name}/doubled", "Tile", [image, multiples], **types)
    return "Tile, ResizeArea"


def _has_long_widths(_: Place, node: Node) -> bool:
    return "Tpaddings" in node.attrs and node.attrs["Tpaddings"].type == DT_INT64


def _short_widths(place: Place, node: Node) -> str:
    """Widths of a border as int32: the optimiser of 2.0.0 takes them to be that, unseen."""
    widths, name, int32 = node.inputs[1], f"{node.name}/paddings", place.type(DT_INT32)
    value = place.value(widths)
    if value is not None:
        node.inputs[1] = place.constant(name, value.astype(np.int32), node.inputs[0])
    else:
        types = {"SrcT": place.type(DT_INT64), "DstT": int32}
        node.inputs[1] = place.add(name, "Cast", [widths], **types)
    node.attrs["Tpaddings"] = int32
    return f"{node.op} with paddings of int32"


def _is_unordered(_: Place, node: Node) -> bool:
    return "sorted" in node.attrs and not node.attrs["sorted"].b


def _ordered(place: Place, node: Node) -> str:
    """The largest in order: without one, each version has its own, and none may count."""
    node.attrs["sorted"] = place.attr(b=True)
    return f"{node.op} with its values in order"


def _is_of_integers(_: Place, node: Node) -> bool:
    return _dtype(node) not in FLOATS and dtypes.name(_dtype(node)).startswith(("int", "uint"))


def _refuse_rounding(_: Place, node: Node) -> str:
    raise InputError(
        f"operation {node.op} (node {node.label or node.name}) rounds integers, which TensorFlow "
        "2.0.0 returns as they are and newer ones as zeros; do without it"
    )


REWRITES: dict[str, tuple[Condition, Rewrite]] = {
    "TruncateDiv": (_is_float, _truncated),
    "EuclideanNorm": (_reduces_nothing, _absolute),
    "BiasAdd": (_is_high_or_first, _sum),
    "ArgMax": (_is_high, _flat_index),
    "ArgMin": (_is_high, _flat_index),
    "Conv2DBackpropInput": (_has_two_sizes, _all_sizes),
    "ResizeArea": (_is_one_pixel, _repeated),
    "Pad": (_has_long_widths, _short_widths),
    "PadV2": (_has_long_widths, _short_widths),
    "TopKV2": (_is_unordered, _ordered),
    "Round": (_is_of_integers, _refuse_rounding),
}


NORMS = frozenset({"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"})
EPSILON = 1e-4
RANKS = {b"NHWC": 4, b"NCHW": 4, b"NDHWC": 5, b"NCDHW": 5}
STATISTICS = (3, 4)
"""Inputs with the mean and the variance that are given."""


def of_the_batch(graph: Graph, tools: Tools) -> None:
    """Write normalisations by statistics of the batch as arithmetic where 2.0.0 lacks them.

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
    """Let normalisations of NDHWC images by given statistics work on NHWC ones."""
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
