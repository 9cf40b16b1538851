"""Writes networks to segment with: `python write_networks.py FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

WIDTH = 6


def conv(x: Any) -> Any:
    return layers.Conv2D(WIDTH, 3, padding="same", activation="relu")(x)


def unet(size: int | None) -> Any:
    """A U-Net of two poolings with random weights, the same for every size."""
    image = keras.Input((size, size, 1))
    x, skips = layers.Rescaling(1 / 255)(image), []
    for _ in range(2):
        x = conv(conv(x))
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = conv(conv(x))
    for skip in reversed(skips):
        x = layers.Conv2DTranspose(WIDTH, 2, strides=2)(x)
        x = conv(conv(layers.Concatenate()([x, skip])))
    model = keras.Model(image, layers.Conv2D(3, 1, activation="softmax")(x))
    random = np.random.default_rng(7)
    for weight in model.weights:
        shape = weight.shape
        value = random.normal(0, 1.6 / np.sqrt(np.prod(shape[:-1])), shape)
        weight.assign(value if len(shape) > 1 else np.full(shape, 0.05))
    return model


class Strict(tf.Module):  # type: ignore[misc]
    """Answers tiles unless they are very bright."""

    @tf.function(input_signature=[tf.TensorSpec((None, 32, 32, 1), tf.float32, "image")])  # type: ignore[untyped-decorator]
    def answer(self, image: Any) -> Any:
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_max(image) < 250, ["bright"])]):
            return tf.nn.softmax(tf.concat([image, 255 - image], -1) / 64)


def main(folder: Path) -> None:
    unet(None).export(str(folder / "open"), verbose=False)
    unet(128).export(str(folder / "unet"), verbose=False)
    strict = Strict()
    tf.saved_model.save(strict, str(folder / "strict"), signatures=strict.answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
