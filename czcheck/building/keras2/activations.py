"""Activations as Keras 1 and 2 computed them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from czcheck.building.keras2.layer import Call

_LEAKY = 0.2
_SIX = 6


def activated(call: Call, x: Any, key: str = "activation") -> Any:
    """The output of a layer behind its activation.

    Args:
        call: The layer's call.
        x: What stands before the activation.
        key: Argument of the layer that names it.

    Raises:
        InputError: The activation is not known.
    """
    return activate(call, call.layer.arguments.get(key), x)


def activate(call: Call, value: Any, x: Any) -> Any:
    """Apply an activation.

    Args:
        call: The call of the layer that has it.
        value: What the file says about it: a name, a function or a layer.
        x: A tensor.

    Raises:
        InputError: The activation is not known.
    """
    if value is None:
        return x
    name = value
    if isinstance(value, dict):
        name = value.get("config")
        if isinstance(name, dict):
            return _layer(call, value, x)
        name = name or value.get("class_name")
    own = call.run.function(name) if isinstance(name, str) else None
    if own is not None:
        return own(x)
    known = _known(call.tf)
    if not isinstance(name, str) or name not in known:
        raise call.layer.refuse(
            f"has the activation {str(name)[:60]!r}, which is not one of Keras's own",
            "name the module that defines it: --custom-objects MODULE, a dotted name or the path "
            f"of a .py file; or {call.layer.writer.way_out}",
        )
    return known[name](x)


def hard_sigmoid(tf: Any, x: Any) -> Any:
    """`clip(0.2 x + 0.5)`; in Keras 3 it is `clip(x / 6 + 0.5)`."""
    return tf.clip_by_value(x * tf.cast(0.2, x.dtype) + tf.cast(0.5, x.dtype), 0.0, 1.0)


def rectified(tf: Any, x: Any, slope: float, most: float | None, threshold: float) -> Any:
    """A rectified linear unit with all that Keras's has.

    Args:
        tf: The tensorflow module.
        x: A tensor.
        slope: Slope below the threshold.
        most: What greater values are cut to; None for no cut.
        threshold: Value from which on it is linear.
    """
    if slope == 0 and threshold == 0 and most in {None, _SIX}:
        return tf.nn.relu(x) if most is None else tf.nn.relu6(x)
    if slope != 0 and threshold == 0 and most is None:
        return tf.nn.leaky_relu(x, alpha=slope)
    below = tf.nn.relu(-x + tf.cast(threshold, x.dtype))
    y = x * tf.cast(x > threshold, x.dtype) if threshold != 0 else tf.nn.relu(x)
    if most is not None:
        y = tf.clip_by_value(y, tf.cast(0, x.dtype), tf.cast(most, x.dtype))
    return y - tf.cast(slope, x.dtype) * below if slope != 0 else y


def exponential_linear(tf: Any, x: Any, alpha: float) -> Any:
    """An exponential linear unit."""
    y = tf.nn.elu(x)
    return y if alpha == 1 else tf.where(x > 0, y, tf.cast(alpha, x.dtype) * y)


def _known(tf: Any) -> dict[str, Any]:
    return {
        "linear": tf.identity,
        "relu": tf.nn.relu,
        "relu6": tf.nn.relu6,
        "leaky_relu": lambda x: tf.nn.leaky_relu(x, _LEAKY),
        "elu": tf.nn.elu,
        "selu": tf.nn.selu,
        "softplus": tf.nn.softplus,
        "softsign": tf.nn.softsign,
        "swish": tf.nn.silu,
        "silu": tf.nn.silu,
        "gelu": tf.nn.gelu,
        "mish": lambda x: x * tf.tanh(tf.nn.softplus(x)),
        "tanh": tf.tanh,
        "sigmoid": tf.sigmoid,
        "exponential": tf.exp,
        "hard_sigmoid": lambda x: hard_sigmoid(tf, x),
        "softmax": tf.nn.softmax,
        "softmax_v2": tf.nn.softmax,
        "log_softmax": tf.nn.log_softmax,
        "log_softmax_v2": tf.nn.log_softmax,
    }


def _layer(call: Call, value: dict[str, Any], x: Any) -> Any:
    """An activation that is a layer itself; such layers have no weights of their own."""
    child = call.run.read(value)
    if child.kind is None or child.kind.weights(child):
        raise call.layer.refuse(f"has the layer {child.class_name} as activation, with weights")
    return call.inside(child, x)
