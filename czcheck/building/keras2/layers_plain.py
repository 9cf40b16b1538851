"""Layers that compute each value by itself, merge tensors, move values, or weigh an axis."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from czcheck.building.keras2.activations import activated, exponential_linear, rectified
from czcheck.building.keras2.layer import kind, trained, with_bias

if TYPE_CHECKING:
    from czcheck.building.keras2.layer import Call, Layer


@kind("Activation")
def activation(call: Call, x: Any) -> Any:
    """An activation as a layer."""
    return activated(call, x)


@kind("ReLU")
def relu(call: Call, x: Any) -> Any:
    """Rectified, with slope, cut and threshold."""
    arguments = call.layer.arguments
    most = None if arguments.get("max_value") is None else arguments.number("max_value", 0)
    slope = 0.0
    if arguments.get("negative_slope") is not None:
        slope = arguments.number("negative_slope", 0)
    threshold = 0.0 if arguments.get("threshold") is None else arguments.number("threshold", 0)
    return rectified(call.tf, x, slope, most, threshold)


@kind("LeakyReLU")
def leaky(call: Call, x: Any) -> Any:
    """Rectified, with a slope; 0.3 in Keras 1 and 2."""
    return rectified(call.tf, x, call.layer.arguments.number("alpha", 0.3), None, 0)


@kind("ELU")
def elu(call: Call, x: Any) -> Any:
    """An exponential linear unit."""
    return exponential_linear(call.tf, x, call.layer.arguments.number("alpha", 1))


@kind("ThresholdedReLU")
def thresholded(call: Call, x: Any) -> Any:
    """The identity above a threshold, else 0."""
    return x * call.tf.cast(x > call.layer.arguments.number("theta", 1), x.dtype)


@kind("PReLU", weights=trained("alpha"))
def parametric(call: Call, x: Any) -> Any:
    """Rectified, with a slope for each place or each channel."""
    call.layer.arguments.get("shared_axes")  # the shape of the weights has it
    tf = call.tf
    return tf.nn.relu(x) - call.weight("alpha") * tf.nn.relu(-x)


@kind("Softmax")
def softmax(call: Call, x: Any) -> Any:
    """Along one axis, or along several together."""
    tf = call.tf
    axes = call.layer.arguments.whole_numbers("axis", -1)
    if len(axes) == 1:
        return tf.nn.softmax(x, axis=axes[0])
    return tf.exp(x - tf.reduce_logsumexp(x, axis=axes, keepdims=True))


@kind("Rescaling")
def rescaling(call: Call, x: Any) -> Any:
    """A factor and an addend, each a number or one for each channel."""
    tf, arguments = call.tf, call.layer.arguments
    scale, offset = arguments.get("scale", 1), arguments.get("offset", 0)
    try:
        scale, offset = (tf.constant(each, call.layer.compute) for each in (scale, offset))
    except (TypeError, ValueError):
        raise call.layer.refuse("has a scale or an offset that is no number") from None
    return tf.cast(x, call.layer.compute) * scale + offset


@kind("ActivityRegularization")
def nothing(call: Call, x: Any) -> Any:
    """What matters for the loss alone."""
    for key in ("l1", "l2"):
        call.layer.arguments.get(key)
    return x


@kind("InputLayer", "Identity")
def identity(call: Call, x: Any) -> Any:
    """Nothing."""
    del call
    return x


@kind(
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout",
    "AlphaDropout", "GaussianNoise", "RandomFlip", "RandomRotation", "RandomTranslation",
    "RandomZoom", "RandomContrast", "RandomBrightness", "RandomHeight", "RandomWidth",
)  # fmt: skip
def random(call: Call, x: Any) -> Any:
    """Random numbers while training, nothing else."""
    if call.training:
        raise call.layer.refuse(
            "is called with `training=True`, so it draws random numbers for every tile and the "
            "network has no fixed output",
            "build the network again without that argument, load the weights into it and save it",
        )
    for key in _RANDOM:
        call.layer.arguments.get(key)
    if call.layer.class_name.startswith("Random"):
        return call.tf.cast(x, call.layer.compute)
    return x


_RANDOM = (
    "rate", "p", "noise_shape", "stddev", "data_format", "mode", "factor", "fill_mode",
    "fill_value", "interpolation", "height_factor", "width_factor", "value_range",
)  # fmt: skip


def _alike(call: Call, tensors: Any) -> list[Any]:
    """Inputs of one rank: those of a lower one get dimensions behind the batch."""
    ranks = [each.shape.rank for each in tensors]
    if None in ranks:
        raise call.layer.refuse("takes inputs whose number of dimensions is open")
    alike = []
    for tensor, rank in zip(tensors, ranks, strict=True):
        for _ in range(max(ranks) - rank):
            tensor = call.tf.expand_dims(tensor, 1)  # noqa: PLW2901
        alike.append(tensor)
    return alike


@kind("Add", several=True)
def add(call: Call, x: Any) -> Any:
    """The sum."""
    return functools.reduce(call.tf.add, _alike(call, x))


@kind("Subtract", several=True)
def subtract(call: Call, x: Any) -> Any:
    """The first without the second."""
    if len(x) != 2:
        raise call.layer.refuse(f"takes {len(x)} inputs")
    first, second = _alike(call, x)
    return first - second


@kind("Multiply", several=True)
def multiply(call: Call, x: Any) -> Any:
    """The product."""
    return functools.reduce(call.tf.multiply, _alike(call, x))


@kind("Average", several=True)
def average(call: Call, x: Any) -> Any:
    """The mean."""
    return functools.reduce(call.tf.add, _alike(call, x)) / call.tf.cast(len(x), x[0].dtype)


@kind("Maximum", several=True)
def maximum(call: Call, x: Any) -> Any:
    """The largest."""
    return functools.reduce(call.tf.maximum, _alike(call, x))


@kind("Minimum", several=True)
def minimum(call: Call, x: Any) -> Any:
    """The smallest."""
    return functools.reduce(call.tf.minimum, _alike(call, x))


@kind("Concatenate", several=True)
def concatenate(call: Call, x: Any) -> Any:
    """One behind the other along an axis."""
    return call.tf.concat(x, call.layer.arguments.whole("axis", -1))


def _rank(call: Call) -> int:
    return int(call.layer.class_name[-2])


@kind("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def padded(call: Call, x: Any) -> Any:
    """Zeros around."""
    pads = call.layer.arguments.pairs("padding", _rank(call))
    return call.back(call.tf.pad(call.last(x), [(0, 0), *pads, (0, 0)]))


@kind("Cropping1D", "Cropping2D", "Cropping3D")
def cropped(call: Call, x: Any) -> Any:
    """Without its margins."""
    crops = call.layer.arguments.pairs("cropping", _rank(call))
    x = call.last(x)
    cuts = [slice(None), *(slice(first, -last or None) for first, last in crops)]
    return call.back(x[tuple(cuts)])


@kind("Flatten")
def flat(call: Call, x: Any) -> Any:
    """One dimension behind the batch; channels last, wherever they were."""
    x = call.last(x)
    sizes = x.shape[1:]
    length = sizes.num_elements() if sizes.is_fully_defined() else -1
    return call.tf.reshape(x, [call.tf.shape(x)[0], length])


@kind("Reshape")
def reshaped(call: Call, x: Any) -> Any:
    """Another shape behind the batch."""
    shape = call.layer.arguments.whole_numbers("target_shape")
    y = call.tf.reshape(x, [call.tf.shape(x)[0], *shape])
    known = x.shape[1:].num_elements()
    rest = 1
    for size in shape:
        rest *= size if size != -1 else 1
    if known is not None and -1 in shape and rest > 0:
        shape = tuple(known // rest if size == -1 else size for size in shape)
    y.set_shape([x.shape[0], *(None if size == -1 else size for size in shape)])
    return y


@kind("Permute")
def permuted(call: Call, x: Any) -> Any:
    """Dimensions in another order."""
    return call.tf.transpose(x, [0, *call.layer.arguments.whole_numbers("dims")])


@kind("RepeatVector")
def repeated(call: Call, x: Any) -> Any:
    """The same several times along a new axis."""
    return call.tf.repeat(call.tf.expand_dims(x, 1), call.layer.arguments.whole("n"), axis=1)


@kind("Dense", weights=with_bias("kernel"))
def dense(call: Call, x: Any) -> Any:
    """A matrix on the last axis."""
    tf = call.tf
    kernel = call.weight("kernel")
    if tuple(kernel.shape) != (x.shape[-1], call.layer.arguments.whole("units")):
        raise call.layer.refuse(f"has weights of the shape {kernel.shape}, which does not fit")
    rank = x.shape.rank
    shape = x.shape
    x = tf.matmul(x, kernel) if rank == 2 else tf.tensordot(x, kernel, [[rank - 1], [0]])
    x.set_shape([*shape[:-1], kernel.shape[-1]])
    if call.layer.arguments.flag("use_bias", default=True):
        x = tf.nn.bias_add(x, call.weight("bias"))
    return activated(call, x)


@kind("Resizing", casts=False)
def resized(call: Call, x: Any) -> Any:
    """Another size, with the pixels' values at their centres."""
    tf, arguments = call.tf, call.layer.arguments
    methods = (
        "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian",
        "mitchellcubic",
    )  # fmt: skip
    method = arguments.choice("interpolation", methods, "bilinear")
    size = (arguments.whole("height"), arguments.whole("width"))
    arguments.only("crop_to_aspect_ratio", False)
    return tf.cast(tf.image.resize(x, size, method=method), call.layer.compute)


