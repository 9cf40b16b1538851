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
from kernel_depthwise import (
    depthwise,
    dilated_depthwise,
    dilated_depthwise_in_steps,
    dilated_depthwise_of_half,
    dilated_depthwise_of_half_by_hand,
    halved,
)  # fmt: skip
from kernel_values import (
    brain_floats,
    eight_bits,
    halves,
    long_borders,
    many_dimensions,
    narrow_types,
    odd_sizes,
    places_of_equal_values,
    pooled_channels,
    quotients,
    rounded_integers,
    statistics_read,
    steps,
)
from kernel_weights import CHANNELS, FIRST, LAST, ONES, SIZE, Network, Weights


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


def channels_behind_a_reshape(weights: Weights) -> Network:
    """Grouped convolutions of images whose channels no size that is written down tells."""
    one, two, three = weights(3, 3, 2, 8), weights(3, 3, 4, 6), weights(3, 3, 3, 6)

    def reshaped(x: Any, axis: int) -> Any:
        sizes = tf.unstack(tf.shape(x))
        return tf.reshape(x, tf.stack([*sizes[:axis], -1, *sizes[axis + 1 :]]))

    def call(x: Any) -> Any:
        x = tf.nn.relu(grouped_conv(reshaped(x, 3), one))
        x = reshaped(tf.transpose(reshaped(tf.transpose(x, FIRST), 1), LAST), 3)
        x = grouped_conv(x, standardised(two))
        return tf.cond(tf.reduce_mean(x) > 9.0, lambda: x, lambda: grouped_conv(x, three))

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


def dilated_backwards_by_hand(weights: Weights) -> Network:
    one, two = weights(3, 3, 5, 4), weights(3, 2, 4, 5)

    def call(x: Any) -> Any:
        x = backwards(x, standardised(one), 1, 5, dilations=[1, 2, 3, 1])
        x = backwards(halved(x), halved(standardised(two)), 1, 4, dilations=[1, 3, 1, 1])
        return halved(x)

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


NETWORKS: dict[str, Callable[[Weights], Network]] = {
    network.__name__: network
    for network in (
        dilated_depthwise, dilated_depthwise_in_steps, dilated_depthwise_of_half, channels_first,
        pixels_and_channels, channels_first_in_bodies, channels_first_in_frames, volumes_first,
        training_norms, layer_norm_of_keras_2, norm_of_volumes, grouped, channels_behind_a_reshape,
        grouped_in_bodies, grouped_backwards, dilated_backwards, dilated_volumes, grouped_volumes,
        quotients, eight_bits, many_dimensions, odd_sizes, long_borders, brain_floats,
        narrow_types, halves, places_of_equal_values, steps,
        rounded_integers, pooled_channels, statistics_read,
    )
}  # fmt: skip

BY_HAND = {
    "dilated_depthwise_of_half": dilated_depthwise_of_half_by_hand,
    "dilated_backwards": dilated_backwards_by_hand,
    "pixels_and_channels": pixels_and_channels_by_hand,
    "volumes_first": volumes_first_by_hand,
    "grouped_backwards": grouped_backwards_by_hand,
    "grouped_volumes": grouped_volumes_by_hand,
}
"""Networks that today's TensorFlow does not compute on every CPU, written in another way."""

OPEN = (
    "dilated_depthwise", "dilated_depthwise_in_steps", "grouped", "channels_behind_a_reshape",
    "dilated_backwards",
)  # fmt: skip
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
