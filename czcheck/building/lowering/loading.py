"""Load a SavedModel in one of TensorFlow's two ways, as a graph and the values of its variables.

Runs in the build's child process only, where TensorFlow is imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from czcheck.building.lowering.freezing import VARIABLES
from czcheck.building.lowering.graph import Graph, Ref, parse_ref, read_nodes
from czcheck.errors import InputError
from czcheck.runtime.worker import without_rewrites

TAG = "serve"
DT_FLOAT = 1


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
        output_key: The output's key in the signature.
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


def load(folder: Path, loader: str, signature: str) -> Source:
    """Load a SavedModel.

    Args:
        folder: The folder that holds `saved_model.pb`.
        loader: `session` or `object`: the loader that opens this SavedModel.
        signature: Name of the signature to keep.

    Raises:
        InputError: There is no such signature, or it has not one float32 input and output.
    """
    return {"session": _load_session, "object": _load_object}[loader](folder, signature)


def _meta_graph(folder: Path) -> Any:
    """The meta graph that is served, read from the file itself."""
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
    output_key, output = _one(signature.outputs, "output")
    if tile.dtype != DT_FLOAT or output.dtype != DT_FLOAT:
        raise InputError(
            "input and output of the network have to be float32; cast inside the network"
        )
    return input_key, tile, output_key, output


def _load_session(folder: Path, name: str) -> Source:
    """Load into a session and read the variables that the signature reaches."""
    meta_graph = _meta_graph(folder)
    input_key, signed, output_key, output = _signature(meta_graph, name)
    graph = Graph(read_nodes(meta_graph.graph_def.node), outputs=[parse_ref(output.name)])
    values: dict[str, Any] = {}
    config = without_rewrites(tf, tf.compat.v1.ConfigProto())
    with (
        tf.Graph().as_default() as loaded,
        tf.compat.v1.Session(graph=loaded, config=config) as session,
    ):
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
        output_tensor=output.name,
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
    meta_graph = _meta_graph(folder)
    input_key, signed, output_key, output = _signature(meta_graph, name)
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
        output_tensor=output.name,
        version=meta_graph.meta_info_def.tensorflow_version,
    )
