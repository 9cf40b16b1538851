"""Lower a SavedModel: one frozen graph behind one signature, in the words of TensorFlow 2.0.0.

Runs in the build's child process only, where TensorFlow is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from czcheck.build.freezing import VARIABLES, Freezer
from czcheck.build.graph import Graph, Node, Ref, parse_ref, read_nodes
from czcheck.build.grouped import split_groups
from czcheck.build.inlining import Library, inline
from czcheck.build.portable import Changes, make_portable
from czcheck.build.pruning import drop_unreached, prune
from czcheck.build.writing import GraphWriter, rename
from czcheck.errors import InputError

TAG = "serve"
SIGNATURE = "serving_default"
METHOD = "tensorflow/serving/predict"
INPUT, OUTPUT = "input", "output"
"""Names of the first and last node of every lowered graph."""

DT_FLOAT = 1
WEIGHTS_LIMIT = 1 << 30


@dataclass(slots=True)
class Source:
    """A SavedModel as loaded: its graph, the values of its variables, its signature.

    Attributes:
        graph: The main graph, as written; its one output is the signature's.
        library: Functions (`FunctionDef`) of the graph.
        values: Values of variables, by the node that stands for the variable.
        input_ref: The tensor that takes the tile.
        input_shape: Its shape (`TensorShapeProto`).
        input_key: Its key in the signature.
        output_key: The answer's key in the signature.
        input_tensor: Name of the input's tensor in the SavedModel.
        output_tensor: Name of the output's tensor.
        version: TensorFlow version that wrote the SavedModel.
    """

    graph: Graph
    library: Any
    values: dict[str, Any]
    input_ref: Ref
    input_shape: Any
    input_key: str
    output_key: str
    input_tensor: str
    output_tensor: str
    version: str


@dataclass(slots=True)
class Lowered:
    """A lowered network.

    Attributes:
        graph_def: The graph: input node `input`, last node `output`, no variables, no calls.
        input_key: The tile's key in the signature.
        output_key: The answer's key in the signature.
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
    from tensorflow.python.framework import op_def_registry  # noqa: PLC0415

    return op_def_registry.get(name)


def is_stateful(op: str) -> bool:
    """Whether an operation has state or an effect, as the TensorFlow at hand defines it."""
    definition = op_defs(op)
    return definition is None or bool(definition.is_stateful)


def lower(folder: Path, loader: str, signature: str = SIGNATURE) -> Lowered:
    """Lower a SavedModel.

    Args:
        folder: The folder that holds `saved_model.pb`.
        loader: `session` or `object`: the loader that opens this SavedModel.
        signature: Name of the signature to keep.

    Returns:
        The lowered network; lowering what is written of it again gives the same bytes.

    Raises:
        InputError: It cannot be loaded, or not be expressed in TensorFlow 2.0.0.
    """
    load = {"session": _load_session, "object": _load_object}[loader]
    source = load(folder, signature)
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
    make_portable(graph, changes)
    split_groups(graph, _channels(graph), freezer.constant, freezer.attr_type, changes)
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
    from tensorflow.core.framework import graph_pb2  # noqa: PLC0415

    return GraphWriter(graph_pb2.GraphDef, op_defs, is_stateful).write(graph)


def _freezer(values: dict[str, Any]) -> Freezer:
    import tensorflow as tf  # noqa: PLC0415
    from tensorflow.core.framework import attr_value_pb2  # noqa: PLC0415

    make_tensor: Callable[[Any], Any] = tf.make_tensor_proto
    return Freezer(values, make_tensor, attr_value_pb2.AttrValue)


def _meta_graph(folder: Path) -> Any:
    """The meta graph that is served, read from the file itself."""
    from tensorflow.core.protobuf import saved_model_pb2  # noqa: PLC0415

    message = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    for meta_graph in message.meta_graphs:
        if set(meta_graph.meta_info_def.tags) == {TAG}:
            return meta_graph
    raise InputError(f"no graph in the SavedModel carries the tag {TAG!r} alone")


def _one(items: Any, what: str) -> tuple[str, Any]:
    """The only entry of a signature's inputs or outputs."""
    if len(items) != 1:
        names = ", ".join(sorted(items)) or "none"
        raise InputError(
            f"the signature has {len(items)} {what}s ({names}); "
            f"ZEN works with networks of exactly one {what}"
        )
    key, info = next(iter(items.items()))
    return str(key), info


def _signature(meta_graph: Any, name: str) -> tuple[str, Any, str, Any]:
    if name not in meta_graph.signature_def:
        raise InputError(f"the SavedModel has no signature {name}")
    signature = meta_graph.signature_def[name]
    input_key, tile = _one(signature.inputs, "input")
    output_key, answer = _one(signature.outputs, "output")
    if tile.dtype != DT_FLOAT or answer.dtype != DT_FLOAT:
        raise InputError(
            "input and output of the network have to be float32; cast inside the network"
        )
    return input_key, tile, output_key, answer


