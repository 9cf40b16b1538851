"""Keras layers to put in front of or behind a network, by the reference library's names.

This module imports Keras and TensorFlow: it is for the process that trains the network and has
them already. The layers can be saved in `.keras` files (package `czcheck`), exported, and built
into archives; what they compute is made of TensorFlow 2.0.0's operations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from czcheck.errors import InputError
from czcheck.layering import add_postprocessing_layers, add_preprocessing_layers

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
