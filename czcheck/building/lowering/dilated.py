"""Write dilated convolutions in a way that TensorFlow 2.0.0 computes on the CPU.

There the kernel of depthwise ones takes their dilations and ignores them; those of transposed and
of three-dimensional ones refuse them. Plain two-dimensional ones are right.
"""

from __future__ import annotations

import numpy as np

from czcheck.building.lowering.filters import spread
from czcheck.building.lowering.graph import Graph, Node, Ref
from czcheck.building.lowering.rewriting import DT_INT32, Place, Tools

RANK = 4
DEPTHWISE = "DepthwiseConv2dNative"
DILATED = frozenset({"Conv2DBackpropInput", "Conv3D", "Conv3DBackpropInputV2", DEPTHWISE})


def write_dilations(graph: Graph, tools: Tools) -> None:
    """Replace dilated convolutions, in place.

    A depthwise one that moves by single pixels is computed on the image dealt out over the batch,
    as Keras writes it, which takes as long as one without dilations. Filters of the others get
    zeros between their weights, which costs as many more products as there are zeros. Both add the
    same products as the dilated convolution.

    Args:
        graph: The main graph; it and all bodies are changed in place. Channels come last.
        tools: Shapes and dtypes of its tensors, and what makes new nodes.
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
