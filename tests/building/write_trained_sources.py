"""Writes SavedModels that hold much besides the network: `python write_trained_sources.py FOLDER`.

Training functions with gradients and optimizers, metrics, recurrent layers, augmentation, checks.
None of it does harm, and all of it is written by honest code.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

TILE = (None, 32, 32, 1)
LABELS = np.random.default_rng(0).integers(0, 2, (8, 32, 32))
TILES = np.random.default_rng(1).random((8, 32, 32, 1)).astype(np.float32)


class Trained(tf.Module):  # type: ignore[misc]
    """A module that brings its own training step: gradients, moments, batch statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = tf.Variable(tf.random.normal((3, 3, 1, 2)), name="kernel")
        self.moments = tf.Variable(tf.zeros((3, 3, 1, 2)), name="moments")
        self.squares = tf.Variable(tf.zeros((3, 3, 1, 2)), name="squares")
        self.mean = tf.Variable(tf.zeros(2), trainable=False)

    def logits(self, tile: Any) -> Any:
        return tf.nn.conv2d(tile, self.kernel, 1, "SAME")

    @tf.function(input_signature=[tf.TensorSpec(TILE)])  # type: ignore[untyped-decorator]
    def answer(self, tile: Any) -> Any:
        tf.debugging.assert_rank(tile, 4)
        tf.debugging.assert_non_negative(tile)
        tf.debugging.assert_shapes([(tile, ("N", 32, 32, 1))])
        tf.ensure_shape(tile, TILE)
        tile = tf.image.adjust_contrast(tf.image.per_image_standardization(tile), 1.1)
        return tf.nn.softmax(self.logits(tile))

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec(TILE), tf.TensorSpec((None, 32, 32), tf.int64)]
    )
    def train(self, tile: Any, labels: Any) -> Any:
        tile = tf.image.random_flip_left_right(tile)
        with tf.GradientTape() as tape:
            x = tf.nn.dropout(self.logits(tile), 0.1)
            mean, variance = tf.nn.moments(x, (0, 1, 2))
            self.mean.assign(0.9 * self.mean + 0.1 * mean)
            x = tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, x))
        (gradient,) = tape.gradient(loss, [self.kernel])
        gradient = tf.clip_by_global_norm([gradient], 1.0)[0][0]
        rates = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-7}
        tf.raw_ops.ResourceApplyAdam(
            var=self.kernel.handle, m=self.moments.handle, v=self.squares.handle,
            beta1_power=0.9, beta2_power=0.99, grad=gradient, **rates,
        )  # fmt: skip
        return loss


def trained_module(folder: Path) -> None:
    made = Trained()
    made.train(TILES, LABELS)
    tf.saved_model.save(made, str(folder), signatures=made.answer)


def _fitted(*further: Any) -> Any:
    tile = keras.Input(TILE[1:])
    x = tile
    for layer in further:
        x = layer(x)
    x = layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2")(x)
    x = layers.Dropout(0.2)(layers.BatchNormalization()(x))
    model = keras.Model(tile, layers.Conv2D(2, 1, activation="softmax")(x))
    metrics = [keras.metrics.MeanIoU(2, sparse_y_pred=False)]
    model.compile("adamw", "sparse_categorical_crossentropy", metrics=metrics)
    model.fit(TILES, LABELS, verbose=0)
    return model


def fitted_and_exported(folder: Path) -> None:
    _fitted().export(str(folder), verbose=False)


def fitted_and_saved(folder: Path) -> None:
    tf.saved_model.save(_fitted(), str(folder))


def augmented(folder: Path) -> None:
    more = layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomZoom(0.1)
    model = _fitted(*more, layers.RandomContrast(0.1), layers.GaussianNoise(0.1))
    model.export(str(folder), verbose=False)


def recurrent(folder: Path) -> None:
    tile = keras.Input(TILE[1:])
    rows = layers.Reshape((32, 32))(tile)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(rows)
    x = layers.GRU(32, return_sequences=True)(x)
    x = layers.Conv2D(2, 1, activation="softmax")(layers.Reshape((32, 32, 1))(x))
    keras.Model(tile, x).export(str(folder), verbose=False)


def convolutional_lstm(folder: Path) -> None:
    tile = keras.Input(TILE[1:])
    x = layers.ConvLSTM2D(2, 3, padding="same", activation="softmax")(
        layers.Reshape((1, 32, 32, 1))(tile)
    )
    keras.Model(tile, x).export(str(folder), verbose=False)


def resized_and_sorted(folder: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec(TILE)])  # type: ignore[untyped-decorator]
    def answer(tile: Any) -> Any:
        small = tf.image.resize(tile, (16, 16), antialias=True, method="bicubic")
        x = tf.image.resize(small, (32, 32), method="lanczos3")
        low = tf.sort(tf.reshape(tile, (-1, 1024)))[:, 10, None, None, None]
        x = tf.clip_by_value(x - low, 0.0, 1e9) / (1.0 + tf.reduce_max(tile, (1, 2, 3), True))
        x += tf.map_fn(tf.cumsum, tile) * 0.0
        x += tf.signal.irfft2d(tf.signal.rfft2d(tile[..., 0]))[..., None] * 0.0
        x += tf.vectorized_map(lambda each: each * 2.0, tile) * 0.0
        return tf.concat([tf.sigmoid(x), tf.sigmoid(-x)], -1)

    made = tf.Module()
    made.answer = answer
    tf.saved_model.save(made, str(folder), signatures=answer)


KINDS = (
    trained_module, fitted_and_exported, fitted_and_saved, augmented, recurrent,
    convolutional_lstm, resized_and_sorted,
)  # fmt: skip


if __name__ == "__main__":
    for kind in KINDS:
        keras.utils.set_random_seed(1)
        kind(Path(sys.argv[1]) / kind.__name__)
