"""Write grouped convolutions, which TensorFlow 2.0.0 lacks on the CPU, as plain ones.

Of plain ones it refuses a filter with fewer channels than its image; of transposed ones it takes
it, and computes something else each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from czcheck.building.lowering import filters
from czcheck.building.lowering.graph import Graph, Node, Ref
from czcheck.building.lowering.rewriting import DT_INT32, Place, Tools

PLAIN = {"Conv2D": 4, "Conv3D": 5}
TRANSPOSED = {"Conv2DBackpropInput": 4, "Conv3DBackpropInputV2": 5}
GROUPED = {**PLAIN, **TRANSPOSED}
"""Operations whose channels may come in groups, with the rank of their images."""


def split_groups(graph: Graph, tools: Tools) -> None:
    """Replace every grouped convolution by Split, convolutions and ConcatV2, in place.

    The sums over each group's channels are the same ones, so the answer is, too.

    Args:
        graph: The main graph; it and all bodies are changed in place. Channels come last.
        tools: Shapes and dtypes of its tensors, and what makes new nodes.
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
    cut = filters.split(place, name, node.inputs[1], rank - 1, groups)
    images = filters.parts(place, f"{name}/split", image, rank - 1, groups)
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