def _load_session(folder: Path, name: str) -> Source:
    """Load into a session and read the variables that the signature reaches."""
    import tensorflow as tf  # noqa: PLC0415

    meta_graph = _meta_graph(folder)
    input_key, signed, output_key, answer = _signature(meta_graph, name)
    graph = Graph(read_nodes(meta_graph.graph_def.node), outputs=[parse_ref(answer.name)])
    values: dict[str, Any] = {}
    with tf.Graph().as_default() as loaded, tf.compat.v1.Session(graph=loaded) as session:
        tf.compat.v1.saved_model.loader.load(session, [TAG], str(folder))
        fetches: dict[str, Any] = {}
        for each in _reached(graph):
            node = graph.nodes[each]
            if node.op == "VarHandleOp":
                handle = loaded.get_tensor_by_name(f"{each}:0")
                dtype = tf.dtypes.as_dtype(node.attrs["dtype"].type)
                fetches[each] = tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype)
            elif node.op in VARIABLES:
                fetches[each] = loaded.get_tensor_by_name(f"{each}:0")
        values = session.run(fetches)
    return Source(
        graph=graph,
        library=meta_graph.graph_def.library.function,
        values=values,
        input_ref=parse_ref(signed.name),
        input_shape=signed.tensor_shape,
        input_key=input_key,
        output_key=output_key,
        input_tensor=signed.name,
        output_tensor=answer.name,
        version=meta_graph.meta_info_def.tensorflow_version,
    )


def _reached(graph: Graph) -> list[str]:
    """Nodes of the main graph that the output depends on, by any edge."""
    pending = [name for name, _ in graph.outputs]
    seen: dict[str, None] = {}
    while pending:
        name = pending.pop()
        if name in seen or name not in graph.nodes:
            continue
        seen[name] = None
        node = graph.nodes[name]
        pending.extend(source for source, _ in node.inputs)
        pending.extend(node.controls)
    return list(seen)


def _load_object(folder: Path, name: str) -> Source:
    """Load as an object and take the graph of its signature with what it captures."""
    import tensorflow as tf  # noqa: PLC0415

    meta_graph = _meta_graph(folder)
    input_key, signed, output_key, answer = _signature(meta_graph, name)
    loaded = tf.saved_model.load(str(folder), tags=[TAG])  # held: it owns the variables
    function = loaded.signatures[name]
    graph_def = function.graph.as_graph_def()
    captured = list(function.captured_inputs)
    inner = list(function.inputs)[len(function.inputs) - len(captured) :]
    tile = function.inputs[0]
    variables = {id(variable.handle): variable for variable in function.variables}
    values: dict[str, Any] = {}
    for outside, inside in zip(captured, inner, strict=True):
        if outside.dtype != tf.resource:
            values[inside.op.name] = outside.numpy()
        elif id(outside) in variables:
            values[inside.op.name] = variables[id(outside)].numpy()
    return Source(
        graph=Graph(read_nodes(graph_def.node), outputs=[parse_ref(function.outputs[0].name)]),
        library=graph_def.library.function,
        values=values,
        input_ref=parse_ref(tile.name),
        input_shape=tile.shape.as_proto(),
        input_key=input_key,
        output_key=output_key,
        input_tensor=signed.name,
        output_tensor=answer.name,
        version=meta_graph.meta_info_def.tensorflow_version,
    )


def _place_input(source: Source) -> None:
    """Put a fresh placeholder in the place of the tensor that takes the tile."""
    from tensorflow.core.framework import attr_value_pb2  # noqa: PLC0415

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


def _channels(graph: Graph) -> dict[Ref, int]:
    """Channels of the tensors that convolutions of the main graph read, where they are known."""
    import tensorflow as tf  # noqa: PLC0415

    with tf.Graph().as_default() as shapes:
        import_graph(write_graph(graph))
        found: dict[Ref, int] = {}
        for node in graph.nodes.values():
            if node.op == "Conv2D":
                shape = shapes.get_operation_by_name(node.name).inputs[0].shape
                if shape.rank and shape[-1] is not None:
                    found[node.inputs[0]] = int(shape[-1])
    return found


def _place_output(graph: Graph) -> None:
    """End the graph with an identity that only gives the answer a name."""
    from tensorflow.core.framework import attr_value_pb2  # noqa: PLC0415

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
    """The lowered network as the bytes of `saved_model.pb`, the same for the same network."""
    from tensorflow.core.protobuf import saved_model_pb2  # noqa: PLC0415

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
    return bytes(message.SerializeToString(deterministic=True))


def import_graph(graph_def: Any) -> None:
    """Import a graph into the default one.

    Of a copy: TensorFlow writes the defaults of all attributes, new ones too, into what it imports.

    Args:
        graph_def: The graph, which stays as it is.
    """
    import tensorflow as tf  # noqa: PLC0415

    copy = type(graph_def)()
    copy.CopyFrom(graph_def)
    tf.import_graph_def(copy, name="")


def static_shape(graph_def: Any, node: str) -> Any:
    """Shape of a node's first output (`TensorShapeProto`), as TensorFlow infers it."""
    import tensorflow as tf  # noqa: PLC0415

    with tf.Graph().as_default() as graph:
        import_graph(graph_def)
        return graph.get_tensor_by_name(f"{node}:0").shape.as_proto()
