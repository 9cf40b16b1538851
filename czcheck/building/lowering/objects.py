"""Describe a lowered graph as an object, too, so that every loader of TensorFlow 2.0.0 opens it.

The session loader reads the graph alone. `tf.saved_model.load` and `tf.keras.models.load_model`
read its object graph, here a root that Keras takes for a `Model`, with two functions.
These hold the operations of the graph once more, but not its weights: they capture its constants.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2 as messages

from czcheck.building.lowering.graph import Argument, Graph, Node, read_nodes
from czcheck.building.lowering.inlining import Library, inline
from czcheck.building.lowering.writing import GraphWriter

CAPTURED_BYTES = 256
"""Weights from this size on are captured; smaller constants stand in the functions themselves."""

DT_FLOAT = 1
WEIGHTS = frozenset({DT_FLOAT, 2, 14, 19})
"""Types of constants that are captured: float32, float64, bfloat16, float16. Shapes and axes, which
are integers, stay in sight of shape inference."""

MODEL = "_tf_keras_model"
NAME = "network"
CHECKPOINT = "variables/variables"
OBJECTS = ("keras_api", "signatures")
"""Objects under the root that are no function and no constant; they are nodes 1 and 2."""

FIRST_CONSTANT = 5
CALL = "call_and_return_conditional_losses"
SIGNATURE = "serving_default"


ARGUMENTS = (
    "args", "varargs", "varkw", "defaults", "kwonlyargs", "kwonlydefaults", "annotations",
)  # fmt: skip


def describe(
    meta_graph: Any, writer: GraphWriter, input_name: str, output_name: str, keys: tuple[str, str]
) -> None:
    """Add functions and an object graph to the meta graph of a lowered network, in place.

    Args:
        meta_graph: The meta graph, with graph and signature.
        writer: Writes graphs.
        input_name: Name of the input's node.
        output_name: Name of the last node.
        keys: Keys of input and output in the signature.
    """
    graph_def = meta_graph.graph_def
    signature = meta_graph.signature_def[SIGNATURE]
    fed, fetched = signature.inputs[keys[0]], signature.outputs[keys[1]]
    body = Graph(read_nodes(graph_def.node), outputs=[(output_name, 0)])
    inline(body, Library(graph_def.library.function, writer.op_defs))
    captured = _capture(body, input_name)
    body.returns = [Argument("output", DT_FLOAT)]
    caller = Node(NAME, "PartitionedCall", [], [], {}, bodies={"f": [body]})
    written = writer.write(Graph({NAME: caller})).library.function
    graph_def.library.function.extend(written)
    network = graph_def.library.function[len(graph_def.library.function) - len(written)]
    constants = (node for node in graph_def.node if node.op == "Const")
    tensors = {node.name: node.attr["value"].tensor for node in constants}
    sizes = [fed.tensor_shape, *(tensors[name].tensor_shape for name in captured)]
    _set_shapes(network, sizes)
    wrapper = graph_def.library.function.add()
    _wrap(wrapper, network, sizes)
    objects = meta_graph.object_graph_def
    _objects(objects, captured)
    _call(objects, wrapper.signature.name, fed.tensor_shape, fetched.tensor_shape)
    _serve(objects, network.signature.name, fed.tensor_shape, fetched.tensor_shape, keys)


def checkpoint() -> dict[str, bytes]:
    """The checkpoint that belongs to the object graph: no variable, but the names of its objects.

    Returns:
        Contents of its files by name, the same for every network.
    """
    objects = messages.TrackableObjectGraph()
    root = objects.nodes.add()
    for number, name in enumerate(OBJECTS, start=1):
        root.children.add(node_id=number, local_name=name)
        objects.nodes.add()
    text = tf.constant(objects.SerializeToString(deterministic=True))
    with tempfile.TemporaryDirectory() as folder:
        tf.raw_ops.SaveV2(
            prefix=str(Path(folder, Path(CHECKPOINT).name)),
            tensor_names=["_CHECKPOINTABLE_OBJECT_GRAPH"],
            shape_and_slices=[""],
            tensors=[text],
        )
        above = Path(CHECKPOINT).parent.as_posix()
        return {f"{above}/{path.name}": path.read_bytes() for path in Path(folder).iterdir()}


def _capture(body: Graph, input_name: str) -> list[str]:
    """Make arguments of the input and of the weights; returns the names of the latter."""
    del body.nodes[input_name]
    body.arguments = [Argument("inputs", DT_FLOAT)]
    names = {input_name: "inputs"}
    captured: list[str] = []
    for node in list(body.nodes.values()):
        if node.op != "Const" or node.attrs["dtype"].type not in WEIGHTS:
            continue
        if node.attrs["value"].ByteSize() >= CAPTURED_BYTES:
            names[node.name] = f"weights_{len(captured)}"
            body.arguments.append(Argument(names[node.name], node.attrs["dtype"].type))
            captured.append(node.name)
            del body.nodes[node.name]
    for node in body.nodes.values():
        node.inputs = [(names.get(name, name), index) for name, index in node.inputs]
        node.controls = [name for name in node.controls if name not in names]
    return captured


def _set_shapes(function: Any, sizes: list[Any]) -> None:
    for size in sizes:
        function.attr["_input_shapes"].list.shape.add().CopyFrom(size)


def _wrap(wrapper: Any, network: Any, sizes: list[Any]) -> None:
    """A second function that does nothing but call the first: Keras wants one of its own."""
    wrapper.signature.name = CALL
    wrapper.signature.is_stateful = network.signature.is_stateful
    wrapper.signature.input_arg.extend(network.signature.input_arg)
    wrapper.signature.output_arg.extend(network.signature.output_arg)
    op = "StatefulPartitionedCall" if network.signature.is_stateful else "PartitionedCall"
    node = wrapper.node_def.add(name=NAME, op=op)
    node.input.extend(argument.name for argument in network.signature.input_arg)
    node.attr["f"].func.name = network.signature.name
    node.attr["Tin"].list.type.extend(argument.type for argument in network.signature.input_arg)
    node.attr["Tout"].list.type.append(DT_FLOAT)
    wrapper.ret["output"] = f"{NAME}:output:0"
    _set_shapes(wrapper, sizes)


def _objects(objects: Any, captured: list[str]) -> None:
    """The objects: root, what Keras keeps, the signatures; two functions; captured constants."""
    root, api, signatures = (objects.nodes.add() for _ in range(3))
    for number, name in enumerate(OBJECTS, start=1):
        root.children.add(node_id=number, local_name=name)
    metadata = {
        "batch_input_shape": None,
        "class_name": "Model",
        "dtype": "float32",
        "expects_training_arg": False,
        "name": NAME,
        "trainable": False,
    }
    _user(root, MODEL, json.dumps(metadata))
    _user(api, "_generic_user_object", "")
    _user(signatures, "signature_map", "")
    api.children.add(node_id=3, local_name=CALL)
    signatures.children.add(node_id=4, local_name=SIGNATURE)
    for _ in range(FIRST_CONSTANT - len(objects.nodes)):
        objects.nodes.add()  # the functions, which `_call` and `_serve` fill in
    for name in captured:
        objects.nodes.add().constant.operation = name


def _concrete(objects: Any, name: str) -> Any:
    function = objects.concrete_functions[name]
    function.bound_inputs.extend(range(FIRST_CONSTANT, len(objects.nodes)))
    return function


def _call(objects: Any, name: str, fed: Any, fetched: Any) -> None:
    """The function that Keras calls: a tile to an output and an empty list of losses."""
    function = objects.nodes[3].function
    function.concrete_functions.append(name)
    arguments = function.function_spec.fullargspec.named_tuple_value
    arguments.name = "FullArgSpec"
    values = {key: arguments.values.add(key=key).value for key in ARGUMENTS}
    values["args"].list_value.values.add().string_value = "inputs"
    values["kwonlyargs"].list_value.SetInParent()
    values["annotations"].dict_value.SetInParent()
    for key in ("varargs", "varkw", "defaults", "kwonlydefaults"):
        values[key].none_value.SetInParent()
    function.function_spec.input_signature.none_value.SetInParent()
    concrete = _concrete(objects, name)
    given = concrete.canonicalized_input_signature.tuple_value.values
    _tensor(given.add().tuple_value.values.add(), "inputs", fed)
    given.add().dict_value.SetInParent()
    returned = concrete.output_signature.tuple_value.values
    _tensor(returned.add(), "output", fetched)
    returned.add().list_value.SetInParent()


def _serve(objects: Any, name: str, fed: Any, fetched: Any, keys: tuple[str, str]) -> None:
    """The function behind the signature: it takes and gives tensors by the signature's keys."""
    function = objects.nodes[4].bare_concrete_function
    function.concrete_function_name = name
    function.argument_keywords.append(keys[0])
    function.allowed_positional_arguments = 1
    concrete = _concrete(objects, name)
    given = concrete.canonicalized_input_signature.tuple_value.values
    given.add().tuple_value.SetInParent()
    _tensor(given.add().dict_value.fields[keys[0]], keys[0], fed)
    _tensor(concrete.output_signature.dict_value.fields[keys[1]], keys[1], fetched)


def _user(node: Any, identifier: str, metadata: str) -> None:
    node.user_object.identifier = identifier
    node.user_object.metadata = metadata
    node.user_object.version.producer = 1
    node.user_object.version.min_consumer = 1


def _tensor(into: Any, name: str, shape: Any) -> None:
    into.tensor_spec_value.name = name
    into.tensor_spec_value.shape.CopyFrom(shape)
    into.tensor_spec_value.dtype = DT_FLOAT
