"""Writes Keras files of every kind, and a module with a layer of its own.

`python write_keras_files.py FOLDER`. All networks take gray tiles of 32 x 32 and answer with two
classes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

MODULE = """
import keras


class Doubled(keras.layers.Layer):
    def call(self, tile):
        return tile * 2.0
"""


def network(between: Any = None) -> Any:
    tile = keras.Input((32, 32, 1))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(tile)
    x = x if between is None else between(x)
    return keras.Model(tile, layers.Conv2D(2, 1, activation="softmax", name="last")(x))


def main(folder: Path) -> None:
    (folder / "own_layers.py").write_text(MODULE, "utf-8")
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True  # a test looks for what builds leave in this folder
    import own_layers  # type: ignore[import-not-found]

    for ending in ("keras", "h5"):
        network().save(folder / f"plain.{ending}")
        doubled = layers.Lambda(lambda tile: tile * 2.0, name="doubled")
        network(doubled).save(folder / f"lambda.{ending}")
        network(own_layers.Doubled()).save(folder / f"own.{ending}")
    network().save_weights(folder / "only.weights.h5")
    augmented(folder)


def augmented(folder: Path) -> None:
    """A network with layers that Keras's own `export` would leave active, and what it predicts."""
    tile = keras.Input((32, 32, 1))
    x = layers.RandomFlip()(layers.Rescaling(1 / 65535)(tile))
    x = layers.RandomContrast(0.5)(layers.RandomRotation(0.3)(x))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x), training=True)
    x = layers.Dropout(0.5)(layers.ReLU()(x), training=True)
    model = keras.Model(tile, layers.Conv2D(2, 3, padding="same", activation="softmax")(x))
    model.save(folder / "augmented.keras")
    pixels = np.random.default_rng(0).integers(0, 65536, (32, 32)).astype(np.uint16)
    answer = model.predict(pixels[None, ..., None].astype(np.float32), verbose=0)
    np.savez(folder / "augmented.npz", pixels=pixels, answer=answer[0])


if __name__ == "__main__":
    keras.utils.set_random_seed(1)
    main(Path(sys.argv[1]))
