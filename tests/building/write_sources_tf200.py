"""Writes a SavedModel and HDF5 files as Keras 2 in TensorFlow 2.0.0 does after training.

The SavedModel holds optimizer slots, training functions and a saver: what the reference exporter
packed. `u_net.npz` holds a tile and what the U-Net of open size answers to it.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

tf.random.set_seed(1)
model = tf.keras.Sequential(
    [
        tf.keras.layers.Conv2D(4, 3, padding="same", activation="relu", input_shape=(32, 32, 1)),
        tf.keras.layers.BatchNormalization(),
        tf.keras.layers.Conv2D(2, 1, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy")
random = np.random.RandomState(0)
model.fit(random.rand(8, 32, 32, 1), random.randint(0, 2, (8, 32, 32, 1)), verbose=0)
folder = Path(sys.argv[1])
model.save(str(folder / "keras2"), save_format="tf")
model.save(str(folder / "sequential.h5"))

layers = tf.keras.layers
tile = tf.keras.Input((None, None, 1))
x = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(tile))
fine = layers.LeakyReLU(0.2)(x)
x = layers.SeparableConv2D(6, 3, padding="same", activation="relu")(layers.MaxPooling2D()(fine))
x = layers.Dropout(0.3)(layers.DepthwiseConv2D(3, padding="same")(x))
x = layers.concatenate([fine, layers.Conv2DTranspose(4, 2, strides=2)(x)])
x = layers.UpSampling2D(2, interpolation="bilinear")(layers.AveragePooling2D()(x))
x = layers.Conv2D(2, 1)(layers.PReLU(shared_axes=[1, 2])(x))
u_net = tf.keras.Model(tile, layers.Softmax()(x))
u_net.save(str(folder / "u_net.h5"))
pixels = random.randint(0, 256, (48, 64)).astype(np.uint8)
answer = u_net.predict(pixels[None, ..., None].astype(np.float32))
np.savez(str(folder / "u_net.npz"), pixels=pixels, answer=answer[0])
