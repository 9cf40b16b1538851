"""Networks whose numbers TensorFlow 2.0.0's kernels compute otherwise, or in other dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from kernel_weights import ONES, SIZE, Network, Weights


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
