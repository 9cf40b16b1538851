"""Writes SavedModels around operations that TensorFlow 2.0.0's kernels refuse or compute otherwise.

A script of its own: `python kernel_networks.py FOLDER` writes `FOLDER/<name>/` and
`FOLDER/<name>.npz` (`tile`, `answer`). The answer is the source's own in today's TensorFlow,
without its optimisers, unless today's has no kernel for it either: then the same is computed in
another way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

SIZE = 24
CHANNELS = 4
ONES = [1, 1, 1, 1]
FIRST, LAST = (0, 3, 1, 2), (0, 2, 3, 1)

Network = Callable[[Any], Any]


class Weights:
    """Makes filters: variables, which the build has to freeze, or arrays."""

    def __init__(self, seed: int, *, frozen: bool = False) -> None:
        self.random = np.random.default_rng(seed)
        self.frozen = frozen
        self.made: list[Any] = []

    def __call__(self, *shape: int) -> Any:
        value = self.random.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape).astype(np.float32)
        if self.frozen:
            return value
        self.made.append(tf.Variable(value))
        return self.made[-1]


def depthwise(x: Any, filters: Any, step: int = 1, padding: str = "SAME", **options: Any) -> Any:
    return tf.raw_ops.DepthwiseConv2dNative(
        input=x, filter=filters, strides=[1, step, step, 1], padding=padding, **options
    )


def dilated_depthwise(weights: Weights) -> Network:
    square, wide, double = weights(3, 3, 4, 1), weights(5, 3, 4, 1), weights(3, 3, 4, 2)

    def call(x: Any) -> Any:
        x = depthwise(x, square, dilations=[1, 2, 2, 1])
        x = tf.nn.relu(depthwise(x, wide, dilations=[1, 1, 3, 1]))
        x = depthwise(x, double, padding="VALID", dilations=[1, 5, 2, 1])
        return tf.pad(x, [[0, 0], [5, 5], [2, 2], [0, 0]])

    return call


def dilated_depthwise_in_steps(weights: Weights) -> Network:
    square = weights(3, 3, 4, 1)

    def call(x: Any) -> Any:
        small = depthwise(x, square, 2, dilations=[1, 2, 2, 1])
        large = tf.raw_ops.ResizeNearestNeighbor(images=small, size=tf.shape(x)[1:3])
        border = [0, 0, 4, 2, 3, 3, 0, 0]
        far = [1, 3, 3, 1]
        return large + depthwise(
            x, square, padding="EXPLICIT", dilations=far, explicit_paddings=border
        )

    return call


def dilated_depthwise_of_half(weights: Weights) -> Network:
    square = weights(3, 3, 4, 1)

    def call(x: Any) -> Any:
        x, half = tf.cast(x, tf.float16), tf.cast(square, tf.float16)
        x = depthwise(x, half, dilations=[1, 4, 4, 1])
        return tf.cast(depthwise(x, half, 3, dilations=[1, 2, 2, 1]), tf.float32)

    def whole(x: Any) -> Any:
        return tf.repeat(tf.repeat(call(x), 3, 1), 3, 2)

    return whole


def norm(x: Any, data_format: str, training: bool, given: int = 0, **options: Any) -> Any:
    channels = x.shape[1] if data_format.startswith("NC") else x.shape[-1]
    factor = np.linspace(0.5, 1.5, channels, dtype=np.float32)
    empty = np.zeros(0, np.float32)
    return tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=factor,
        offset=factor[::-1] / 4,
        mean=factor / 3 if given else empty,
        variance=factor if given else empty,
        data_format=data_format,
        is_training=training,
        **options,
    ).y


def channels_first(weights: Weights) -> Network:
    down, deep, up, end = (weights(3, 3, *n) for n in ((4, 8), (8, 6), (5, 6), (9, 3)))
    bias = np.linspace(-1, 1, 6, dtype=np.float32)
    scale = np.linspace(0.5, 2, 5, dtype=np.float32).reshape(1, 5, 1, 1)

    def conv(x: Any, filters: Any, strides: Any, **options: Any) -> Any:
        return tf.raw_ops.Conv2D(
            input=x, filter=filters, strides=strides, data_format="NCHW", **options
        )

    def call(image: Any) -> Any:
        tile = tf.transpose(image, FIRST)
        border = {"padding": "EXPLICIT", "explicit_paddings": [0, 0, 0, 0, 1, 0, 0, 1]}
        x = norm(conv(tile, down, [1, 1, 2, 2], **border), "NCHW", False, 1)
        x = conv(tf.nn.leaky_relu(x), deep, ONES, padding="SAME", dilations=[1, 1, 2, 1])
        x = tf.raw_ops.BiasAdd(value=x, bias=bias, data_format="NCHW")
        pool = {"ksize": [1, 1, 3, 2], "strides": ONES, "padding": "SAME", "data_format": "NCHW"}
        x = tf.raw_ops.MaxPool(input=x, **pool) - tf.raw_ops.AvgPool(value=x, **pool)
        x = tf.raw_ops.MaxPool(input=x, **pool) * tf.nn.sigmoid(
            tf.reduce_mean(x, [2, 3], keepdims=True)
        )
        shape = tf.shape(tile)
        x = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.stack([shape[0], 5, shape[2], shape[3]]),
            filter=up,
            out_backprop=x,
            strides=[1, 1, 2, 2],
            padding="SAME",
            data_format="NCHW",
        )
        x = tf.concat([tf.nn.elu(x) * scale + 0.5, tile], 1)
        x = tf.pad(x, [[0, 0], [0, 0], [1, 1], [2, 0]], constant_values=1.0)
        x = conv(x, end, ONES, padding="VALID")[:, :, :, 0:]
        x = tf.transpose(tf.pad(x, [[0, 0], [0, 0], [0, 0], [0, 0]]), LAST)
        return x + tf.reduce_max(tf.transpose(x, FIRST), (2, 3))[:, tf.newaxis, tf.newaxis]

    return call


def pixels_and_channels(weights: Weights) -> Network:
    one = weights(3, 3, 16, 16)

    def call(image: Any) -> Any:
        x = tf.transpose(image, FIRST)
        x = tf.raw_ops.SpaceToDepth(input=x, block_size=2, data_format="NCHW")
        x = tf.nn.relu(tf.nn.conv2d(x, one, 1, "SAME", "NCHW"))
        window = {"ksize": [1, 1, 3, 2], "strides": ONES, "padding": "SAME"}
        x = tf.raw_ops.MaxPoolV2(input=x, data_format="NCHW", **window)
        x = tf.raw_ops.DepthToSpace(input=x, block_size=2, data_format="NCHW")
        return tf.transpose(x, LAST)

    return call


def pixels_and_channels_by_hand(weights: Weights) -> Network:
    one = weights(3, 3, 16, 16)

    def call(image: Any) -> Any:
        x = tf.nn.relu(tf.nn.conv2d(tf.nn.space_to_depth(image, 2), one, 1, "SAME"))
        return tf.nn.depth_to_space(tf.nn.max_pool2d(x, (3, 2), 1, "SAME"), 2)

    return call


def channels_first_in_bodies(weights: Weights) -> Network:
    one, two = weights(3, 3, 4, 4), weights(3, 3, 4, 4)

    def conv(x: Any, filters: Any) -> Any:
        return tf.nn.conv2d(x, filters, 1, "SAME", "NCHW")

    def call(image: Any) -> Any:
        x = tf.transpose(image, FIRST)
        bright = tf.reduce_mean(x) > 0.2
        x = tf.cond(bright, lambda: tf.nn.relu(conv(x, one)), lambda: norm(x, "NCHW", False, 1))

        def step(count: Any, now: Any) -> Any:
            return count + 1, tf.tanh(conv(now, two) + now)

        x = tf.while_loop(lambda count, _: count < 3, step, (0, x))[1]
        return tf.transpose(x, LAST)

    return call


def channels_first_in_frames(weights: Weights) -> Network:
    """The same in control flow of TensorFlow 1, with groups and dilations in its loop."""
    one, two, three = weights(3, 3, 4, 4), weights(3, 3, 2, 4), weights(3, 3, 4, 1)

    def call(image: Any) -> Any:
        x = norm(tf.transpose(image, FIRST), "NCHW", False, 1)
        filters = [tf.constant(value) for value in (one, two, three)]

        def step(count: Any, now: Any) -> Any:
            now = tf.tanh(tf.nn.conv2d(now, filters[0], 1, "SAME", "NCHW") + now)
            last = tf.nn.relu(grouped_conv(tf.transpose(now, LAST), filters[1]))
            last = depthwise(last, filters[2], dilations=[1, 2, 2, 1])
            return count + 1, tf.transpose(last, FIRST) + now

        x = tf.while_loop(lambda count, _: count < 3, step, (0, x))[1]
        pool = {"ksize": [1, 1, 2, 2], "strides": ONES, "padding": "SAME", "data_format": "NCHW"}
        bright = tf.reduce_mean(image) > 0.2
        x = tf.cond(bright, lambda: tf.raw_ops.AvgPool(value=x, **pool), lambda: x)
        return tf.transpose(x, LAST)

    return call


def volumes_first(weights: Weights) -> Network:
    one, up = weights(3, 3, 3, 1, 4), weights(2, 2, 2, 3, 4)

    def call(image: Any) -> Any:
        x = tf.transpose(image, FIRST)[:, tf.newaxis]  # channels become the depth
        first = {"data_format": "NCDHW"}
        x = tf.raw_ops.Conv3D(input=x, filter=one, strides=[1] * 5, padding="SAME", **first)
        pool = {"ksize": [1, 1, 2, 2, 2], "strides": [1, 1, 2, 2, 2], "padding": "SAME", **first}
        x = tf.raw_ops.MaxPool3D(input=x, **pool) + tf.raw_ops.AvgPool3D(input=x, **pool)
        x = norm(tf.nn.bias_add(x, np.arange(4, dtype=np.float32) / 4, "NCHW"), "NCDHW", False, 1)
        x = tf.raw_ops.Conv3DBackpropInputV2(
            input_sizes=[1, 3, 4, SIZE, SIZE],
            filter=up,
            out_backprop=x,
            strides=[1, 1, 2, 2, 2],
            padding="SAME",
            **first,
        )
        return tf.transpose(tf.reduce_mean(x, 1), LAST)

    return call


def volumes_first_by_hand(weights: Weights) -> Network:
    """The same with channels last, since today's TensorFlow does not run all of it on the CPU."""
    one, up = weights(3, 3, 3, 1, 4), weights(2, 2, 2, 3, 4)

    def call(image: Any) -> Any:
        x = tf.transpose(image, FIRST)[..., tf.newaxis]
        x = tf.nn.conv3d(x, one, [1] * 5, "SAME")
        x = tf.nn.max_pool3d(x, 2, 2, "SAME") + tf.nn.avg_pool3d(x, 2, 2, "SAME")
        x = x + np.arange(4, dtype=np.float32) / 4
        factor = np.linspace(0.5, 1.5, 4, dtype=np.float32)
        x = (x - factor / 3) / np.sqrt(factor + 1e-4) * factor + factor[::-1] / 4
        x = tf.nn.conv3d_transpose(x, up, [1, 4, SIZE, SIZE, 3], 2, "SAME")
        return tf.transpose(tf.reduce_mean(x, -1), LAST)

    return call


