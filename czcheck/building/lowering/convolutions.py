"""Writes dilated and grouped convolutions as ones that the target computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from czcheck.building.lowering.graph import Graph, Node, Ref
from czcheck.building.lowering.rewriting import DT_FLOAT, DT_INT32, Place, Tools
from czcheck.network import dtypes


def spread(place: Place, name: str, filters: Ref, dilations: Sequence[int]) -> Ref:
    """Put zeros between the weights of a filter, which makes it a dilated one.

    Args:
        place: The graph.
        name: What to call the new filter.
        filters: The filter: the spatial dimensions, then channels.
        dilations: Distance from weight to weight in each spatial dimension.

    Returns:
        A filter of (size - 1) * dilation + 1 in each spatial dimension.
    """
    values = place.value(filters)
    if values is not None:
        sizes = [(size - 1) * by + 1 for size, by in zip(values.shape, dilations, strict=False)]
        wide = np.zeros((*sizes, *values.shape[len(dilations) :]), values.dtype)
        wide[tuple(slice(None, None, by) for by in dilations)] = values
        return place.constant(name, wide, filters)
    shape = place.shape(filters)
    assert shape is not None
    as_type, int32 = place.type(place.dtype(filters)), place.type(DT_INT32)
    for axis, by in enumerate(dilations):
        size = shape[axis]
        assert size is not None
        if by == 1:
            continue
        # One row of zeros behind the last, read wherever there is no weight.
        rows = [index // by if index % by == 0 else size for index in range((size - 1) * by + 1)]
        widths = [[0, int(number == axis)] for number in range(len(shape))]
        label = f"{name}/axis_{axis}"
        paddings = place.ints(f"{label}/paddings", widths, filters)
        types = {"T": as_type, "Tpaddings": int32}
        padded = place.add(f"{label}/padded", "Pad", [filters, paddings], **types)
        indices = place.ints(f"{label}/rows", rows, padded)
        along = place.ints(f"{label}/number", axis, padded)
        types = {"Tparams": as_type, "Tindices": int32, "Taxis": int32}
        filters = place.add(label, "GatherV2", [padded, indices, along], **types)
    return filters


def split(place: Place, name: str, filters: Ref, axis: int, count: int) -> list[Ref]:
    """Cut a filter into equal parts along one axis.

    Args:
        place: The graph.
        name: What the new nodes' names begin with.
        filters: The filter.
        axis: The axis.
        count: The number of parts.
    """
    values = place.value(filters)
    if values is None:
        return parts(place, f"{name}/filters", filters, axis, count)
    return [
        place.constant(f"{name}/filter_{index}", np.ascontiguousarray(part), filters)
        for index, part in enumerate(np.split(values, count, axis=axis))
    ]


def parts(place: Place, name: str, whole: Ref, axis: int, count: int) -> list[Ref]:
    """The parts of a tensor that is cut along one axis by an operation."""
    number = place.ints(f"{name}/axis", axis, whole)
    attrs = {"num_split": place.attr(i=count), "T": place.type(place.dtype(whole))}
    made = place.add(name, "Split", [number, whole], **attrs)
    return [(made[0], index) for index in range(count)]


RANK = 4
DEPTHWISE = "DepthwiseConv2dNative"
KEPT = ("T", "strides", "padding", "data_format", "dilations")
"""Attributes that a depthwise convolution has as well."""
EXACT = (DT_FLOAT, dtypes.number("float64"))
"""Types that a depthwise convolution adds up in as exactly as any other one."""
DILATED = frozenset({"Conv2DBackpropInput", "Conv3D", "Conv3DBackpropInputV2", DEPTHWISE})


def write_dilations(graph: Graph, tools: Tools) -> None:
    """Replace dilated convolutions, in place.

    A depthwise one that moves by single pixels is computed on the image dealt out over the batch,
    as Keras writes it, which takes as long as one without dilations. Filters of the others get
    zeros between their weights, which costs as many more products as there are zeros. Both add the
    same products as the dilated convolution.
    """
    for part in graph.graphs():
        for node in [node for node in part.nodes.values() if node.op in DILATED]:
            dilations = _spatial(node, "dilations")
            if all(each == 1 for each in dilations):
                continue
            place = tools.of(part)
            shape = place.shape(node.inputs[1])
            if shape is None or None in shape[: len(dilations)]:
                continue
            single = all(step == 1 for step in _spatial(node, "strides"))
            if node.op == DEPTHWISE and single:
                tools.changes.rewrote(
                    f"dilated {node.op}", f"SpaceToBatchND, {node.op}, BatchToSpaceND"
                )
                _deal_out(place, node, dilations)
            else:
                tools.changes.rewrote(
                    f"dilated {node.op}", f"{node.op} with zeros between its weights"
                )
                wide = spread(place, f"{node.name}/filters", node.inputs[1], dilations)
                node.inputs[1] = wide
            node.attrs.pop("dilations", None)


def _spatial(node: Node, name: str) -> list[int]:
    """The numbers of an attribute that are about rows and columns; of a file's default, ones."""
    value = node.attrs.get(name)
    return [1] if value is None or not value.list.i else list(value.list.i)[1:-1]


