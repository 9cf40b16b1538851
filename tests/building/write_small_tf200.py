"""Writes a small HDF5 file as Keras 2 in TensorFlow 2.0.0 does."""

import sys
from pathlib import Path

import tensorflow as tf

layers = tf.keras.layers
tf.random.set_seed(1)
tile = tf.keras.Input((32, 32, 1))
x = layers.Conv2D(4, 3, padding="same", activation="hard_sigmoid")(tile)
x = layers.BatchNormalization()(x)
model = tf.keras.Model(tile, layers.Conv2D(2, 1, activation="softmax")(x))
model.save(str(Path(sys.argv[1]) / "small.h5"))