def training_norms(weights: Weights) -> Network:
    def call(image: Any) -> Any:
        x = norm(image, "NHWC", True)
        x = norm(x, "NHWC", True, 1, exponential_avg_factor=0.5, epsilon=0.1)
        x = tf.transpose(norm(tf.transpose(x, FIRST), "NCHW", True, epsilon=1e-3), LAST)
        half = tf.cast(tf.transpose(x, FIRST), tf.float16)
        return tf.transpose(tf.cast(norm(half, "NCHW", True), tf.float32), LAST)

    return call


def layer_norm_of_keras_2(weights: Weights) -> Network:
    """Each token is a channel: its scale and offset are made in the graph."""

    def call(image: Any) -> Any:
        shape = tf.shape(image)
        tokens = tf.reshape(image, [1, -1, shape[3], 1])
        count = tf.fill([tf.shape(tokens)[1]], 1.0)
        x = tf.raw_ops.FusedBatchNormV3(
            x=tokens,
            scale=count,
            offset=tf.zeros_like(count),
            mean=np.zeros(0, np.float32),
            variance=np.zeros(0, np.float32),
            data_format="NCHW",
            is_training=True,
            epsilon=1e-3,
        ).y
        return tf.reshape(x, shape) * np.linspace(0.5, 1, CHANNELS, dtype=np.float32) + 0.1

    return call


