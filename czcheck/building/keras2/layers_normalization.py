"""Layers that normalize."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from czcheck.building.keras2.layer import kind

if TYPE_CHECKING:
    from czcheck.building.keras2.layer import Call, Layer

# Up to 2.11, TensorFlow's fused batch normalization raises a smaller epsilon to this, silently.
SMALLEST_FUSED = 1.001e-5
_ANY_EPSILON = (2, 12)
_TOO_SMALL_TO_SEE = 2e-6
_FUSED_RANK = 4


def _scaled(layer: Layer) -> tuple[tuple[str, bool], ...]:
    arguments = layer.arguments
    gamma = (("gamma", True),) if arguments.flag("scale", default=True) else ()
    return gamma + ((("beta", True),) if arguments.flag("center", default=True) else ())


def _with_moving(layer: Layer) -> tuple[tuple[str, bool], ...]:
    return (*_scaled(layer), ("moving_mean", False), ("moving_variance", False))


def _spread(call: Call, name: str, rank: int, axes: tuple[int, ...]) -> Any:
    """A weight in the shape in which it meets the input; None if the layer has none."""
    if name not in call.layer.variables:
        return None
    weight = call.tensor(name)
    if axes == (rank - 1,) or weight.shape.rank == rank:
        return weight
    sizes = iter(weight.shape)
    return call.tf.reshape(weight, [next(sizes) if axis in axes else 1 for axis in range(rank)])


def _axes(call: Call, rank: int | None) -> tuple[int, ...]:
    if rank is None:
        raise call.layer.refuse("takes an input whose number of dimensions is open")
    axes = call.layer.arguments.whole_numbers("axis", -1)
    return tuple(sorted(axis % rank for axis in axes))


@kind(
    "BatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2", "SyncBatchNormalization",
    weights=_with_moving,
)  # fmt: skip
def batch(call: Call, x: Any) -> Any:
    """With the statistics of training, or of the tiles themselves where `training=True` says so."""
    tf, arguments = call.tf, call.layer.arguments
    arguments.only("renorm", False)
    for key in ("virtual_batch_size", "renorm_clipping", "adjustment", "mode"):
        arguments.only(key, None)
    rank = x.shape.rank
    axes = _axes(call, rank)
    gamma, beta = (_spread(call, name, rank, axes) for name in ("gamma", "beta"))
    epsilon = _epsilon(call, rank, axes)
    exact = tf.cast(x, tf.float32) if call.layer.compute in {"float16", "bfloat16"} else x
    if call.training and not _is_frozen(call.layer):
        others = [axis for axis in range(rank) if axis not in axes]
        mean, variance = tf.nn.moments(exact, others, keepdims=True)
    else:
        mean = _spread(call, "moving_mean", rank, axes)
        variance = _spread(call, "moving_variance", rank, axes)
    y = tf.nn.batch_normalization(exact, mean, variance, beta, gamma, epsilon)
    return tf.cast(y, x.dtype)


def _is_frozen(layer: Layer) -> bool:
    """Whether a layer that is called with `training=True` keeps to its moving statistics.

    In TensorFlow 2 it does where it is not trained itself. Files of 2.2.4-tf are refused, as was
    seen with one model, frozen before or after it was put together: TensorFlow 1.15.0 takes the
    statistics of the batch, 2.0.0 and 2.1.0 the moving ones, and the files of 1.15.0 and 2.1.0 are
    alike, configuration, attributes and names of weights. Loaded again in 2.1.0, the file takes
    the statistics of the batch. Only 1.13.2 says what it is: its class is `BatchNormalizationV1`.

    Raises:
        InputError: What the layer computes does not follow from the file.
    """
    if layer.trainable or layer.writer.standalone or layer.class_name.endswith("V1"):
        return False
    if layer.writer.version == "2.2.4-tf" and not layer.class_name.endswith("V2"):
        raise layer.refuse(
            "is not trained and is called with `training=True`, which TensorFlow 1 computes "
            "otherwise than TensorFlow 2, and the file does not say which of them wrote it"
        )
    return True


def _epsilon(call: Call, rank: int, axes: tuple[int, ...]) -> float:
    """What was really added to the variance."""
    layer = call.layer
    epsilon = layer.arguments.number("epsilon", 1e-3)
    if epsilon >= SMALLEST_FUSED or layer.writer.numbers >= _ANY_EPSILON:
        return epsilon
    fused = layer.compute != "float64" and len(axes) == 1 and axes[0] in {1, rank - 1}
    if not fused or rank < _FUSED_RANK:
        return epsilon
    # Standalone Keras 2.3 fuses in TensorFlow 1 alone; of channels first, on a GPU alone.
    sure = rank == _FUSED_RANK and not (
        layer.writer.standalone and (axes[0] == 1 or layer.writer.numbers >= (2, 3))
    )
    if sure:
        return SMALLEST_FUSED
    variance = layer.weights["moving_variance"]
    ratio = (variance + SMALLEST_FUSED) / (variance + epsilon)
    if call.training or not (abs(ratio**0.5 - 1) <= _TOO_SMALL_TO_SEE).all():
        raise layer.refuse(
            f"has an epsilon of {epsilon:g}; its Keras takes that or {SMALLEST_FUSED:g}, as the "
            "TensorFlow under it does, which the file does not name"
        )
    return epsilon


@kind("LayerNormalization", weights=_scaled)
def over_layer(call: Call, x: Any) -> Any:
    """With the statistics of each place's channels."""
    tf = call.tf
    rank = x.shape.rank
    axes = _axes(call, rank)
    exact = tf.cast(x, tf.float32) if call.layer.compute in {"float16", "bfloat16"} else x
    mean, variance = tf.nn.moments(exact, axes, keepdims=True)
    gamma, beta = (_spread(call, name, rank, axes) for name in ("gamma", "beta"))
    epsilon = call.layer.arguments.number("epsilon", 1e-3)
    if exact is x or epsilon < SMALLEST_FUSED:
        y = tf.nn.batch_normalization(exact, mean, variance, beta, gamma, epsilon)
        return tf.cast(y, x.dtype)
    y = tf.cast(tf.nn.batch_normalization(exact, mean, variance, None, None, epsilon), x.dtype)
    y = y if gamma is None else y * tf.cast(gamma, x.dtype)
    return y if beta is None else y + tf.cast(beta, x.dtype)


