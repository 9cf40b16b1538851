"""Layers that move values, and those on the last axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from czcheck.building.keras2.activations import activated
from czcheck.building.keras2.kinds import kind, with_bias

if TYPE_CHECKING:
    from czcheck.building.keras2.layer import Call


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
