"""Write grouped convolutions, which TensorFlow 2.0.0 lacks on the CPU, as plain ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from czcheck.building.graph import Graph, Node, Ref
from czcheck.building.portable import Changes

CHANNEL_AXIS = 3
FILTER_RANK = 4


def split_groups(
    graph: Graph,
    channels: Mapping[Ref, int],
    constant: Callable[[str, Any], Node],
    attr_type: Any,
    changes: Changes,
) -> None:
    """Replace every grouped `Conv2D` of the main graph by Split, Conv2D and ConcatV2, in place.

    The sums over each group's channels are the same ones, so the answer is, too.

    Args:
        graph: The main graph, frozen.
        channels: Channels (last dimension) of the tensors that convolutions read.
        constant: Makes a constant node of a name and an array.
        attr_type: The class `AttrValue`.
        changes: Counts what is done.
    """
    import numpy as np  # noqa: PLC0415
    import tensorflow as tf  # noqa: PLC0415

    for node in [node for node in graph.nodes.values() if node.op == "Conv2D"]:
        filters = graph.nodes.get(node.inputs[1][0])
        data_format = node.attrs.get("data_format")
        if filters is None or filters.op != "Const" or node.inputs[0] not in channels:
            continue
        if data_format is not None and data_format.s not in {b"", b"NHWC"}:
            continue
        values = tf.make_ndarray(filters.attrs["value"].tensor)
        if values.ndim != FILTER_RANK or values.shape[2] == 0:
            continue
        groups, rest = divmod(channels[node.inputs[0]], values.shape[2])
        if groups <= 1 or rest or values.shape[3] % groups:
            continue
        changes.rewrote("grouped Conv2D", "Split, Conv2D, ConcatV2")
        axis = graph.add(constant(f"{node.name}/axis", np.array(CHANNEL_AXIS, np.int32)))
        count, as_type = attr_type(i=groups), node.attrs["T"]
        split = graph.add(_node(f"{node.name}/split", "Split", [(axis.name, 0), node.inputs[0]]))
        split.attrs = {"num_split": count, "T": as_type}
        parts: list[Ref] = []
        for index, part in enumerate(np.split(values, groups, axis=CHANNEL_AXIS)):
            weights = graph.add(constant(f"{node.name}/filter_{index}", np.ascontiguousarray(part)))
            inputs = [(split.name, index), (weights.name, 0)]
            group = graph.add(_node(f"{node.name}/group_{index}", "Conv2D", inputs))
            group.attrs, group.controls = dict(node.attrs), list(node.controls)
            parts.append((group.name, 0))
        node.op, node.inputs = "ConcatV2", [*parts, (axis.name, 0)]
        node.attrs = {"N": count, "T": as_type, "Tidx": axis.attrs["dtype"]}


def _node(name: str, op: str, inputs: list[Ref]) -> Node:
    return Node(name, op, inputs, [], {}, label=name)
