"""Networks of depthwise convolutions with dilations, which TensorFlow 2.0.0 ignores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from kernel_weights import Network, Weights


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


def halved(x: Any) -> Any:
    """Numbers rounded to half precision, in float32."""
    return tf.cast(tf.cast(x, tf.float16), tf.float32)


def dilated_depthwise_of_half_by_hand(weights: Weights) -> Network:
    square = halved(weights(3, 3, 4, 1))

    def call(x: Any) -> Any:
        x = halved(depthwise(halved(x), square, dilations=[1, 4, 4, 1]))
        x = halved(depthwise(x, square, 3, dilations=[1, 2, 2, 1]))
        return tf.repeat(tf.repeat(x, 3, 1), 3, 2)

    return call
