"""Layers along a sequence, written out step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from czcheck.building.keras2.activations import activated
from czcheck.building.keras2.layer import kind, with_bias

if TYPE_CHECKING:
    from czcheck.building.keras2.layer import Call, Layer

MOST_STEPS = 256
_FLAGS = ("stateful", "return_state", "time_major")


def _sequence(call: Call, x: Any, states: Any, step: Callable[[Any, Any], Any]) -> Any:
    """Run one step after the other; its first state is the output.

    Args:
        call: The layer's call.
        x: The sequence; its second dimension is the time.
        states: The states to begin with.
        step: Makes the next states of one item and the states before.
    """
    tf, arguments = call.tf, call.layer.arguments
    for key in _FLAGS:
        arguments.only(key, False)
    if call.training and any(arguments.get(key) for key in ("dropout", "recurrent_dropout")):
        raise call.layer.refuse("is called with `training=True` and draws random numbers")
    for key in ("unroll", "zero_output_for_mask"):  # no layer that makes a mask is built
        arguments.get(key)
    count = x.shape[1]
    if count is None or count > MOST_STEPS:
        raise call.layer.refuse(
            f"runs over a sequence of open length or of more than {MOST_STEPS} steps"
        )
    order = range(count)
    if arguments.flag("go_backwards", default=False):
        order = range(count - 1, -1, -1)
    outputs = []
    for number in order:
        states = step(x[:, number], states)
        outputs.append(states[0])
    if arguments.flag("return_sequences", default=False):
        return tf.stack(outputs, axis=1)
    return outputs[-1]


@kind("ConvLSTM2D", weights=with_bias("kernel", "recurrent_kernel"))
def convolutional(call: Call, x: Any) -> Any:
    """A long short-term memory whose products are convolutions of images."""
    tf, arguments = call.tf, call.layer.arguments
    kernel, recurrent = call.weight("kernel"), call.weight("recurrent_kernel")
    filters = arguments.whole("filters")
    sizes = arguments.sizes("kernel_size", 2)
    strides, dilations = arguments.sizes("strides", 2, 1), arguments.sizes("dilation_rate", 2, 1)
    padding = arguments.choice("padding", ("valid", "same"), "valid").upper()
    first = call.channels_first
    if first:
        x = tf.transpose(x, [0, 1, 3, 4, 2])
    fits = (*sizes, x.shape[-1], 4 * filters)
    if tuple(kernel.shape) != fits or tuple(recurrent.shape) != (*sizes, filters, 4 * filters):
        raise call.layer.refuse("has weights that do not fit its filters")

    def through(item: Any) -> Any:
        y = tf.nn.conv2d(item, kernel, strides, padding, dilations=dilations)
        return y + call.weight("bias") if "bias" in call.layer.variables else y

    def step(item: Any, states: Any) -> Any:
        before, memory = states
        y = through(item) + tf.nn.conv2d(before, recurrent, 1, "SAME")
        return _long_short(call, y, memory)

    zeros = tf.zeros_like(through(x[:, 0])[..., :filters])
    y = _sequence(call, x, (zeros, zeros), step)
    if not first:
        return y
    rank = y.shape.rank
    return tf.transpose(y, [*range(rank - 3), rank - 1, rank - 3, rank - 2])


def _long_short(call: Call, y: Any, memory: Any) -> Any:
    """Output and memory of one step; `y` are the four gates before their activations."""
    gate_in, forget, new, out = call.tf.split(y, 4, axis=-1)
    memory = activated(call, forget, "recurrent_activation") * memory + activated(
        call, gate_in, "recurrent_activation"
    ) * activated(call, new)
    output = activated(call, out, "recurrent_activation") * activated(call, memory)
    return output, memory


@kind("LSTM", weights=with_bias("kernel", "recurrent_kernel"))
def long_short(call: Call, x: Any) -> Any:
    """A long short-term memory."""
    tf = call.tf
    units = call.layer.arguments.whole("units")

    def step(item: Any, states: Any) -> Any:
        y = tf.matmul(item, call.weight("kernel"))
        y += tf.matmul(states[0], call.weight("recurrent_kernel"))
        if "bias" in call.layer.variables:
            y += call.weight("bias")
        return _long_short(call, y, states[1])

    zeros = tf.zeros([tf.shape(x)[0], units], x.dtype)
    return _sequence(call, x, (zeros, zeros), step)


@kind("SimpleRNN", weights=with_bias("kernel", "recurrent_kernel"))
def simple(call: Call, x: Any) -> Any:
    """A matrix on each item and on the output before."""
    tf = call.tf
    units = call.layer.arguments.whole("units")

    def step(item: Any, states: Any) -> Any:
        y = tf.matmul(item, call.weight("kernel"))
        if "bias" in call.layer.variables:
            y += call.weight("bias")
        y += tf.matmul(states[0], call.weight("recurrent_kernel"))
        return (activated(call, y),)

    return _sequence(call, x, (tf.zeros([tf.shape(x)[0], units], x.dtype),), step)


@kind("GRU", weights=with_bias("kernel", "recurrent_kernel"))
def gated(call: Call, x: Any) -> Any:
    """A gated recurrent unit, its reset before or after the product."""
    tf, arguments = call.tf, call.layer.arguments
    units = arguments.whole("units")
    after = arguments.flag("reset_after", default=False)
    biases = [0.0, 0.0]
    if "bias" in call.layer.variables:
        bias = call.weight("bias")
        if (bias.shape.rank == 2) != after:
            raise call.layer.refuse("has a bias that does not fit `reset_after`")
        biases = tf.unstack(bias) if after else [bias, 0.0]
    recurrent = call.weight("recurrent_kernel")

    def step(item: Any, states: Any) -> Any:
        (before,) = states
        update, reset, new = tf.split(tf.matmul(item, call.weight("kernel")) + biases[0], 3, -1)
        if after:
            inner = tf.split(tf.matmul(before, recurrent) + biases[1], 3, -1)
        else:
            both = tf.matmul(before, recurrent[:, : 2 * units])
            inner = [*tf.split(both, 2, -1), None]
        update = activated(call, update + inner[0], "recurrent_activation")
        reset = activated(call, reset + inner[1], "recurrent_activation")
        if after:
            new = activated(call, new + reset * inner[2])
        else:
            new = activated(call, new + tf.matmul(reset * before, recurrent[:, 2 * units :]))
        return (update * before + (1 - update) * new,)

    return _sequence(call, x, (tf.zeros([tf.shape(x)[0], units], x.dtype),), step)


@kind("TimeDistributed", children=("layer",))
def each_alone(call: Call, x: Any) -> Any:
    """A layer on each item of a sequence."""
    tf = call.tf
    child = call.layer.children["layer"]
    if call.training or x.shape.rank is None:
        raise call.layer.refuse("is called with `training=True`, which is not built")
    sizes = x.shape
    shape = tf.shape(x)
    items = tf.reshape(x, tf.concat([[-1], shape[2:]], 0))
    items.set_shape([None, *sizes[2:]])
    y = call.inside(child, items, training=False)
    if isinstance(y, (list, tuple)):
        raise call.layer.refuse("has several outputs")
    whole = tf.reshape(y, tf.concat([shape[:2], tf.shape(y)[1:]], 0))
    whole.set_shape([*sizes[:2], *y.shape[1:]])
    return whole


def _twice(layer: Layer) -> tuple[tuple[str, bool], ...]:
    """Both directions have the same weights, and one after the other in the file."""
    child = layer.children["layer"]
    if child.kind is None or child.is_model:
        raise layer.refuse("works in both directions with a layer that is not one of Keras's own")
    inside = child.kind.weights(child)
    return tuple(
        (f"{way}/{name}", each) for way in ("forward", "backward") for name, each in inside
    )


@kind("Bidirectional", children=("layer",), weights=_twice)
def both_ways(call: Call, x: Any) -> Any:
    """A layer along a sequence and against it."""
    tf, arguments = call.tf, call.layer.arguments
    if arguments.get("backward_layer") is not None:
        # Written also where it is the same layer, turned round.
        own = arguments.get("layer"), arguments.get("backward_layer")
        if _plain(own[0]) != _plain(own[1]):
            raise call.layer.refuse("has another layer for the way back")
    child = call.layer.children["layer"]
    outputs = []
    for way in ("forward", "backward"):
        child.variables = {
            name.partition("/")[2]: value
            for name, value in call.layer.variables.items()
            if name.startswith(way)
        }
        turned = x if way == "forward" else tf.reverse(x, [1])
        y = call.inside(child, turned)
        if way == "backward" and child.arguments.flag("return_sequences", default=False):
            y = tf.reverse(y, [1])
        outputs.append(y)
    mode = arguments.choice("merge_mode", ("concat", "sum", "mul", "ave"), "concat")
    if mode == "concat":
        return tf.concat(outputs, -1)
    if mode == "mul":
        return outputs[0] * outputs[1]
    return (outputs[0] + outputs[1]) * (0.5 if mode == "ave" else 1.0)


def _plain(record: Any) -> Any:
    """A layer's description without what differs between the two directions."""
    config = record.get("config") if isinstance(record, dict) else None
    if not isinstance(config, dict):
        return record
    return {key: value for key, value in config.items() if key not in {"name", "go_backwards"}}
