"""Steps made of TensorFlow's operations, as `Lambda` layers and custom layers have them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers

Step = dict[str, Any]


def random_weights(*shape: int) -> Any:
    """Weights that depend on the shape alone."""
    random = np.random.default_rng(sum(shape))
    inputs = max(4, math.prod(shape[:-1]))
    return random.normal(0, 1 / math.sqrt(inputs), shape).astype(np.float32)


class Raw(layers.Layer):  # type: ignore[misc]
    """A function of tensors as a layer; its kernel (3, 3, channels, channels) is a variable."""

    def __init__(self, function: Callable[..., Any], step: Step, channels: int) -> None:
        super().__init__()
        self.function, self.step = function, step
        self.kernel = self.add_weight(shape=(3, 3, channels, channels), initializer="zeros")
        self.kernel.assign(random_weights(3, 3, channels, channels))

    def call(self, x: Any) -> Any:
        y = self.function(self.step, x, tf.cast(self.kernel.value, x.dtype))
        return y if y.shape.rank == 4 else tf.reshape(y, [1, *x.shape[1:3], -1])


def _weight_standardised(step: Step, x: Any, kernel: Any) -> Any:
    mean, variance = tf.nn.moments(kernel, [0, 1, 2], keepdims=True)
    kernel = (kernel - mean) * tf.math.rsqrt(variance + 1e-5)
    channels = x.shape[-1]
    if channels % 2:
        return tf.nn.conv2d(x, kernel, 1, "SAME")
    return tf.nn.conv2d(x, kernel[:, :, : channels // 2], 1, "SAME", dilations=2)


def _instance_norm(step: Step, x: Any, kernel: Any) -> Any:
    mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3)


def _old_resize(step: Step, x: Any, kernel: Any) -> Any:
    size = [x.shape[1] + 5, x.shape[2] * 2]
    align = step["align"]
    half = step["half"] and not align
    operations = {
        "nearest": tf.raw_ops.ResizeNearestNeighbor,
        "bilinear": tf.raw_ops.ResizeBilinear,
        "bicubic": tf.raw_ops.ResizeBicubic,
    }
    if step["to"] == "area":
        return tf.raw_ops.ResizeArea(images=x, size=size, align_corners=align)
    return operations[step["to"]](images=x, size=size, align_corners=align, half_pixel_centers=half)


def _reduction(step: Step, x: Any, kernel: Any) -> Any:
    name, axis = step["name"], step["axis"]
    if name in {"any", "all"}:
        reduce = tf.reduce_any if name == "any" else tf.reduce_all
        threshold = tf.reduce_mean(x, axis, keepdims=True)
        found = reduce(x > threshold + 1.0, axis, keepdims=True)
        return x + tf.cast(found, x.dtype)
    reduce = {
        "max": tf.reduce_max, "mean": tf.reduce_mean, "min": tf.reduce_min,
        "prod": tf.reduce_prod, "std": tf.math.reduce_std, "sum": tf.reduce_sum,
        "var": tf.math.reduce_variance, "logsumexp": tf.reduce_logsumexp,
    }[name]  # fmt: skip
    found = reduce(tf.tanh(x) * 1.2 if name == "prod" else x, axis, keepdims=True)
    return tf.concat([x, tf.broadcast_to(found, x.shape)], -1)


_POSITIVE = {"log1p", "rsqrt", "sqrt", "lgamma", "digamma", "reciprocal", "xlogy", "pow"}


def _pointwise(step: Step, x: Any, kernel: Any) -> Any:
    name = step["name"]
    if name in _POSITIVE:
        x = tf.abs(x) + 0.3
    other = tf.roll(x, 2, 1)
    two = {
        "xlogy": tf.math.xlogy, "pow": tf.pow, "squared_difference": tf.math.squared_difference,
        "maximum": tf.maximum, "minimum": tf.minimum, "atan2": tf.atan2,
        "div_no_nan": tf.math.divide_no_nan,
    }  # fmt: skip
    if name in two:
        return two[name](x, other + 3.0 if name == "div_no_nan" else other)
    return getattr(tf.math, name)(x * 0.7)


def _pad(step: Step, x: Any, kernel: Any) -> Any:
    by = step["by"]
    y = tf.pad(x, [[0, 0], [by, 1], [0, by], [0, 0]], step["mode"].upper())
    return tf.nn.conv2d(y, kernel, 1, "VALID")


def _einsum(step: Step, x: Any, kernel: Any) -> Any:
    equation = step["equation"]
    if equation == "bhwc,cd->bhwd":
        return tf.einsum(equation, x, kernel[0, 0])
    if equation == "bhwc,bhwd->bcd":
        affinity = tf.nn.softmax(tf.einsum(equation, x, x) / 100.0)
        return tf.einsum("bhwc,bcd->bhwd", x, affinity)
    return tf.einsum(equation, x)


def _conditional(step: Step, x: Any, kernel: Any) -> Any:
    threshold = -1.0 if step["bright"] else 1.0
    return tf.cond(
        tf.reduce_mean(x) > threshold,
        lambda: tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME", dilations=2)),
        lambda: tf.nn.conv2d(x, kernel * 0.5, 1, "SAME") + 0.1,
    )


def _loop(step: Step, x: Any, kernel: Any) -> Any:
    channels = x.shape[-1]
    groups = step["groups"] if channels % step["groups"] == 0 else 1
    kernel = kernel[:, :, : channels // groups]

    def once(count: Any, now: Any) -> Any:
        y = tf.nn.conv2d(now, kernel, 1, "SAME", dilations=step["dilation"])
        return count + 1, tf.tanh(y) + 0.3

    return tf.while_loop(lambda count, _: count < step["count"], once, (0, x))[1]


def _switch(step: Step, x: Any, kernel: Any) -> Any:
    branches = [
        lambda factor=factor: tf.nn.conv2d(x, kernel * factor, 1, "SAME")
        for factor in range(1, step["branches"] + 1)
    ]
    # A largest value is not rounded on the way, as a sum is.
    largest = tf.reduce_max(tf.abs(tf.cast(x, tf.float32)))
    chosen = tf.cast(largest * 1.7, tf.int32) % (step["branches"] + 1)
    return tf.switch_case(chosen, branches)


def _integers(step: Step, x: Any, kernel: Any) -> Any:
    dtype = tf.as_dtype(step["dtype"])
    a = tf.cast(tf.clip_by_value(tf.cast(x, tf.float32) * 20.0 + 50.0, 1.0, 100.0), dtype)
    b = tf.roll(a, 2, 2)
    operation = step["operation"]
    if operation == "compare":
        return tf.where(a < b, x, tf.where(a >= tf.reverse(b, [1]), x * 2.0, -x))
    if operation == "reduce":
        found = tf.reduce_max(a, -1, keepdims=True), tf.reduce_sum(a // 25, 2, keepdims=True)
        return x + tf.cast(found[0] // 9, x.dtype) + tf.cast(found[1], x.dtype)
    if operation == "argmax":
        found = tf.argmax(a, -1, output_type=tf.int32)[..., None]
        return x + tf.cast(found, x.dtype)
    if operation == "bits":
        y = tf.bitwise.bitwise_xor(a, b) + tf.bitwise.left_shift(a // 32, tf.ones_like(a))
        return x + tf.cast(y, x.dtype)
    y = {
        "add": lambda: a + b, "multiply": lambda: (a // 25) * (b // 25),
        "maximum": lambda: tf.maximum(a, b), "floor_divide": lambda: a // b,
    }[operation]()  # fmt: skip
    return x + tf.cast(y, x.dtype)


def _unpool(step: Step, x: Any, kernel: Any) -> Any:
    x = tf.nn.relu(tf.cast(x, tf.float32))[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2]
    found, places = tf.nn.max_pool_with_argmax(x, 2, 2, "VALID")
    flat = tf.scatter_nd(
        tf.reshape(places, [-1, 1]),
        tf.reshape(found, [-1]),
        tf.constant([int(np.prod(x.shape))], tf.int64),
    )
    return tf.reshape(flat, x.shape)


def _integer_mean(step: Step, x: Any, kernel: Any) -> Any:
    bytes_ = tf.cast(tf.clip_by_value(tf.cast(x, tf.float32) * 40 + 90, 0.0, 200.0), tf.uint8)
    return x + tf.cast(tf.reduce_mean(bytes_, [1], keepdims=True), x.dtype)


def _segments(step: Step, x: Any, kernel: Any) -> Any:
    ids = tf.constant(np.arange(x.shape[1]) // 3, tf.int32)
    sums = tf.math.segment_mean(x[0], ids)
    return tf.gather(sums, ids)[None]


def _one_hot(step: Step, x: Any, kernel: Any) -> Any:
    return x + tf.reduce_sum(
        tf.one_hot(tf.argmax(x, 1), x.shape[1], axis=1, dtype=x.dtype), 1, keepdims=False
    )[:, None] * tf.cast(tf.one_hot(tf.argmax(x, -1), x.shape[-1]), x.dtype)


def _quantise(step: Step, x: Any, kernel: Any) -> Any:
    x = tf.cast(x, tf.float32)
    x = tf.quantization.fake_quant_with_min_max_vars(x, -4.0, 4.0, 6)
    # Levels of the second lie nowhere between two of the first, where rounding would decide.
    return tf.quantization.quantize_and_dequantize_v2(x, -2.85, 2.85, num_bits=5, range_given=True)


def _crop_and_resize(step: Step, x: Any, kernel: Any) -> Any:
    return tf.image.crop_and_resize(
        tf.cast(x, tf.float32), [[0.1, 0.2, 0.9, 0.8]], [0], x.shape[1:3]
    )


def _scale_and_translate(step: Step, x: Any, kernel: Any) -> Any:
    return tf.raw_ops.ScaleAndTranslate(
        images=tf.cast(x, tf.float32),
        size=x.shape[1:3],
        scale=[1.3, 0.8],
        translation=[1.0, 2.0],
        kernel_type="triangle",
    )


def _map_fn(step: Step, x: Any, kernel: Any) -> Any:
    return tf.map_fn(lambda row: tf.cumsum(row, 0) / 3.0 + tf.reduce_max(row), x[0])[None]


def _matrix_inverse(step: Step, x: Any, kernel: Any) -> Any:
    flat = tf.reshape(tf.cast(x, tf.float32), [-1, x.shape[-1]])
    covariance = tf.matmul(flat, flat, transpose_a=True) / 100.0 + tf.eye(x.shape[-1])
    return tf.reshape(tf.matmul(flat, tf.linalg.inv(covariance)), x.shape)


def _matmul_diag(step: Step, x: Any, kernel: Any) -> Any:
    return tf.matmul(x, tf.linalg.diag(tf.reduce_max(tf.abs(x), axis=(0, 1, 2))))


def _top_k(step: Step, x: Any, kernel: Any) -> Any:
    values, indices = tf.math.top_k(x, min(3, x.shape[-1]))
    return values + tf.cast(indices, x.dtype)


def _complex_abs(step: Step, x: Any, kernel: Any) -> Any:
    x = tf.cast(x, tf.float32)
    return tf.abs(tf.complex(x, tf.roll(x, 1, 1))) + tf.math.angle(tf.complex(x, x * x + 0.5))


def _fft(step: Step, x: Any, kernel: Any) -> Any:
    planes = tf.transpose(tf.cast(x, tf.float32), [0, 3, 1, 2])
    low = tf.signal.irfft2d(tf.signal.rfft2d(planes) * 0.5, x.shape[1:3])
    return tf.transpose(low, [0, 2, 3, 1]) + tf.cast(x, tf.float32)[..., :1]


def _dilation2d(step: Step, x: Any, kernel: Any) -> Any:
    return tf.nn.dilation2d(x, kernel[..., 0], [1] * 4, "SAME", "NHWC", [1, 2, 2, 1])


def _space_to_depth(step: Step, x: Any, kernel: Any) -> Any:
    x = x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2]
    y = tf.nn.space_to_depth(x, 2)
    return tf.nn.depth_to_space(y * tf.cast(tf.range(1, y.shape[-1] + 1), y.dtype), 2)


def _norm_axis(step: Step, x: Any, kernel: Any) -> Any:
    return x / (tf.norm(x, axis=-1, keepdims=True) + tf.norm(x, ord=1, axis=1, keepdims=True))


def _standardise(step: Step, x: Any, kernel: Any) -> Any:
    return tf.image.per_image_standardization(tf.cast(x, tf.float32))


def _cross_entropy(step: Step, x: Any, kernel: Any) -> Any:
    found = tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(-x), x)
    return x + found[..., None]


RAW: dict[str, Callable[[Step, Any, Any], Any]] = {
    "weight_standardised": _weight_standardised,
    "instance_norm": _instance_norm,
    "old_resize": _old_resize,
    "reduction": _reduction,
    "pointwise": _pointwise,
    "pad": _pad,
    "einsum": _einsum,
    "conditional": _conditional,
    "loop": _loop,
    "switch": _switch,
    "integers": _integers,
    "unpool": _unpool,
    "integer_mean": _integer_mean,
    "segments": _segments,
    "one_hot": _one_hot,
    "quantise": _quantise,
    "crop_and_resize": _crop_and_resize,
    "scale_and_translate": _scale_and_translate,
    "map_fn": _map_fn,
    "matrix_inverse": _matrix_inverse,
    "matmul_diag": _matmul_diag,
    "top_k": _top_k,
    "complex_abs": _complex_abs,
    "fft": _fft,
    "dilation2d": _dilation2d,
    "space_to_depth": _space_to_depth,
    "norm_axis": _norm_axis,
    "standardise": _standardise,
    "cross_entropy": _cross_entropy,
    "bias": lambda step, x, kernel: tf.nn.bias_add(x, kernel[0, 0, 0]),
    "shuffle": lambda step, x, kernel: tf.concat([x[..., 1::2], x[..., ::2]], -1),
    "argmax_mask": lambda step, x, kernel: (
        x * tf.cast(tf.argmax(x, 2)[:, :, None] % 3, x.dtype) + tf.cast(x > 0.5, x.dtype)
    ),
    "sort": lambda step, x, kernel: tf.sort(x, -1, "DESCENDING") + x,
    "cumsum": lambda step, x, kernel: tf.cumsum(x, 1, exclusive=True, reverse=True),
    "euclidean": lambda step, x, kernel: x / tf.math.reduce_euclidean_norm(x, -1, keepdims=True),
    "truncated_division": lambda step, x, kernel: tf.truncatediv(x * 9.0, x * x + 0.5),
    "floor_modulo": lambda step, x, kernel: tf.math.floormod(x * 5.0, 1.7) + x // 0.4,
    "integer_round": lambda step, x, kernel: (
        tf.round(x * 3.0) + tf.cast(tf.cast(x * 9.0, tf.int32) // 2, x.dtype)
    ),
    "half": lambda step, x, kernel: tf.nn.conv2d(
        tf.cast(x, tf.float16), tf.cast(kernel, tf.float16), 1, "SAME"
    ),
    "bfloat16": lambda step, x, kernel: tf.nn.relu(
        tf.cast(x, tf.bfloat16) * tf.cast(kernel[0, 0, 0], tf.bfloat16)
    ),
    "local_response": lambda step, x, kernel: tf.nn.local_response_normalization(x, 2, 1.0, 0.5),
    "gather": lambda step, x, kernel: tf.gather(x, list(range(x.shape[2]))[::-1], axis=2),
    "strided_slice": lambda step, x, kernel: tf.concat([x[:, ::-1, 1:], x[:, :, :-1]], -1),
    "reverse": lambda step, x, kernel: tf.reverse_sequence(x, [5], 1, 0) + x,
    "where": lambda step, x, kernel: tf.where(x > 0, x, 0.1 * x),
    "clip": lambda step, x, kernel: tf.clip_by_value(x, -0.7, 0.9),
    "depth_wise_mean": lambda step, x, kernel: tf.nn.depthwise_conv2d(
        x, kernel[..., :1], [1, 1, 1, 1], "SAME", dilations=[2, 2]
    ),
    "histogram": lambda step, x, kernel: (
        x
        + tf.cast(
            tf.histogram_fixed_width(tf.cast(x, tf.float32), [-2.0, 2.0], x.shape[-1]), x.dtype
        )
        / 100.0
    ),
}
