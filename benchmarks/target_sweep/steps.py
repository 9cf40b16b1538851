"""What a network can be composed of: one function for each kind of step of a description.

Each gets the step and the tensor that it will be called with, (1, height, width, channels), and
returns a function from tensor to tensor that keeps four dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers, ops

from benchmarks.target_sweep.raw import RAW, Raw, random_weights

Step = dict[str, Any]
FILTERS = 8


def _convolution(step: Step, x: Any) -> Any:
    groups = step["groups"] if x.shape[-1] % step["groups"] == 0 else 1
    return layers.Conv2D(
        FILTERS,
        step["kernel"],
        padding=step["padding"],
        dilation_rate=step["dilation"],
        groups=groups,
        use_bias=step["bias"],
    )


def _strided(step: Step, x: Any) -> Any:
    return layers.Conv2D(FILTERS, step["kernel"], strides=step["stride"], padding=step["padding"])


def _depthwise(step: Step, x: Any) -> Any:
    return layers.DepthwiseConv2D(
        step["kernel"],
        padding="same",
        dilation_rate=step["dilation"],
        depth_multiplier=step["multiplier"],
    )


def _separable(step: Step, x: Any) -> Any:
    return layers.SeparableConv2D(
        FILTERS, step["kernel"], padding=step["padding"], dilation_rate=step["dilation"]
    )


def _transposed(step: Step, x: Any) -> Any:
    dilation = step["dilation"] if step["stride"] == 1 else 1
    return layers.Conv2DTranspose(
        FILTERS,
        step["kernel"],
        strides=step["stride"],
        padding=step["padding"],
        dilation_rate=dilation,
    )


class InDepth(layers.Layer):  # type: ignore[misc]
    """Three-dimensional layers, with channels as slices of depth."""

    def __init__(self, *inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def call(self, x: Any) -> Any:
        y = ops.transpose(x, (0, 3, 1, 2))[..., None]
        for layer in self.inner:
            y = layer(y)
        return ops.mean(y, axis=1)


def _convolution3d(step: Step, x: Any) -> Any:
    first = layers.Conv3D(4, 3, padding="same", dilation_rate=step["dilation"])
    return InDepth(first, layers.Conv3D(4, (1, 3, 3), padding="same", groups=step["groups"]))


def _transposed3d(step: Step, x: Any) -> Any:
    return InDepth(layers.Conv3DTranspose(4, 3, strides=step["stride"], padding="same"))


def _pool3d(step: Step, x: Any) -> Any:
    pool = layers.MaxPooling3D if step["maximum"] else layers.AveragePooling3D
    return InDepth(pool((1, 2, 2), padding="same"))


class AlongRows(layers.Layer):  # type: ignore[misc]
    """A one-dimensional layer along all pixels of a tile."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def call(self, x: Any) -> Any:
        _, height, width, channels = x.shape
        y = self.inner(ops.reshape(x, (-1, height * width, channels)))
        return ops.reshape(y, (-1, height, width, y.shape[-1]))


def _convolution1d(step: Step, x: Any) -> Any:
    padding = "causal" if step["causal"] else "same"
    return AlongRows(layers.Conv1D(FILTERS, 3, padding=padding, dilation_rate=step["dilation"]))


def _pool(step: Step, x: Any) -> Any:
    pool = layers.MaxPooling2D if step["maximum"] else layers.AveragePooling2D
    return pool(step["size"], strides=step["stride"], padding=step["padding"])


class Broadcast(layers.Layer):  # type: ignore[misc]
    """Puts a global value beside its input."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def call(self, x: Any) -> Any:
        return ops.concatenate([x, ops.zeros_like(x) + self.inner(x)], axis=-1)


def _global_pool(step: Step, x: Any) -> Any:
    pool = layers.GlobalMaxPooling2D if step["maximum"] else layers.GlobalAveragePooling2D
    return Broadcast(pool(keepdims=True))


def _resize(step: Step, x: Any) -> Any:
    if step["layer"] and step["to"] != "area":
        return layers.UpSampling2D(step["factor"], interpolation=step["to"])
    height, width = x.shape[1] * step["factor"] // 2 + 1, x.shape[2] * step["factor"] // 2 + 2
    return layers.Resizing(height, width, interpolation=step["to"])


def _activation(step: Step, x: Any) -> Any:
    return layers.Activation(step["name"])


def _layer_norm(step: Step, x: Any) -> Any:
    return layers.LayerNormalization(axis=list(range(4 - step["axes"], 4)), epsilon=step["epsilon"])


def _group_norm(step: Step, x: Any) -> Any:
    groups = step["groups"] if x.shape[-1] % step["groups"] == 0 else 1
    return layers.GroupNormalization(groups, epsilon=step["epsilon"])


def _batch_norm(step: Step, x: Any) -> Any:
    layer = layers.BatchNormalization()
    layer(x)
    gamma, beta, mean, variance = layer.get_weights()
    random = np.random.default_rng(len(gamma))
    mean = random.normal(0, 0.3, mean.shape)
    layer.set_weights([gamma * 1.1, beta + 0.1, mean, variance * 1.4])
    return layer


class Training(layers.Layer):  # type: ignore[misc]
    """Batch normalisation with the tile's own statistics."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def call(self, x: Any) -> Any:
        channels = x.shape[-1]
        return tf.raw_ops.FusedBatchNormV3(
            x=tf.cast(x, tf.float32),
            scale=tf.constant(random_weights(channels), tf.float32),
            offset=tf.constant(random_weights(channels), tf.float32),
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )[0]