@kind("CenterCrop", casts=False)
def centre(call: Call, x: Any) -> Any:
    """The middle of an input that is at least as large."""
    height, width = call.layer.arguments.whole("height"), call.layer.arguments.whole("width")
    rows, columns = x.shape[1], x.shape[2]
    if rows is None or columns is None or rows < height or columns < width:
        raise call.layer.refuse("cuts from an input that is smaller, or of open size")
    top, left = (rows - height) // 2, (columns - width) // 2
    x = x[:, top : top + height, left : left + width]
    return call.tf.cast(x, call.layer.compute)


_ATTENTION_RANK = 3


def _attention_weights(layer: Layer) -> tuple[tuple[str, bool], ...]:
    bias = layer.arguments.flag("use_bias", default=True)
    return tuple(
        (f"{part}/{name}", True)
        for part in ("query", "key", "value", "attention_output")
        for name in (("kernel", "bias") if bias else ("kernel",))
    )


@kind("MultiHeadAttention", weights=_attention_weights)
def heads(call: Call, query: Any) -> Any:
    """Attention of several heads over one axis."""
    tf, arguments = call.tf, call.layer.arguments
    value = call.arguments.pop("value", query)
    key = call.arguments.pop("key", None)
    key = value if key is None else key
    for name in ("attention_mask", "return_attention_scores", "use_causal_mask"):
        if call.arguments.get(name) in {None, False}:
            call.arguments.pop(name, None)
    arguments.only("output_shape", None)
    axes = arguments.get("attention_axes")
    if axes not in (None, 1, [1]) or any(
        each.shape.rank != _ATTENTION_RANK for each in (query, key, value)
    ):
        raise call.layer.refuse("attends over other axes than the second of three")
    for name in ("query_shape", "key_shape", "value_shape", "num_heads", "value_dim"):
        arguments.get(name)
    if call.training and arguments.number("dropout", 0) > 0:
        raise call.layer.refuse("is called with `training=True` and draws random numbers")
    size = arguments.whole("key_dim")

    def projected(part: str, x: Any, equation: str) -> Any:
        y = tf.einsum(equation, tf.cast(x, call.layer.compute), call.weight(f"{part}/kernel"))
        return y + call.weight(f"{part}/bias") if _has_bias(call, part) else y

    q = projected("query", query, "btd,dnh->btnh") * tf.cast(size**-0.5, call.layer.compute)
    k = projected("key", key, "btd,dnh->btnh")
    v = projected("value", value, "btd,dnh->btnh")
    scores = tf.nn.softmax(tf.einsum("bsnh,btnh->bnts", k, q), axis=-1)
    return projected("attention_output", tf.einsum("bnts,bsnh->btnh", scores, v), "btnh,nhd->btd")


def _has_bias(call: Call, part: str) -> bool:
    return f"{part}/bias" in call.layer.variables
