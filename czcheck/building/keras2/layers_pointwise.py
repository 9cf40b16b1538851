"""Layers that compute each value by itself, and those that only act while training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from czcheck.building.keras2.activations import activated, exponential_linear, rectified
from czcheck.building.keras2.kinds import kind, trained

if TYPE_CHECKING:
    from czcheck.building.keras2.layer import Call


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