def _batch_norm_training(step: Step, x: Any) -> Any:
    if step["fused"]:
        return Training(step["epsilon"])
    layer = layers.BatchNormalization(epsilon=step["epsilon"])
    return lambda y: layer(y, training=True)


def _squeeze_excite(step: Step, x: Any) -> Any:
    pool = layers.GlobalAveragePooling2D(keepdims=True)
    one = layers.Dense(4, activation="relu")
    two = layers.Dense(x.shape[-1], activation="hard_sigmoid")
    return lambda y: y * two(one(pool(y)))


class Tokens(layers.Layer):  # type: ignore[misc]
    """Layers on the pixels of a smaller tile as tokens."""

    def __init__(self, *inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def call(self, x: Any) -> Any:
        small = ops.average_pool(x, 3, 3, padding="valid")
        _, height, width, channels = small.shape
        tokens = ops.reshape(small, (-1, height * width, channels))
        for layer in self.inner:
            same = isinstance(layer, layers.MultiHeadAttention)
            tokens = layer(tokens, tokens) if same else layer(tokens)
        return ops.repeat(
            ops.repeat(ops.reshape(tokens, (-1, height, width, tokens.shape[-1])), 3, 1), 3, 2
        )


def _attention(step: Step, x: Any) -> Any:
    return Tokens(layers.MultiHeadAttention(2, 4))


def _tokens_norm(step: Step, x: Any) -> Any:
    return Tokens(
        layers.LayerNormalization(epsilon=1e-5),
        layers.Dense(FILTERS, activation="gelu"),
        layers.LayerNormalization(epsilon=1e-6),
    )


class InTime(layers.Layer):  # type: ignore[misc]
    """A recurrent layer over rows, or over channels as moments in time."""

    def __init__(self, inner: Any, rows: bool) -> None:
        super().__init__()
        self.inner, self.rows = inner, rows

    def call(self, x: Any) -> Any:
        if self.rows:
            return self.inner(x[:, :, 0, :])[:, :, None, :] + x[..., :1]
        return self.inner(ops.transpose(x[..., :3], (0, 3, 1, 2))[..., None])


def _lstm(step: Step, x: Any) -> Any:
    return InTime(layers.LSTM(4, return_sequences=True, use_cudnn=False), True)


def _convlstm(step: Step, x: Any) -> Any:
    return InTime(layers.ConvLSTM2D(3, 3, padding="same"), False)


STEPS: dict[str, Callable[[Step, Any], Any]] = {
    "convolution": _convolution,
    "strided": _strided,
    "depthwise": _depthwise,
    "separable": _separable,
    "transposed": _transposed,
    "convolution3d": _convolution3d,
    "transposed3d": _transposed3d,
    "pool3d": _pool3d,
    "convolution1d": _convolution1d,
    "pool": _pool,
    "global_pool": _global_pool,
    "resize": _resize,
    "activation": _activation,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "batch_norm": _batch_norm,
    "batch_norm_training": _batch_norm_training,
    "squeeze_excite": _squeeze_excite,
    "attention": _attention,
    "tokens_norm": _tokens_norm,
    "lstm": _lstm,
    "convlstm": _convlstm,
    "unit_norm": lambda step, x: layers.UnitNormalization(),
    "rms_norm": lambda step, x: layers.RMSNormalization(),
    "prelu": lambda step, x: layers.PReLU("glorot_uniform", shared_axes=[1, 2]),
    "dense": lambda step, x: layers.Dense(FILTERS),
    "einsum_dense": lambda step, x: layers.EinsumDense(
        "bhwc,cd->bhwd", output_shape=(None, None, FILTERS)
    ),
    "roll_flip": lambda step, x: RollFlip(),
    "patches": lambda step, x: Patches(),
}


class RollFlip(layers.Layer):  # type: ignore[misc]
    def call(self, x: Any) -> Any:
        return ops.concatenate([ops.roll(x, 3, axis=1), ops.flip(x, axis=2)], axis=-1)


class Patches(layers.Layer):  # type: ignore[misc]
    def call(self, x: Any) -> Any:
        return ops.image.extract_patches(x[..., :2], 3, 1, dilation_rate=2, padding="same")


def make_step(step: Step, x: Any) -> Any:
    """The function of a step.

    Args:
        step: Its kind and parameters.
        x: The tensor that it will be called with.
    """
    if step["kind"] in STEPS:
        return STEPS[step["kind"]](step, x)
    return Raw(RAW[step["kind"]], step, x.shape[-1])
