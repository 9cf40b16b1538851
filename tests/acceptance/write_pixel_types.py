"""Writes a network for each case of `test_pixel_types.py`, a raw tile and the answer to expect.

`python write_pixel_types.py FOLDER` reads `FOLDER/cases.json` and writes `FOLDER/<case>/` (a
SavedModel) and `FOLDER/<case>.npz` (`tile` as ZEN sends it, `answer`). What a build is to put
around the network is computed here by TensorFlow's own functions.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

MEAN, STD = np.array([0.4, 0.5, 0.6], np.float32), np.float32(0.25)


def in_front(name: str, tile: Any, maximum: float) -> Any:
    if name == "PerImageStandardization":
        return tf.image.per_image_standardization(tile)
    if name == "Normalization":
        return (tile - MEAN) / STD
    if name == "Scale":
        return tile / maximum
    order = [2, 1, 0, 3][: tile.shape[-1]]
    return tf.gather(tile, order, axis=-1)


def behind(name: str, answer: Any) -> Any:
    if name == "Softmax":
        return tf.nn.softmax(answer)
    return tf.concat([answer, 1 - answer], axis=-1)


def pick_a_colour(channels: int, classes: int) -> Any:
    """Red, green or blue, whichever is strongest, of a tile in the order red, green, blue."""
    tile = keras.Input((None, None, channels))
    last = layers.Conv2D(classes, 1)
    model = keras.Model(tile, last(tile))
    kernel = np.zeros((1, 1, channels, classes), np.float32)
    for colour in range(3):
        kernel[0, 0, colour, colour] = 9
    last.set_weights([kernel, np.zeros(classes, np.float32)])
    return model


def network(channels: int, classes: int, activation: str | None) -> Any:
    tile = keras.Input((None, None, channels))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(tile)
    return keras.Model(tile, layers.Conv2D(classes, 3, padding="same", activation=activation)(x))


def main(folder: Path) -> None:
    cases = json.loads((folder / "cases.json").read_text("utf-8"))
    for seed, (name, case) in enumerate(cases.items()):
        keras.utils.set_random_seed(seed)
        channels, outputs = case["channels"], case["outputs"]
        if case["colours"]:
            model = pick_a_colour(channels, outputs)
        else:
            model = network(channels, outputs, case["activation"])
        model.export(str(folder / name), verbose=False)
        tile = np.load(folder / f"{name}.tile.npy")
        values = tf.constant(tile)
        for each in case["before"]:
            values = in_front(each, values, case["maximum"])
        answer = model(values, training=False)
        for each in case["after"]:
            answer = behind(each, answer)
        np.savez(folder / f"{name}.npz", tile=tile, answer=answer.numpy())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