@kind("GroupNormalization", weights=_scaled)
def over_groups(call: Call, x: Any) -> Any:
    """With the statistics of groups of channels."""
    tf, arguments = call.tf, call.layer.arguments
    rank = x.shape.rank
    axes = _axes(call, rank)
    channels = x.shape[-1]
    if axes != (rank - 1,) or channels is None:
        raise call.layer.refuse("works along another axis than the last one, which is not built")
    groups = arguments.whole("groups", 32)
    groups = channels if groups == -1 else groups
    if groups < 1 or channels % groups:
        raise call.layer.refuse(f"has {groups} groups, which do not divide {channels} channels")
    shape = tf.shape(x)
    exact = tf.cast(x, tf.float32)
    parts = tf.reshape(exact, tf.concat([shape[:-1], [groups, channels // groups]], 0))
    mean, variance = tf.nn.moments(parts, [*range(1, rank - 1), rank], keepdims=True)
    gamma, beta = (
        None
        if name not in call.layer.variables
        else tf.reshape(tf.cast(call.tensor(name), tf.float32), [groups, channels // groups])
        for name in ("gamma", "beta")
    )
    epsilon = arguments.number("epsilon", 1e-3)
    y = tf.nn.batch_normalization(parts, mean, variance, beta, gamma, epsilon)
    y = tf.reshape(y, shape)
    y.set_shape(x.shape)
    return tf.cast(y, x.dtype)


@kind("UnitNormalization")
def to_unit(call: Call, x: Any) -> Any:
    """To the length 1."""
    return call.tf.linalg.l2_normalize(x, axis=call.layer.arguments.whole_numbers("axis", -1))


def _adapted(layer: Layer) -> tuple[tuple[str, bool], ...]:
    if layer.arguments.get("mean") is not None:
        return ()
    return (("mean", False), ("variance", False), ("count", False))


@kind("Normalization", weights=_adapted, casts=False)
def by_statistics(call: Call, x: Any) -> Any:
    """With a mean and a variance that were set, or found before training."""
    tf, arguments = call.tf, call.layer.arguments
    compute = call.layer.compute
    rank = x.shape.rank
    axis = arguments.get("axis", -1)
    axes = () if axis is None else _axes(call, rank)
    sizes = [x.shape[each] if each in axes else 1 for each in range(rank)]

    def statistic(name: str, given: str) -> Any:
        if name in call.layer.variables:
            return tf.cast(tf.reshape(call.tensor(name), sizes), compute)
        try:
            value = tf.constant(arguments.get(given), tf.float32)
            value = value * tf.ones([each for each in sizes if each != 1] or [])
            return tf.cast(tf.reshape(value, sizes), compute)
        except (TypeError, ValueError):
            raise call.layer.refuse(f"has {given} that do not fit its input") from None

    mean, variance = statistic("mean", "mean"), statistic("variance", "variance")
    deviation = tf.maximum(tf.sqrt(variance), tf.cast(1e-7, compute))
    x = tf.cast(x, compute)
    if arguments.flag("invert", default=False):
        return mean + x * deviation
    return (x - mean) / deviation
