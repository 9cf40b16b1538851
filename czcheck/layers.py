"""Keras layers to put in front of or behind a network, by the reference library's names.

This module imports Keras and TensorFlow: it is for the process that trains the network and has
them already. The layers can be saved in `.keras` files (package `czcheck`), exported, and built
into archives; what they compute is made of TensorFlow 2.0.0's operations.
"""

from __future__ import annotations

import inspect
import math
import operator
import shutil
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from czcheck.errors import InputError
from czcheck.limits import LARGEST_SIDE

__all__ = [
    "Normalization",
    "PerImageStandardization",
    "RgbToBgr",
    "RgbaToBgra",
    "SigmoidToSoftmaxScores",
    "add_postprocessing_layers",
    "add_preprocessing_layers",
]

PACKAGE = "czcheck"


class _TileLayer(keras.layers.Layer):  # type: ignore[misc]
    """A layer without weights that may look at the number of channels before it is called."""

    def __call__(self, inputs: Any, *arguments: Any, **options: Any) -> Any:
        """Call the layer.

        Args:
            inputs: Tiles, channels last.
            *arguments: What Keras passes on.
            **options: What Keras passes on.

        Raises:
            InputError: The tiles have not the channels that the layer takes.
        """
        # Not in `build`, which Keras calls once; nor in `call`, whose errors it words anew.
        shape = tuple(getattr(inputs, "shape", None) or np.shape(inputs))
        self.check_channels(shape[-1] if shape else None)
        return super().__call__(inputs, *arguments, **options)

    def check_channels(self, count: int | None) -> None:
        """See that tiles have the channels that the layer takes; any number unless overridden.

        Args:
            count: Number of channels; None if it is open.
        """

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape stays.

        Args:
            input_shape: Shape of the tiles.
        """
        return input_shape


class _ChannelOrder(_TileLayer):
    """Puts the channels of a tile into another order."""

    order: tuple[int, ...]

    def check_channels(self, count: int | None) -> None:
        """See that the tiles have the channels that are put in order.

        Args:
            count: Number of channels; None if it is open.

        Raises:
            InputError: They have not.
        """
        if count != len(self.order):
            other = {3: ": RgbToBgr is for 3", 4: ": RgbaToBgra is for 4"}.get(count or 0, "")
            raise InputError(
                f"the layer {type(self).__name__} takes tiles of {len(self.order)} channels, "
                f"not of {_open(count)}{other}"
            )

    def call(self, inputs: Any) -> Any:
        """Put the channels in order.

        Args:
            inputs: Tiles, channels last.

        Returns:
            The same values, of the same type.
        """
        return tf.gather(inputs, self.order, axis=-1)


@keras.saving.register_keras_serializable(package=PACKAGE)
class RgbToBgr(_ChannelOrder):
    """Turns RGB into BGR, and the other way round.

    ZEN feeds blue, green, red; put this layer in front of a network that was trained on red, green,
    blue.
    """

    order = (2, 1, 0)


@keras.saving.register_keras_serializable(package=PACKAGE)
class RgbaToBgra(_ChannelOrder):
    """Turns RGBA into BGRA, and the other way round; alpha stays where it is."""

    order = (2, 1, 0, 3)


@keras.saving.register_keras_serializable(package=PACKAGE)
class PerImageStandardization(_TileLayer):
    """Gives every tile the mean 0 and the variance 1, over its height, width and channels.

    Computes `tf.image.per_image_standardization` in float32: the deviation counts at least
    1/sqrt(values), so that a constant tile becomes 0. The statistics are the tile's own: in ZEN the
    output at a pixel depends on the whole tile around it, whatever the border.
    """

    def __init__(self, **options: Any) -> None:
        """Make the layer.

        Args:
            **options: What every Keras layer takes, such as `name`.
        """
        super().__init__(autocast=False, **options)

    def call(self, inputs: Any) -> Any:
        """Standardise tiles.

        Args:
            inputs: Tiles (batch, height, width, channels). Integers are divided by the largest
                value of their type first, which changes nothing but the smallest deviation.

        Returns:
            The tiles, in the layer's type.
        """
        if inputs.dtype.is_integer:
            inputs = tf.image.convert_image_dtype(inputs, tf.float32)
        # In half precision, sums over a tile of raw intensities overflow.
        tiles = tf.image.per_image_standardization(tf.cast(inputs, tf.float32))
        return tf.cast(tiles, self.compute_dtype)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Normalization(_TileLayer):
    """Subtracts a given mean and divides by a given standard deviation.

    Attributes:
        mean: The mean: one number for each channel, or one for all.
        std: The standard deviation, likewise.
    """

    def __init__(
        self, mean: float | Sequence[float], std: float | Sequence[float], **options: Any
    ) -> None:
        """Make the layer.

        Args:
            mean: Mean of the training data, in the range of intensities that the network will see:
                one number for each channel, or one for all.
            std: Standard deviation, above 0, likewise.
            **options: What every Keras layer takes, such as `name`.

        Raises:
            InputError: These are no such numbers.
        """
        super().__init__(autocast=False, **options)
        self.mean = _numbers("mean", mean)
        self.std = _numbers("std", std)
        if any(value <= 0 for value in self.std):
            raise InputError(f"std is {_shown(self.std)}; a standard deviation is above 0")
        if len({len(self.mean), len(self.std)} - {1}) > 1:
            raise InputError(
                f"mean has {len(self.mean)} numbers and std {len(self.std)}; give one each for "
                "every channel, or one for all"
            )

    def check_channels(self, count: int | None) -> None:
        """See that there is a number for each channel.

        Args:
            count: Number of channels; None if it is open.

        Raises:
            InputError: There is not.
        """
        given = max(len(self.mean), len(self.std))
        if given not in {1, count}:
            raise InputError(
                f"the layer Normalization has numbers for {given} channels, the tiles have "
                f"{_open(count)}"
            )

    def call(self, inputs: Any) -> Any:
        """Normalise tiles.

        Args:
            inputs: Tiles, channels last.

        Returns:
            (tiles - mean) / std, worked out in float32, in the layer's type.
        """
        tiles = tf.cast(inputs, tf.float32) - tf.constant(self.mean, tf.float32)
        return tf.cast(tiles / tf.constant(self.std, tf.float32), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """What the layer is made of, for saving."""
        return {**super().get_config(), "mean": list(self.mean), "std": list(self.std)}


@keras.saving.register_keras_serializable(package=PACKAGE)
class SigmoidToSoftmaxScores(_TileLayer):
    """Turns the one channel p of a sigmoid into the two channels p, 1 - p.

    The first class is the one that the sigmoid stands for: the *foreground* comes first in
    `Classes`.
    """

    def check_channels(self, count: int | None) -> None:
        """See that there is one channel.

        Args:
            count: Number of channels; None if it is open.

        Raises:
            InputError: There is not.
        """
        if count != 1:
            raise InputError(
                "the layer SigmoidToSoftmaxScores takes the one channel of a sigmoid, not "
                f"{_open(count)} channels"
            )

    def call(self, inputs: Any) -> Any:
        """Add the other class.

        Args:
            inputs: Probabilities of the first class, (batch, height, width, 1).

        Returns:
            Probabilities of both classes, (batch, height, width, 2).
        """
        return tf.concat([inputs, 1 - inputs], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """One channel becomes two.

        Args:
            input_shape: Shape of the scores.
        """
        return (*input_shape[:-1], 2)


def _numbers(name: str, value: float | Sequence[float]) -> tuple[float, ...]:
    """One number or several as a tuple of floats."""
    try:
        found = tuple(float(each) for each in np.atleast_1d(value))
    except (TypeError, ValueError):
        found = ()
    if not found or not all(map(math.isfinite, found)):
        raise InputError(f"{name} is {value!r}; give a number, or one for each channel")
    return found


def _shown(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in numbers)


def _open(count: int | None) -> str:
    return "an open number" if count is None else str(count)


_RANK = 4


def add_preprocessing_layers(
    model: Any, layers: Any = None, spatial_dims: Sequence[int] | None = None
) -> Any:
    """Put layers in front of a model, and fix the size of its tiles.

    Args:
        model: A Keras model of one input and one output.
        layers: A layer, or several in the order in which a tile goes through them; None for none.
        spatial_dims: New (height, width) of the tiles in pixels; None to keep the model's own.

    Returns:
        A model that shares its weights with the given one; the given one itself where there is
        nothing to do.

    Raises:
        InputError: The model has several inputs or outputs, or cannot take such tiles.
    """
    added = layers_of(layers)
    if not added and spatial_dims is None:
        return model
    (tile,), _ = _ends(model)
    shape = tuple(tile.shape)
    if spatial_dims is not None:
        if len(shape) != _RANK:
            raise InputError(
                f"the model's input has the shape {shape}; it has to be "
                "(batch, height, width, channels) to set spatial_dims"
            )
        shape = (shape[0], *_size(spatial_dims), shape[-1])
    new = keras.Input(batch_shape=shape, dtype=tile.dtype, name="input")
    x = new
    for layer in added:
        x = layer(x)
    return keras.Model(inputs=new, outputs=_applied(model, x))


def add_postprocessing_layers(model: Any, layers: Any) -> Any:
    """Put layers behind a model.

    Args:
        model: A Keras model of one input and one output.
        layers: A layer, or several in the order in which an output goes through them; None for
            none.

    Returns:
        A model that shares its weights with the given one; the given one itself where there is
        nothing to do.

    Raises:
        InputError: The model has several inputs or outputs.
    """
    added = layers_of(layers)
    if not added:
        return model
    (tile,), (x,) = _ends(model)
    for layer in added:
        x = layer(x)
    return keras.Model(inputs=tile, outputs=x)


def export(model: Any, folder: str, tile: tuple[int, int] | None) -> None:
    """Export a model as SavedModel that computes what its `predict` does.

    Keras's own `export` leaves it to every layer whether it is trained, and those of augmentation
    then draw random numbers; and it fails with some layers on tiles of open size.

    Args:
        model: A Keras 3 model.
        folder: Folder to write.
        tile: (height, width) in pixels; None to keep the model's own.

    Raises:
        InputError: Keras cannot export it.
    """
    tiles: list[Any] = list(getattr(model, "inputs", None) or ())
    if len(tiles) == 1:
        model = keras.Model(inputs=tiles[0], outputs=model(tiles[0], training=False))
    is_open = len(tiles) == 1 and None in tuple(tiles[0].shape)[1:3]
    try:
        try:
            _write(model, folder)
        except Exception:
            if tile is None or not is_open:
                raise
            shutil.rmtree(folder, ignore_errors=True)
            _write(add_preprocessing_layers(model, None, tile), folder)
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        hint = "; it takes tiles of any size: give --tile HxW" if is_open and tile is None else ""
        raise InputError(f"cannot be exported: {first}{hint}") from error


def _write(model: Any, folder: str) -> None:
    known = inspect.signature(model.export).parameters
    options = {"format": "tf_saved_model", "verbose": False}  # early versions have neither
    model.export(folder, **{name: options[name] for name in options if name in known})


def layers_of(layers: Any) -> tuple[Any, ...]:
    """One layer, several or none, as a tuple.

    Args:
        layers: A layer, a sequence of layers, or None.

    Raises:
        InputError: Something else is among them.
    """
    if layers is None:
        return ()
    found = tuple(layers) if isinstance(layers, (list, tuple)) else (layers,)
    for layer in found:
        if isinstance(layer, type):
            name = layer.__name__
            raise InputError(f"{name} is a class of layers; give a layer of it: {name}()")
        if not isinstance(layer, keras.layers.Layer):
            raise InputError(f"{layer!r} is no Keras layer; give layers such as RgbToBgr()")
    return found


def _ends(model: Any) -> tuple[list[Any], list[Any]]:
    """The one input and the one output of a model."""
    ends: list[list[Any]] = []
    for what in ("input", "output"):
        found = getattr(model, f"{what}s", None)
        if not found:
            raise InputError(
                f"the model {getattr(model, 'name', '')!r} does not say what its {what} is; "
                "layers can be added to functional and sequential models that begin with an Input"
            )
        if len(found) != 1:
            names = ", ".join(tensor.name for tensor in found)
            raise InputError(
                f"the model has {len(found)} {what}s ({names}); ZEN works with networks of "
                f"exactly one {what}"
            )
        ends.append(list(found))
    return ends[0], ends[1]


def _applied(model: Any, tiles: Any) -> Any:
    """A model's output for tiles, which may have another size than its own."""
    own = model.inputs[0].shape
    same = all(a in {None, b} for a, b in zip(own[1:], tiles.shape[1:], strict=False))
    if same and len(own) == len(tiles.shape):
        return model(tiles)
    # A model refuses other sizes than its input's; its layers need not. They keep their weights.
    try:
        resized = keras.models.clone_model(
            keras.Model(model.inputs, model.outputs),
            input_tensors=[keras.Input(batch_shape=tiles.shape, dtype=tiles.dtype)],
            clone_function=lambda layer: layer,
        )
        return resized(tiles)
    except InputError:
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"the model cannot take tiles of the shape {tuple(tiles.shape)}: {first}; build it "
            "with an open size, keras.Input((None, None, channels))"
        ) from error


def _size(value: Sequence[int]) -> tuple[int, int]:
    """(height, width) as whole numbers."""
    try:
        sizes = [operator.index(side) for side in value]
    except TypeError:
        sizes = []
    if len(sizes) != 2 or not all(1 <= side <= LARGEST_SIDE for side in sizes):
        raise InputError(
            f"spatial_dims is {value!r}; give (height, width) in pixels, such as (1024, 1024)"
        )
    return sizes[0], sizes[1]
