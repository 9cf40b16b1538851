"""Lower a SavedModel: one frozen graph behind one signature, in the words of TensorFlow 2.0.0.

Runs in the build's child process only, where TensorFlow is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.framework import attr_value_pb2, graph_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from czcheck.building.lowering.convolutions import split_groups, write_depthwise, write_dilations
from czcheck.building.lowering.equivalents import replace, split_cases
from czcheck.building.lowering.freezing import Freezer
from czcheck.building.lowering.graph import Graph, Node, Ref
from czcheck.building.lowering.inlining import Library, inline
from czcheck.building.lowering.kernels import of_the_batch, of_volumes, write_for_kernels
from czcheck.building.lowering.layout import channels_last
from czcheck.building.lowering.loading import DT_FLOAT, TAG, Source, load
from czcheck.building.lowering.objects import describe
from czcheck.building.lowering.portable import (
    Changes,
    drop_hints,
    hold_constants,
    hold_order,
    make_portable,
)
from czcheck.building.lowering.rewriting import Shape, Tensor, Tensors, Tools
from czcheck.building.lowering.widening import refuse_faults, widen
from czcheck.building.lowering.writing import GraphWriter, drop_unreached, prune, rename
from czcheck.errors import InputError

SIGNATURE = "serving_default"
METHOD = "tensorflow/serving/predict"
INPUT, OUTPUT = "input", "output"
"""Names of the first and last node of every lowered graph."""

RANK = 4
WEIGHTS_LIMIT = 1 << 30


@dataclass(slots=True)
class Lowered:
    """A lowered network.

    Attributes:
        graph_def: The graph: input node `input`, last node `output`, no variables, no calls.
        input_key: The tile's key in the signature.
        output_key: The output's key in the signature.
        input_tensor: Name of the input's tensor in the source.
        output_tensor: Name of the output's tensor in the source.
        version: TensorFlow version that wrote the source.
        nodes_before: Nodes of the source, those of functions included.
        changes: What was dropped and rewritten.
    """

    graph_def: Any
    input_key: str
    output_key: str
    input_tensor: str
    output_tensor: str
    version: str
    nodes_before: int
    changes: Changes


def op_defs(name: str) -> Any:
    """Definition of an operation in the TensorFlow at hand, None if unknown."""
    return op_def_registry.get(name)


def is_stateful(op: str) -> bool:
    """Whether an operation has state or an effect, as the TensorFlow at hand defines it."""
    definition = op_defs(op)
    return definition is None or bool(definition.is_stateful)


def lower(
    folder: Path,
    loader: str,
    signature: str = SIGNATURE,
    tile: tuple[int, int] | None = None,
) -> Lowered:
    """Lower a SavedModel.

    Args:
        folder: The folder that holds `saved_model.pb`.
        loader: `session` or `object`: the loader that opens this SavedModel.
        signature: Name of the signature to keep.
        tile: (height, width) that the network can take where its own size is open.

    Returns:
        The lowered network; lowering what is written of it again gives the same bytes.

    Raises:
        InputError: It cannot be loaded, or not be expressed in TensorFlow 2.0.0.
    """
    source = load(folder, loader, signature)
    nodes_before = len(source.graph.nodes) + sum(len(f.node_def) for f in source.library)
    graph, changes = source.graph, Changes()
    _place_input(source)
    drop_unreached(graph, INPUT)
    inline(graph, Library(source.library, op_defs))
    drop_unreached(graph, INPUT)
    freezer = _freezer(source.values)
    freezer.freeze(graph)
    prune(graph, INPUT, is_stateful)
    _check_weights(graph)
    split_cases(graph, freezer.constant, freezer.attr_type, changes)
    _write_for_target(graph, freezer, changes, _images(source.input_shape, tile))
    _place_output(graph)
    rename(graph, {INPUT: INPUT, graph.outputs[0][0]: OUTPUT})
    graph_def = write_graph(graph)
    return Lowered(
        graph_def=graph_def,
        input_key=source.input_key,
        output_key=source.output_key,
        input_tensor=source.input_tensor,
        output_tensor=source.output_tensor,
        version=source.version,
        nodes_before=nodes_before,
        changes=changes,
    )


def write_graph(graph: Graph) -> Any:
    """A main graph as a `GraphDef` of the TensorFlow at hand."""
    return _writer().write(graph)


def _writer() -> GraphWriter:
    return GraphWriter(graph_pb2.GraphDef, op_defs, is_stateful)


def _freezer(values: dict[str, Any]) -> Freezer:
    make_tensor: Callable[[Any], Any] = tf.make_tensor_proto
    return Freezer(values, make_tensor, attr_value_pb2.AttrValue)


def _place_input(source: Source) -> None:
    """Put a fresh placeholder in the place of the tensor that takes the tile."""
    graph, old = source.graph, source.input_ref
    if old[0] not in graph.nodes:
        raise InputError(f"the signature names the input {old[0]}, which the SavedModel lacks")
    attrs = {
        "dtype": attr_value_pb2.AttrValue(type=DT_FLOAT),
        "shape": attr_value_pb2.AttrValue(shape=source.input_shape),
    }
    if INPUT in graph.nodes:
        occupied = graph.nodes.pop(INPUT)
        occupied.name = f"{INPUT}/node"
        graph.add(occupied)
        _repoint(graph, INPUT, occupied.name)
        source.values = {occupied.name if k == INPUT else k: v for k, v in source.values.items()}
        old = (occupied.name if old[0] == INPUT else old[0], old[1])
    graph.nodes[INPUT] = Node(INPUT, "Placeholder", [], [], attrs, label=INPUT)
    for node in graph.nodes.values():
        node.inputs = [(INPUT, 0) if ref == old else ref for ref in node.inputs]
    graph.outputs = [(INPUT, 0) if ref == old else ref for ref in graph.outputs]


def _repoint(graph: Graph, old: str, new: str) -> None:
    for node in graph.nodes.values():
        node.inputs = [(new if name == old else name, index) for name, index in node.inputs]
        node.controls = [new if name == old else name for name in node.controls]
    graph.outputs = [(new if name == old else name, index) for name, index in graph.outputs]


def _images(shape: Any, tile: tuple[int, int] | None) -> list[dict[str, Shape]]:
    """Two shapes that the image can have where its own is open; none where that is not known.

    Args:
        shape: The input's shape (`TensorShapeProto`).
        tile: As of `lower`.
    """
    own = [None if dim.size < 0 else int(dim.size) for dim in shape.dim]
    if None not in own or len(own) != RANK or (tile is None and None in own[1:3]):
        return []
    height, width = tile or (0, 0)  # unused where the network's own size is fixed
    return [
        {INPUT: tuple(size or other for size, other in zip(own, given, strict=True))}
        for given in ((1, height, width, None), (2, 2 * height, 2 * width, None))
    ]


def _write_for_target(
    graph: Graph, freezer: Freezer, changes: Changes, images: Sequence[Mapping[str, Shape]]
) -> None:
    """Rewrite what 2.0.0 computes otherwise or not at all, and refuse what is left of it."""
    known: list[tuple[int, Tools]] = []

    def tools() -> Tools:
        # Shapes are found where a step needs any, and anew where one has rewritten something.
        done = sum(changes.rewrites.values())
        if not known or known[-1][0] != done:
            tensors = Tensors(graph, infer, freezer.attr_type, images)
            known.append((done, Tools(freezer, tensors, changes)))
        return known[-1][1]

    drop_hints(graph)
    replace(graph, tools())
    of_the_batch(graph, tools())
    channels_last(graph, tools())
    write_for_kernels(graph, tools())
    of_volumes(graph, tools())
    write_depthwise(graph, tools())
    write_dilations(graph, tools())
    split_groups(graph, tools())
    widen(graph, tools(), op_defs)
    make_portable(graph, changes)
    hold_order(graph, freezer.attr_type, changes)
    hold_constants(graph, freezer.attr_type, changes)
    drop_unreached(graph, INPUT)
    refuse_faults(graph, tools())


def infer(graph: Graph) -> dict[Ref, Tensor]:
    """Shapes and dtypes of all tensors of a graph without arguments, as TensorFlow infers them.

    Nothing is known of a graph that contradicts itself: importing it whole tells why.
    """
    found: dict[Ref, Tensor] = {}
    with tf.Graph().as_default() as shapes:
        try:
            import_graph(write_graph(graph), shapes_only=True)
        except ValueError:
            return found
        for operation in shapes.get_operations():
            for index, tensor in enumerate(operation.outputs):
                sizes = None if tensor.shape.rank is None else tuple(tensor.shape.as_list())
                found[operation.name, index] = Tensor(sizes, tensor.dtype.as_datatype_enum)
    return found


def _place_output(graph: Graph) -> None:
    """End the graph with an identity that only gives the output a name."""
    end = graph.nodes.get(graph.outputs[0][0])
    if end is not None and end.op == "Identity" and end.name == OUTPUT:
        return
    attrs = {"T": attr_value_pb2.AttrValue(type=DT_FLOAT)}
    last = graph.add(Node(OUTPUT, "Identity", [graph.outputs[0]], [], attrs, label=OUTPUT))
    graph.outputs = [(last.name, 0)]


def _check_weights(graph: Graph) -> None:
    total = sum(
        node.attrs["value"].ByteSize()
        for part in graph.graphs()
        for node in part.nodes.values()
        if node.op == "Const"
    )
    if total > WEIGHTS_LIMIT:
        raise InputError(
            f"the network's weights take {total} bytes; up to {WEIGHTS_LIMIT} can be stored as "
            "constants in a portable archive"
        )


def write_saved_model(lowered: Lowered) -> bytes:
    """The lowered network as the bytes of `saved_model.pb`, the same for the same network.

    Its object graph needs the checkpoint of `objects.checkpoint` with it.
    """
    message = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta_graph = message.meta_graphs.add()
    meta_graph.meta_info_def.tags.append(TAG)
    meta_graph.meta_info_def.tensorflow_version = lowered.version
    meta_graph.graph_def.CopyFrom(lowered.graph_def)
    signature = meta_graph.signature_def[SIGNATURE]
    signature.method_name = METHOD
    for key, name, shapes in (
        (lowered.input_key, INPUT, signature.inputs),
        (lowered.output_key, OUTPUT, signature.outputs),
    ):
        shapes[key].name = f"{name}:0"
        shapes[key].dtype = DT_FLOAT
        shapes[key].tensor_shape.CopyFrom(static_shape(lowered.graph_def, name))
    describe(meta_graph, _writer(), INPUT, OUTPUT, (lowered.input_key, lowered.output_key))
    return bytes(message.SerializeToString(deterministic=True))


def import_graph(graph_def: Any, *, shapes_only: bool = False) -> None:
    """Import a graph into the default one.

    Of a copy: TensorFlow writes the defaults of all attributes, new ones too, into what it imports.

    Args:
        graph_def: The graph, which stays as it is.
        shapes_only: Leave out the weights, which say nothing about shapes; to run such a graph,
            they have to be fed.
    """
    copy = type(graph_def)()
    if shapes_only:
        copy.versions.CopyFrom(graph_def.versions)
        copy.library.CopyFrom(graph_def.library)
        for node in graph_def.node:
            _copy_light(copy.node.add(), node)
    else:
        copy.CopyFrom(graph_def)
    tf.import_graph_def(copy, name="")


def _copy_light(into: Any, node: Any) -> None:
    """Copy a node; of weights only type and shape."""
    if not _is_weight(node):
        into.CopyFrom(node)
        return
    into.name, into.op = node.name, "Placeholder"
    into.input.extend(node.input)
    into.attr["dtype"].type = DT_FLOAT
    into.attr["shape"].shape.CopyFrom(node.attr["value"].tensor.tensor_shape)


def _is_weight(node: Any) -> bool:
    # A constant that waits for another node belongs to its loop or its branch. What is fed in the
    # place of such a one belongs to none: the loop cannot read it, and the branch is never dead.
    waits = any(text.startswith("^") for text in node.input)
    return bool(node.op == "Const" and node.attr["dtype"].type == DT_FLOAT and not waits)


def weights(graph_def: Any) -> Iterator[tuple[str, Any]]:
    """What `import_graph` leaves out where only shapes are needed.

    Yields:
        Name of each node, and its value (`TensorProto`).
    """
    for node in graph_def.node:
        if _is_weight(node):
            yield node.name, node.attr["value"].tensor


def static_shape(graph_def: Any, node: str) -> Any:
    """Shape of a node's first output (`TensorShapeProto`), as TensorFlow infers it."""
    with tf.Graph().as_default() as graph:
        import_graph(graph_def, shapes_only=True)
        return graph.get_tensor_by_name(f"{node}:0").shape.as_proto()