def norm_of_volumes(weights: Weights) -> Network:
    def call(image: Any) -> Any:
        x = norm(tf.reshape(image, [1, 4, 6, SIZE, CHANNELS]), "NDHWC", False, 1)
        x = norm(x, "NDHWC", True)
        return tf.reshape(x, tf.shape(image))

    return call


def standardised(filters: Any) -> Any:
    """Weight standardisation: a filter that is computed."""
    axes = list(range(len(filters.shape) - 1))
    mean = tf.reduce_mean(filters, axes, keepdims=True)
    return (filters - mean) / (tf.math.reduce_std(filters, axes, keepdims=True) + 1e-3) / 4


def grouped_conv(x: Any, filters: Any) -> Any:
    return tf.raw_ops.Conv2D(input=x, filter=filters, strides=ONES, padding="SAME")


def grouped(weights: Weights) -> Network:
    one, two = weights(3, 3, 2, 8), weights(3, 3, 2, 8)

    def call(x: Any) -> Any:
        x = grouped_conv(x, standardised(one))
        half = grouped_conv(tf.cast(x, tf.float16), tf.cast(two, tf.float16))
        return tf.cast(half, tf.float32)

    return call


def grouped_in_bodies(weights: Weights) -> Network:
    one, two, three = weights(3, 3, 1, 4), weights(5, 5, 2, 4), weights(3, 3, 2, 4)

    def call(x: Any) -> Any:
        x = tf.cond(
            tf.reduce_mean(x) > 0.9,
            lambda: grouped_conv(x, one),
            lambda: grouped_conv(x, standardised(two)),
        )

        def step(count: Any, now: Any) -> Any:
            return count + 1, tf.tanh(grouped_conv(now, three) + now)

        return tf.while_loop(lambda count, _: count < 2, step, (0, x))[1]

    return call


