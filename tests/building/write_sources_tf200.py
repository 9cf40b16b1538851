"""Writes a SavedModel as Keras 2 in TensorFlow 2.0.0 does after training.

It holds optimizer slots, training functions and a saver: what the reference exporter packed.
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
model.save(str(Path(sys.argv[1]) / "keras2"), save_format="tf")