def _deal_out(place: Place, node: Node, dilations: list[int]) -> None:
    """Compute a dilated depthwise convolution as a plain one on every few pixels."""
    name, image = node.name, node.inputs[0]
    as_type, int32 = node.attrs["T"], place.type(DT_INT32)
    filter_shape, image_shape = place.shape(node.inputs[1]), place.shape(image)
    assert filter_shape is not None
    wide = [(size or 1) * by - by for size, by in zip(filter_shape, dilations, strict=False)]
    border = wide if node.attrs["padding"].s == b"SAME" else [0, 0]
    before = [width // 2 for width in border]
    behind = [width - half for width, half in zip(border, before, strict=True)]
    if image_shape is not None and len(image_shape) == RANK and None not in image_shape[1:3]:
        sizes = np.array(image_shape[1:3], np.int64)
        more = (-(sizes + border)) % dilations
        margins = place.ints(f"{name}/paddings", np.stack([before, behind + more], 1), image)
        crops = place.ints(f"{name}/crops", np.stack([[0, 0], more], 1), image)
    else:
        margins, crops = _computed(place, name, image, (before, behind), dilations)
    block = place.ints(f"{name}/block", dilations, image)
    types = {"T": as_type, "Tblock_shape": int32}
    dealt = place.add(
        f"{name}/dealt", "SpaceToBatchND", [image, block, margins], Tpaddings=int32, **types
    )
    attrs = {key: value for key, value in node.attrs.items() if key != "dilations"}
    attrs["padding"] = place.attr(s=b"VALID")
    plain = place.add(f"{name}/plain", node.op, [dealt, node.inputs[1]], **attrs)
    place.turn(node, "BatchToSpaceND", [plain, block, crops], Tcrops=int32, **types)


def _computed(
    place: Place, name: str, image: Ref, border: tuple[list[int], list[int]], by: list[int]
) -> tuple[Ref, Ref]:
    """Paddings and crops of an image whose size is open: it is made a multiple of the dilations."""
    int32 = place.type(DT_INT32)
    (top, left), (bottom, right) = border
    as_type = place.type(place.dtype(image))
    shape = place.add(f"{name}/shape", "Shape", [image], T=as_type, out_type=int32)
    # In the order of paddings: top, bottom, left, right; nothing is added at top and left.
    which = place.ints(f"{name}/which", [1, 1, 2, 2], image)
    axis = place.ints(f"{name}/axis", 0, image)
    types = {"Tparams": int32, "Tindices": int32, "Taxis": int32}
    sides = place.add(f"{name}/sides", "GatherV2", [shape, which, axis], **types)
    whole = place.ints(f"{name}/border", [-top - bottom] * 2 + [-left - right] * 2, image)
    over = place.add(f"{name}/over", "Sub", [whole, sides], T=int32)
    steps = place.ints(f"{name}/steps", [1, by[0], 1, by[1]], image)
    more = place.add(f"{name}/more", "FloorMod", [over, steps], T=int32)
    fixed = place.ints(f"{name}/fixed", [top, bottom, left, right], image)
    margins = place.add(f"{name}/margins", "AddV2", [fixed, more], T=int32)
    pairs = place.ints(f"{name}/pairs", [2, 2], image)
    types = {"T": int32, "Tshape": int32}
    return (
        place.add(f"{name}/paddings", "Reshape", [margins, pairs], **types),
        place.add(f"{name}/crops", "Reshape", [more, pairs], **types),
    )


PLAIN = {"Conv2D": 4, "Conv3D": 5}
TRANSPOSED = {"Conv2DBackpropInput": 4, "Conv3DBackpropInputV2": 5}
GROUPED = {**PLAIN, **TRANSPOSED}
"""Operations whose channels may come in groups, with the rank of their images."""


def write_depthwise(graph: Graph, tools: Tools) -> None:
    """Write convolutions with one input channel in each group as depthwise ones, in place.

    They are the same sums. The target's depthwise kernel moves by as many rows as columns and has
    no paddings of its own, so that paddings that are given become a node in front. In half
    precision it adds up in half precision, unlike a convolution: such ones are left as they are.
    """
    for part in graph.graphs():
        for node in [node for node in part.nodes.values() if node.op == "Conv2D"]:
            place = tools.of(part)
            groups, filters = _groups(place, node), place.shape(node.inputs[1]) or ()
            sizes = [size for size in filters if size is not None]
            if groups < 2 or len(sizes) < RANK or sizes[2] != 1:
                continue
            if len(set(_spatial(node, "strides"))) > 1 or node.attrs["T"].type not in EXACT:
                continue
            padded = node.attrs["padding"].s == b"EXPLICIT"
            with_pad = "Pad, " if padded else ""
            tools.changes.rewrote(f"grouped {node.op}", f"{with_pad}{DEPTHWISE}")
            image = _padded(place, node) if padded else node.inputs[0]
            shape = [*sizes[:2], groups, sizes[3] // groups]
            attrs = {key: node.attrs[key] for key in KEPT if key in node.attrs}
            if padded:
                attrs["padding"] = place.attr(s=b"VALID")
            weights = _reshaped(place, f"{node.name}/filters", node.inputs[1], shape)
            place.turn(node, DEPTHWISE, [image, weights], **attrs)


def _reshaped(place: Place, name: str, ref: Ref, shape: list[int]) -> Ref:
    """A tensor of another shape: a constant again if it is one."""
    values = place.value(ref)
    if values is not None:
        return place.constant(name, values.reshape(shape), ref)
    types = {"T": place.type(place.dtype(ref)), "Tshape": place.type(DT_INT32)}
    return place.add(name, "Reshape", [ref, place.ints(f"{name}/shape", shape, ref)], **types)


def _padded(place: Place, node: Node) -> Ref:
    """The image of a convolution with the paddings that its attribute gives."""
    image = node.inputs[0]
    margins = np.reshape(list(node.attrs["explicit_paddings"].list.i), (RANK, 2))
    paddings = place.ints(f"{node.name}/paddings", margins, image)
    types = {"T": node.attrs["T"], "Tpaddings": place.type(DT_INT32)}
    return place.add(f"{node.name}/padded", "Pad", [image, paddings], **types)


def split_groups(graph: Graph, tools: Tools) -> None:
    """Replace every other grouped convolution by Split, convolutions and ConcatV2, in place.

    The sums over each group's channels are the same ones, so the output is, too.
    """
    for part in graph.graphs():
        for node in [node for node in part.nodes.values() if node.op in GROUPED]:
            place = tools.of(part)
            groups = _groups(place, node)
            if groups > 1:
                tools.changes.rewrote(f"grouped {node.op}", f"Split, {node.op}, ConcatV2")
                _split(place, node, groups)


def _groups(place: Place, node: Node) -> int:
    """Number of groups; 1 where that cannot be seen."""
    rank = GROUPED[node.op]
    shape = place.shape(node.inputs[1])
    if shape is None or len(shape) != rank:
        return 1
    image = place.shape(node.inputs[0] if node.op in PLAIN else (node.name, 0))
    channels = None if image is None or len(image) != rank else image[-1]
    each, filters_ = shape[-2], shape[-1]
    if not channels or not each or not filters_:
        return 1
    groups, rest = divmod(channels, each)
    return 1 if rest or filters_ % groups else groups


def _split(place: Place, node: Node, groups: int) -> None:
    rank, name, attrs = GROUPED[node.op], node.name, dict(node.attrs)
    plain = node.op in PLAIN
    image = node.inputs[0] if plain else node.inputs[2]
    # The last axis of both filters holds the groups, one behind the other.
    cut = split(place, name, node.inputs[1], rank - 1, groups)
    images = parts(place, f"{name}/split", image, rank - 1, groups)
    sizes = None if plain else _sizes(place, node, groups)
    made: list[Ref] = []
    for index, (weights, part) in enumerate(zip(cut, images, strict=True)):
        inputs = [part, weights] if sizes is None else [sizes, weights, part]
        one = Node(f"{name}/group_{index}", node.op, inputs, list(node.controls), dict(attrs))
        one.label = one.name
        made.append((place.graph.add(one).name, 0))
    axis = place.ints(f"{name}/axis", rank - 1, image)
    types = {"T": place.type(place.dtype((name, 0))), "Tidx": place.type(DT_INT32)}
    place.turn(node, "ConcatV2", [*made, axis], N=place.attr(i=groups), **types)


def _sizes(place: Place, node: Node, groups: int) -> Ref:
    """Sizes of one group's image."""
    shape, ref = place.shape((node.name, 0)), node.inputs[0]
    assert shape is not None
    assert shape[-1] is not None
    each = shape[-1] // groups
    known: Any = place.value(ref)
    if known is not None:
        changed = known.copy()
        changed[-1] = each
        return place.constant(f"{node.name}/sizes", changed, node.inputs[2])
    return with_channels(place, node, ref, len(shape) - 1, each)


def with_channels(place: Place, node: Node, sizes: Ref, count: int, channels: int) -> Ref:
    """The first few of a list of sizes, and a number of channels behind them.

    Args:
        place: The graph.
        node: The node that reads the sizes.
        sizes: The sizes, computed.
        count: How many of them to take.
        channels: The number of channels.
    """
    name = f"{node.name}/sizes"
    index = place.type(place.dtype(sizes) or DT_INT32)
    dtype = np.int32 if index.type == DT_INT32 else np.int64
    begin = place.ints(f"{name}/begin", [0], sizes)
    size = place.ints(f"{name}/size", [count], sizes)
    types = {"T": index, "Index": place.type(DT_INT32)}
    front = place.add(f"{name}/front", "Slice", [sizes, begin, size], **types)
    last = place.constant(f"{name}/channels", np.array([channels], dtype), sizes)
    axis = place.ints(f"{name}/axis", 0, sizes)
    types = {"T": index, "Tidx": place.type(DT_INT32)}
    return place.add(name, "ConcatV2", [front, last, axis], N=place.attr(i=2), **types)