def backwards(x: Any, filters: Any, step: int, channels: int, **options: Any) -> Any:
    shape = tf.shape(x)
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.stack([shape[0], step * shape[1], step * shape[2], channels]),
        filter=filters,
        out_backprop=x,
        strides=[1, step, step, 1],
        padding="SAME",
        **options,
    )


def grouped_backwards(weights: Weights) -> Network:
    one, two = weights(3, 3, 3, 4), weights(2, 2, 2, 6)

    def call(x: Any) -> Any:
        x = backwards(x, one, 1, 6)
        return backwards(x, standardised(two), 2, 4)[:, ::2, ::2]

    return call


def grouped_backwards_by_hand(weights: Weights) -> Network:
    one, two = weights(3, 3, 3, 4), weights(2, 2, 2, 6)

    def apart(x: Any, filters: Any, step: int, channels: int) -> Any:
        pairs = zip(tf.split(x, 2, 3), tf.split(filters, 2, 3), strict=True)
        return tf.concat([backwards(*pair, step, channels // 2) for pair in pairs], 3)

    def call(x: Any) -> Any:
        x = apart(x, one, 1, 6)
        return apart(x, standardised(two), 2, 4)[:, ::2, ::2]

    return call


def dilated_backwards(weights: Weights) -> Network:
    one, two = weights(3, 3, 5, 4), weights(3, 2, 4, 5)

    def call(x: Any) -> Any:
        x = backwards(x, standardised(one), 1, 5, dilations=[1, 2, 3, 1])
        half = tf.cast(standardised(two), tf.float16)
        x = backwards(tf.cast(x, tf.float16), half, 1, 4, dilations=[1, 3, 1, 1])
        return tf.cast(x, tf.float32)

    return call


def dilated_volumes(weights: Weights) -> Network:
    one, two = weights(3, 3, 3, 1, 4), weights(2, 3, 2, 2, 4)

    def call(image: Any) -> Any:
        x = tf.transpose(image, FIRST)[..., tf.newaxis]
        x = tf.raw_ops.Conv3D(
            input=x, filter=one, strides=[1] * 5, padding="SAME", dilations=[1, 1, 2, 3, 1]
        )
        x = tf.raw_ops.Conv3D(
            input=x, filter=standardised(two)[..., 0:1, :] + tf.zeros([1, 1, 1, 4, 1]),
            strides=[1] * 5, padding="SAME", dilations=[1, 2, 2, 1, 1],
        )  # fmt: skip
        return tf.transpose(tf.reduce_sum(x, -1), LAST)

    return call


def grouped_volumes(weights: Weights) -> Network:
    one = weights(3, 3, 3, 2, 4)

    def call(image: Any) -> Any:
        x = tf.transpose(tf.stack([image, image**2, 1 - image, image / 2], -1), (0, 3, 1, 2, 4))
        x = tf.raw_ops.Conv3D(input=x, filter=one, strides=[1] * 5, padding="SAME")
        return tf.transpose(tf.reduce_sum(x * [1.0, 2.0, 3.0, 4.0], -1), LAST)

    return call


def grouped_volumes_by_hand(weights: Weights) -> Network:
    one = weights(3, 3, 3, 2, 4)

    def call(image: Any) -> Any:
        x = tf.transpose(tf.stack([image, image**2, 1 - image, image / 2], -1), (0, 3, 1, 2, 4))
        pairs = zip(tf.split(x, 2, 4), tf.split(one, 2, 4), strict=True)
        x = tf.concat([tf.nn.conv3d(*pair, [1] * 5, "SAME") for pair in pairs], 4)
        return tf.transpose(tf.reduce_sum(x * [1.0, 2.0, 3.0, 4.0], -1), LAST)

    return call


def quotients(weights: Weights) -> Network:
    def call(x: Any) -> Any:
        signed = 8 * (x - 0.5)
        halves, one = tf.cast(signed, tf.float16), signed[..., :1]
        return tf.concat(
            [
                tf.raw_ops.TruncateDiv(x=signed, y=0.7 + 0 * x),
                tf.cast(tf.raw_ops.TruncateDiv(x=halves, y=tf.cast(0.7, tf.float16)), tf.float32),
                tf.raw_ops.EuclideanNorm(input=signed, axis=np.zeros(0, np.int32)),
                tf.raw_ops.EuclideanNorm(input=one, axis=3, keep_dims=True),
                tf.raw_ops.EuclideanNorm(input=one[..., tf.newaxis], axis=[3, -1])[..., tf.newaxis],
                tf.quantization.quantize_and_dequantize_v2(x, 0.0, 1.0, num_bits=4),
            ],
            3,
        )

    return call


def eight_bits(weights: Weights) -> Network:
    def call(x: Any) -> Any:
        small = tf.cast(255 * x, tf.uint8)
        signed = tf.cast(100 * (x - 0.5), tf.int8)
        parts = [
            tf.reduce_mean(small, 3, keepdims=True) + small,
            tf.raw_ops.Maximum(x=small, y=tf.cast(100, tf.uint8)) // 3,
            tf.raw_ops.Square(x=tf.cast(8 * x, tf.uint8)) + tf.cast(1, tf.uint8),
        ]
        mean = tf.reduce_mean(signed, (1, 2), keepdims=True) + signed
        return tf.concat([tf.cast(part, tf.float32) for part in (*parts, mean)], 3) / 50

    return call


def many_dimensions(weights: Weights) -> Network:
    def call(x: Any) -> Any:
        high = tf.reshape(x, [1, 4, 6, 4, 6, 2, 2])
        where = tf.argmax(high, 2) + tf.argmin(high, 2)
        last = tf.cast(tf.argmax(high, -1, tf.int32), tf.float32)[..., tf.newaxis]
        high = tf.nn.bias_add(high + last, [0.5, -0.5])
        high = high + tf.cast(where, tf.float32)[:, :, tf.newaxis]
        return tf.reshape(high, tf.shape(x))

    return call


def odd_sizes(weights: Weights) -> Network:
    one = weights(3, 3, 4, 4)

    def call(x: Any) -> Any:
        up = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(x)[1:3], filter=one, out_backprop=x, strides=ONES, padding="SAME"
        )
        rows = tf.reduce_mean(x, 1, keepdims=True)[:, :, ::2]
        dot = tf.reduce_mean(rows, 2, keepdims=True)
        area = {"size": tf.shape(x)[1:3], "align_corners": True}
        rows, dot = (tf.raw_ops.ResizeArea(images=each, **area) for each in (rows, dot))
        return up + rows + dot

    return call


def long_borders(weights: Weights) -> Network:
    """Borders in int64, as numpy makes them, and the largest values in no order."""
    one = weights(3, 3, 4, 4)

    def call(x: Any) -> Any:
        x = tf.pad(x, np.array([[0, 0], [1, 2], [0, 1], [0, 0]]))
        x = tf.nn.relu(tf.nn.conv2d(x, one, 1, "SAME"))
        rows = tf.cast(tf.shape(x)[1] // 12, tf.int64)
        x = tf.pad(x, [[0, 0], [rows, 0], [0, 0], [0, 0]], constant_values=0.5)
        largest = tf.math.top_k(x, 2, sorted=False).values
        return tf.concat([x, tf.reduce_sum(largest, 3, keepdims=True)], 3)[:, 5:, 1:]

    return call


def rounded_integers(weights: Weights) -> Network:
    return lambda x: x + tf.cast(tf.raw_ops.Round(x=tf.cast(9 * x, tf.int32)), tf.float32)


def pooled_channels(weights: Weights) -> Network:
    pool = {"ksize": [1, 1, 1, 2], "strides": [1, 1, 1, 2], "padding": "VALID"}
    return lambda x: tf.raw_ops.AvgPool(value=x, **pool)


def statistics_read(weights: Weights) -> Network:
    def call(x: Any) -> Any:
        factor, empty = np.ones(SIZE, np.float32), np.zeros(0, np.float32)
        whole = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=factor, offset=factor, mean=empty, variance=empty, data_format="NCHW"
        )
        return whole.y + tf.reduce_sum(whole.batch_mean)

    return call


def brain_floats(weights: Weights) -> Network:
    one = weights(4, 6)

    def call(x: Any) -> Any:
        small = tf.cast(8 * x, tf.bfloat16)
        ratio = small / tf.cast(3.0, tf.bfloat16)
        joined = tf.einsum("bhwc,cd->bhwd", ratio, tf.cast(one, tf.bfloat16))
        steps = tf.range(tf.cast(0, tf.bfloat16), tf.cast(6, tf.bfloat16), tf.cast(1, tf.bfloat16))
        chosen = tf.where(joined <= steps / tf.cast(4, tf.bfloat16), joined, steps)
        large = tf.raw_ops.ResizeBilinear(images=chosen[:, ::2, ::2], size=tf.shape(x)[1:3])
        return large + tf.cast(tf.nn.softplus(chosen), tf.float32)

    return call


def narrow_types(weights: Weights) -> Network:
    one = np.arange(-18, 18, dtype=np.int32).reshape(3, 3, 4, 1)

    def call(x: Any) -> Any:
        wide = tf.cast(60000 * x, tf.uint16)
        whole = tf.cast(100 * x, tf.int32)
        places = tf.raw_ops.MaxPoolWithArgmax(
            input=x, ksize=[1, 2, 2, 1], strides=ONES, padding="SAME", Targmax=tf.int32
        ).argmax
        parts = [
            tf.argmax(x, 3, tf.int16)[..., tf.newaxis],
            tf.argmax(wide, 3, tf.uint16)[..., tf.newaxis],
            wide[..., :1] > wide[..., 1:2],
            (wide + wide // tf.cast(2, tf.uint16)) // tf.cast(5000, tf.uint16),
            tf.raw_ops.Conv2D(input=whole, filter=one, strides=ONES, padding="SAME") // 500,
            tf.einsum("bhwc,c->bhw", whole, tf.range(4))[..., tf.newaxis] // 100,
            places % 7,
        ]
        return tf.concat([tf.cast(part, tf.float32) for part in parts], 3)

    return call


def halves(weights: Weights) -> Network:
    one = weights(4, 6)

    def call(x: Any) -> Any:
        half = tf.cast(x, tf.float16)
        x = tf.einsum("bhwc,cd->bhwd", half, tf.cast(one, tf.float16))
        return tf.cast(x, tf.float32)

    return call


def places_of_equal_values(weights: Weights) -> Network:
    def call(x: Any) -> Any:
        # Zeros behind the Relu are equal, and the first of them is the largest.
        pooled, places = tf.nn.max_pool_with_argmax(tf.nn.relu(x - 0.7), 2, 2, "SAME")
        whole = pooled + tf.cast(places % 97, tf.float32)
        return tf.repeat(tf.repeat(whole, 2, 1), 2, 2)

    return call


def steps(weights: Weights) -> Network:
    def level(x: Any) -> Any:
        # Numbers for which n * (1 / n) is less than one.
        return tf.floor(tf.round(255 * x) / np.array([41, 47, 55, 61], np.float32))

    def call(x: Any) -> Any:
        whole = tf.cast(tf.round(255 * x), tf.int32)
        grays = tf.round(255 * x)
        return tf.concat(
            [
                tf.while_loop(lambda n, _: n < 2, lambda n, y: (n + 1, level(y) / 6), (0, x))[1],
                tf.cond(tf.reduce_mean(x) > 0, lambda: level(x), lambda: x),
                tf.cast(tf.cast(grays / 82, tf.int32), tf.float32),
                tf.cast(tf.nn.relu(grays / 41) >= 1, tf.float32),
                tf.cast(tf.floor(whole / 49), tf.float32),
                tf.floor(grays / (tf.constant(20.5) * 2)),
            ],
            3,
        )

    return call


NETWORKS: dict[str, Callable[[Weights], Network]] = {
    network.__name__: network
    for network in (
        dilated_depthwise, dilated_depthwise_in_steps, dilated_depthwise_of_half, channels_first,
        pixels_and_channels, channels_first_in_bodies, channels_first_in_frames, volumes_first,
        training_norms, layer_norm_of_keras_2, norm_of_volumes, grouped, grouped_in_bodies,
        grouped_backwards, dilated_backwards, dilated_volumes, grouped_volumes, quotients,
        eight_bits, many_dimensions, odd_sizes, long_borders, brain_floats, narrow_types, halves,
        places_of_equal_values, steps, rounded_integers, pooled_channels, statistics_read,
    )
}  # fmt: skip

BY_HAND = {
    "pixels_and_channels": pixels_and_channels_by_hand,
    "volumes_first": volumes_first_by_hand,
    "grouped_backwards": grouped_backwards_by_hand,
    "grouped_volumes": grouped_volumes_by_hand,
}
"""Networks that today's TensorFlow does not compute on every CPU, written in another way."""

OPEN = ("dilated_depthwise", "dilated_depthwise_in_steps", "grouped", "dilated_backwards")
"""Networks whose input has open sides."""

FRAMED = ("channels_first_in_frames",)
"""Networks with control flow of TensorFlow 1."""


def write_in_frames(folder: Path, network: Network, tile: Any) -> Any:
    """Write a network with control flow of TensorFlow 1; returns its answer."""
    tf.compat.v1.disable_control_flow_v2()
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        image = tf.compat.v1.placeholder(tf.float32, (1, SIZE, SIZE, CHANNELS))
        end = network(image)
        tf.compat.v1.saved_model.simple_save(session, str(folder), {"image": image}, {"end": end})
        answer = session.run(end, {image: tile})
    tf.compat.v1.enable_control_flow_v2()
    return answer


def write(folder: Path, name: str, seed: int, tile: Any) -> Any:
    """Write a network; returns its answer."""
    if name in FRAMED:
        return write_in_frames(folder, NETWORKS[name](Weights(seed, frozen=True)), tile)
    module, weights = tf.Module(), Weights(seed)
    side = None if name in OPEN else SIZE
    signed = tf.TensorSpec((1, side, side, CHANNELS), tf.float32)
    module.call = tf.function(NETWORKS[name](weights), input_signature=[signed])
    module.weights = weights.made
    tf.saved_model.save(module, str(folder), signatures=module.call)
    computed = BY_HAND[name](Weights(seed)) if name in BY_HAND else module.call
    return computed(tile).numpy()


def main(folder: Path) -> None:
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    for seed, name in enumerate(NETWORKS):
        tile = np.random.default_rng(seed).random((1, SIZE, SIZE, CHANNELS), np.float32)
        np.savez(folder / f"{name}.npz", tile=tile, answer=write(folder / name, name, seed, tile))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
