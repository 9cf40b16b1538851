"""Functions of TensorFlow that stand among the layers of a model.

From 2.4 on Keras writes the function (`TFOpLambda`), before that the operation of the graph
(`TensorFlowOpLayer`). Both mean today what they meant then; those that only compute are admitted.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from czcheck.building.keras2.layer import kind
from czcheck.network.safety import load_allowlist

if TYPE_CHECKING:
    from czcheck.building.keras2.layer import Call

# By their names in TensorFlow, as files have them.
_FUNCTIONS = """
cast clip_by_value concat expand_dims gather identity pad repeat reshape reverse roll shape size
slice split squeeze stack tile transpose unstack where zeros_like ones_like einsum __operators__.add
compat.v1.shape compat.v1.size compat.v1.transpose compat.v1.squeeze compat.v1.expand_dims
compat.v1.pad compat.v1.where compat.v1.gather compat.v1.concat compat.v1.image.resize_bilinear
compat.v1.image.resize_nearest_neighbor compat.v1.image.resize_bicubic compat.v1.image.resize_area
compat.v1.nn.softmax compat.v1.nn.leaky_relu
image.resize image.per_image_standardization image.central_crop image.flip_left_right
image.flip_up_down image.rot90 image.rgb_to_grayscale image.grayscale_to_rgb
linalg.matmul linalg.l2_normalize linalg.norm
math.abs math.add math.add_n math.argmax math.argmin math.ceil math.cos math.cosh math.cumsum
math.divide math.divide_no_nan math.equal math.erf math.exp math.expm1 math.floor math.floordiv
math.greater math.greater_equal math.l2_normalize math.less math.less_equal math.log math.log1p
math.log_sigmoid math.log_softmax math.logical_and math.logical_not math.logical_or math.maximum
math.minimum math.mod math.multiply math.multiply_no_nan math.negative math.not_equal math.pow
math.reciprocal math.reciprocal_no_nan math.reduce_all math.reduce_any math.reduce_logsumexp
math.reduce_max math.reduce_mean math.reduce_min math.reduce_prod math.reduce_std math.reduce_sum
math.reduce_variance math.round math.rsqrt math.sigmoid math.sign math.sin math.sinh math.softmax
math.softplus math.softsign math.sqrt math.square math.squared_difference math.subtract math.tan
math.tanh math.top_k math.truediv math.xdivy
nn.avg_pool nn.avg_pool2d nn.bias_add nn.conv2d nn.convolution nn.depth_to_space
nn.depthwise_conv2d nn.elu nn.gelu nn.l2_normalize nn.leaky_relu nn.local_response_normalization
nn.log_softmax nn.max_pool nn.max_pool2d nn.moments nn.relu nn.relu6 nn.selu nn.sigmoid nn.silu
nn.softmax nn.softplus nn.softsign nn.space_to_depth nn.swish nn.tanh
"""
FUNCTIONS = frozenset(_FUNCTIONS.split())
# What Keras passes on though it is the default, and what only names.
_NAMES = ("name",)


@kind("TFOpLambda", several=None, casts=False)
def function(call: Call, x: Any) -> Any:
    """A function of TensorFlow, its first argument a tensor or a list of them."""
    name = call.layer.arguments.get("function")
    if name not in FUNCTIONS or name == "__operators__.getitem":
        raise call.layer.refuse(f"is the function tf.{str(name)[:60]}, which is not built")
    found = call.tf
    if name == "__operators__.add":
        found = call.tf.add
    else:
        for part in name.split("."):
            found = getattr(found, part)
    arguments = {key: call.arguments.pop(key) for key in list(call.arguments)}
    for key in _NAMES:
        arguments.pop(key, None)
    try:
        return found(x, **arguments)
    except Exception as error:
        raise call.layer.refuse(
            f"calls tf.{name}, which fails: {str(error).strip().splitlines()[0][:200]}"
        ) from error


@kind("SlicingOpLambda", several=True, casts=False)
def part(call: Call, x: Any) -> Any:
    """A part of a tensor, or of a shape."""
    if call.layer.arguments.get("function") != "__operators__.getitem":
        raise call.layer.refuse("is no part of a tensor, which is not built")
    spec = call.arguments.pop("slice_spec", None)
    listed = spec if isinstance(spec, list) else [spec]
    return x[0][tuple(_index(call, each) for each in listed)]


def _index(call: Call, value: Any) -> Any:
    if not isinstance(value, dict):
        if value is None or isinstance(value, int) or call.tf.is_tensor(value):
            return value
        raise call.layer.refuse("takes a part of a tensor that is not built")
    if value.get("class_name") == "__ellipsis__":
        return Ellipsis
    if set(value) != {"start", "stop", "step"}:
        raise call.layer.refuse("takes a part of a tensor that is not built")
    return slice(value["start"], value["stop"], value["step"])


@kind("TensorFlowOpLayer", several=True, casts=False)
def operation(call: Call, x: Any) -> Any:
    """An operation of the graph, as TensorFlow 1.13 to 2.3 wrote it."""
    tf, layer = call.tf, call.layer
    described = layer.arguments.get("node_def")
    node = tf.compat.v1.NodeDef()
    try:
        if isinstance(described, str):
            described = json.loads(described)
        json_format.ParseDict(described, node)
    except (ValueError, TypeError, AttributeError, json_format.ParseError):
        raise layer.refuse("holds an operation that cannot be read") from None
    if node.op not in load_allowlist().allowed or node.op in {"Placeholder", "NoOp", "Assert"}:
        raise layer.refuse(f"is the operation {node.op[:60]}, which is not built")
    graph = tf.compat.v1.get_default_graph()
    constants = layer.arguments.get("constants") or {}
    inputs, given = [], list(x)
    for number in range(len(node.input)):
        value = constants.get(str(number))
        if value is None and not given:
            raise layer.refuse("takes more inputs than it is called with")
        inputs.append(given.pop(0) if value is None else value)
    return _made(call, graph, node, inputs)


def _made(call: Call, graph: Any, node: Any, inputs: list[Any]) -> Any:
    """The outputs of a new operation in the graph that is being written."""
    tf = call.tf
    definition = graph.op_def_for_type(node.op)
    tensors: list[Any] = []
    position = 0
    try:
        for argument in definition.input_arg:
            count = node.attr[argument.number_attr].i if argument.number_attr else 1
            dtype = argument.type or node.attr[argument.type_attr].type
            for _ in range(count):
                tensors.append(tf.convert_to_tensor(inputs[position], tf.dtypes.as_dtype(dtype)))
                position += 1
        known = {each.name for each in definition.attr}
        attributes = {key: value for key, value in node.attr.items() if key in known}
        grouped = _grouped(definition, node, tensors)
        raw = getattr(tf.raw_ops, node.op)
        return raw(**grouped, **_plain(tf, definition, attributes))
    except (AttributeError, TypeError, ValueError, IndexError, KeyError) as error:
        raise call.layer.refuse(
            f"is the operation {node.op}, which cannot be made: {str(error)[:200]}"
        ) from error


def _grouped(definition: Any, node: Any, tensors: list[Any]) -> dict[str, Any]:
    """Tensors by the names of the operation's inputs."""
    rest = list(tensors)
    grouped: dict[str, Any] = {}
    for argument in definition.input_arg:
        if argument.number_attr:
            count = node.attr[argument.number_attr].i
            grouped[argument.name] = [rest.pop(0) for _ in range(count)]
        else:
            grouped[argument.name] = rest.pop(0)
    return grouped


def _plain(tf: Any, definition: Any, attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes as values, but for those that follow from the inputs."""
    implied = {
        name
        for argument in definition.input_arg
        for name in (argument.type_attr, argument.number_attr, argument.type_list_attr)
    }
    plain: dict[str, Any] = {}
    for key, value in attributes.items():
        if key in implied or key.startswith("_"):
            continue
        which = value.WhichOneof("value")
        found = getattr(value, which)
        if which == "s":
            found = found.decode()
        elif which == "type":
            found = tf.dtypes.as_dtype(found)
        elif which == "list":
            found = list(found.i or found.f or found.b)
        elif which not in {"i", "f", "b"}:
            raise ValueError(f"the attribute {key} is of a kind that is not built")
        plain[key] = found
    return plain
