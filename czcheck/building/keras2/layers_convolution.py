"""Convolutions, poolings and enlargements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from czcheck.building.keras2.activations import activated
from czcheck.building.keras2.layer import kind, with_bias

if TYPE_CHECKING:
    from czcheck.building.keras2.layer import Call, Layer


def _rank(layer: Layer) -> int:
    """Dimensions that a layer works along: the number in its name."""
    return int(next(each for each in layer.class_name if each.isdigit()))


def _padding(call: Call, *more: str) -> str:
    return call.layer.arguments.choice("padding", ("valid", "same", *more), "valid")


def _finished(call: Call, x: Any) -> Any:
    """Add the bias, and apply the activation where the channels are."""
    if call.layer.arguments.flag("use_bias", default=True):
        x = call.tf.nn.bias_add(x, call.weight("bias"))
    return activated(call, call.back(x))


@kind(
    "Conv1D", "Conv2D", "Conv3D", "Convolution1D", "Convolution2D", "Convolution3D",
    weights=with_bias("kernel"),
)  # fmt: skip
def convolution(call: Call, x: Any) -> Any:
    """A convolution, dilated, grouped or causal as the file says."""
    tf, arguments = call.tf, call.layer.arguments
    rank = _rank(call.layer)
    kernel = call.weight("kernel")
    sizes = arguments.sizes("kernel_size", rank)
    filters, groups = arguments.whole("filters"), arguments.whole("groups", 1)
    dilations = arguments.sizes("dilation_rate", rank, 1)
    strides = arguments.sizes("strides", rank, 1)
    x = call.last(x)
    shape = tuple(kernel.shape)
    if shape[:-2] != sizes or shape[-1] != filters or shape[-2] * groups != x.shape[-1]:
        raise call.layer.refuse(f"has weights of the shape {shape}, which does not fit")
    padding = _padding(call, *(["causal"] if rank == 1 else []))
    if padding == "causal":
        x = tf.pad(x, [[0, 0], [dilations[0] * (sizes[0] - 1), 0], [0, 0]])
        padding = "valid"
    x = tf.nn.convolution(x, kernel, strides=strides, padding=padding.upper(), dilations=dilations)
    return _finished(call, x)


@kind(
    "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "Deconvolution2D",
    weights=with_bias("kernel"),
)  # fmt: skip
def transposed(call: Call, x: Any) -> Any:
    """A transposed convolution; its size follows from padding, strides and `output_padding`."""
    tf, arguments = call.tf, call.layer.arguments
    rank = _rank(call.layer)
    kernel, x = call.weight("kernel"), call.last(x)
    sizes = arguments.sizes("kernel_size", rank)
    strides = arguments.sizes("strides", rank, 1)
    dilations = arguments.sizes("dilation_rate", rank, 1)
    arguments.only("groups", 1)
    filters, padding = arguments.whole("filters"), _padding(call)
    if tuple(kernel.shape) != (*sizes, filters, x.shape[-1]):
        raise call.layer.refuse(f"has weights of the shape {kernel.shape}, which does not fit")
    more: tuple[int | None, ...] = (None,) * rank
    if arguments.get("output_padding") is not None:
        more = arguments.sizes("output_padding", rank)
    dynamic = tf.shape(x)
    lengths = [
        _transposed_length(
            x.shape[axis + 1] or dynamic[axis + 1],
            (sizes[axis] - 1) * dilations[axis] + 1,
            strides[axis],
            padding,
            more[axis],
        )
        for axis in range(rank)
    ]
    shape = tf.stack([dynamic[0], *lengths, filters])
    if all(each == 1 for each in dilations):
        x = tf.nn.conv_transpose(x, kernel, shape, strides=strides, padding=padding.upper())
    elif rank == 2 and len(set(dilations)) == 1 and strides == (1, 1):
        x = tf.nn.atrous_conv2d_transpose(x, kernel, shape, dilations[0], padding.upper())
    else:
        raise call.layer.refuse(f"is dilated by {dilations} with strides {strides}")
    x.set_shape([None, *(each if isinstance(each, int) else None for each in lengths), filters])
    return _finished(call, x)


def _transposed_length(length: Any, size: int, stride: int, padding: str, more: int | None) -> Any:
    """Length of what a transposed convolution makes, as Keras 2 computes it."""
    if more is None:
        return length * stride + (max(size - stride, 0) if padding == "valid" else 0)
    pad = size // 2 if padding == "same" else 0
    return (length - 1) * stride + size - 2 * pad + more


@kind("DepthwiseConv1D", "DepthwiseConv2D", weights=with_bias("depthwise_kernel"))
def depthwise(call: Call, x: Any) -> Any:
    """A convolution of each channel by itself."""
    x = _depthwise(call, call.last(x))
    if _rank(call.layer) == 1:
        x = call.tf.squeeze(x, [1])
    return _finished(call, x)


@kind(
    "SeparableConv1D", "SeparableConv2D", "SeparableConvolution2D",
    weights=with_bias("depthwise_kernel", "pointwise_kernel"),
)  # fmt: skip
def separable(call: Call, x: Any) -> Any:
    """A convolution of each channel by itself, then one over channels."""
    tf, arguments = call.tf, call.layer.arguments
    x = call.last(x)
    if _rank(call.layer) == 1 and _padding(call, "causal") == "causal":
        (size,), (dilation,) = (
            arguments.sizes("kernel_size", 1),
            arguments.sizes("dilation_rate", 1, 1),
        )
        x = tf.pad(x, [[0, 0], [dilation * (size - 1), 0], [0, 0]])
    x = _depthwise(call, x)
    pointwise = call.weight("pointwise_kernel")
    if pointwise.shape[-1] != arguments.whole("filters"):
        raise call.layer.refuse("has weights that do not fit its filters")
    if _rank(call.layer) == 1:
        pointwise = tf.expand_dims(pointwise, 0)
    x = tf.nn.conv2d(x, pointwise, strides=1, padding="VALID")
    if _rank(call.layer) == 1:
        x = tf.squeeze(x, [1])
    return _finished(call, x)


def _depthwise(call: Call, x: Any) -> Any:
    """The convolution of each channel, of rank 4 also where the layer works along one axis."""
    tf, arguments = call.tf, call.layer.arguments
    rank = _rank(call.layer)
    kernel = call.weight("depthwise_kernel")
    sizes = arguments.sizes("kernel_size", rank)
    if tuple(kernel.shape) != (*sizes, x.shape[-1], arguments.whole("depth_multiplier", 1)):
        raise call.layer.refuse(f"has weights of the shape {kernel.shape}, which does not fit")
    arguments.only("groups", 1)
    if call.layer.class_name.startswith("Depthwise"):
        arguments.get("filters")
    strides = arguments.sizes("strides", rank, 1)
    dilations = arguments.sizes("dilation_rate", rank, 1)
    padding = "valid" if _padding(call, "causal") == "causal" else _padding(call, "causal")
    if rank == 1:
        x, kernel = tf.expand_dims(x, 1), tf.expand_dims(kernel, 0)
        strides, dilations = strides * 2, (1, *dilations)
    return tf.nn.depthwise_conv2d(
        x, kernel, strides=(1, *strides, 1), padding=padding.upper(), dilations=dilations
    )


@kind(
    "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D",
    "AveragePooling3D", "MaxPool1D", "MaxPool2D", "MaxPool3D", "AvgPool1D", "AvgPool2D",
    "AvgPool3D",
)  # fmt: skip
def pooling(call: Call, x: Any) -> Any:
    """The largest value or the mean of a window; padding counts for neither."""
    tf, arguments = call.tf, call.layer.arguments
    rank = _rank(call.layer)
    key = "pool_size"
    if rank == 1 and arguments.get("pool_length") is not None:
        key = "pool_length"
    sizes = arguments.sizes(key, rank, 2)
    strides = sizes
    if arguments.get("strides") is not None:
        strides = arguments.sizes("strides", rank)
    pool = tf.nn.max_pool if call.layer.class_name.startswith("Max") else tf.nn.avg_pool
    return call.back(pool(call.last(x), sizes, strides, _padding(call).upper()))


@kind(
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D",
    "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GlobalAvgPool2D",
    "GlobalMaxPool2D",
)  # fmt: skip
def pooling_of_all(call: Call, x: Any) -> Any:
    """The largest value or the mean of each channel."""
    first = 2 if call.channels_first else 1
    axes = list(range(first, first + _rank(call.layer)))
    keep = call.layer.arguments.flag("keepdims", default=False)
    reduce = call.tf.reduce_max if "Max" in call.layer.class_name else call.tf.reduce_mean
    return reduce(x, axes, keepdims=keep)


@kind("UpSampling1D", "UpSampling2D", "UpSampling3D")
def enlarged(call: Call, x: Any) -> Any:
    """An enlargement by whole factors."""
    arguments = call.layer.arguments
    rank = _rank(call.layer)
    factors = arguments.sizes("length" if arguments.get("length") else "size", rank, 2)
    methods = (*_METHODS, "nearest", "bilinear")
    method = arguments.choice("interpolation", methods if rank == 2 else ("nearest",), "nearest")
    x = call.last(x)
    if rank != 2:
        for axis, factor in enumerate(factors, start=1):
            x = call.tf.repeat(x, factor, axis=axis)
        return call.back(x)
    known = x.shape[1:3]
    size = tuple(known) if known.is_fully_defined() else call.tf.shape(x)[1:3]
    return call.back(_resized(call, x, size * call.tf.constant(factors), method))


_METHODS = ("area", "bicubic", "gaussian", "lanczos3", "lanczos5", "mitchellcubic")


def _resized(call: Call, x: Any, size: Any, method: str) -> Any:
    """An enlargement as the file's Keras computes it.

    Standalone Keras puts a pixel's value at its corner, `tf.keras` at its centre. TensorFlow 1.13
    and 1.14 put it at the corner as well, but leave the argument out of what they write.
    """
    writer = call.layer.writer
    if call.layer.arguments.get("interpolation") is None and writer.version == "2.2.4-tf":
        call.run.notes.add(
            f"{writer.name} in TensorFlow 1.13 and 1.14 does not write how UpSampling2D layers "
            "interpolate: the archive takes the nearest pixel, as that Keras itself does when it "
            "loads the file; if the network was trained with interpolation='bilinear', export a "
            "SavedModel of it instead"
        )
    if method == "bilinear" and writer.standalone:
        return call.tf.compat.v1.image.resize_bilinear(x, size)
    return call.tf.cast(call.tf.image.resize(x, size, method=method), x.dtype)
