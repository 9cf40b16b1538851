"""Writes networks whose reach is found by trying: `python make_reach_networks.py FOLDER`.

For each network `FOLDER/<name>/`; and in `FOLDER/truth.json` how far, in pixels up, down, left and
right, a row or column of random values changes an answer by more than 1e-5. What makes a network
global is left out when that is tried.
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

SIZE = 128
TOLERANCE = 1e-5
TRIALS = 3
WIDTH = 6


def conv(x: Any, size: int = 3, width: int = WIDTH) -> Any:
    return layers.Conv2D(width, size, padding="same", activation="relu")(x)


def head(x: Any) -> Any:
    return layers.Conv2D(2, 1, activation="softmax")(x)


def unet(x: Any, depth: int) -> Any:
    skips = []
    for _ in range(depth):
        x = conv(conv(x))
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = conv(conv(x))
    for skip in reversed(skips):
        x = layers.Conv2DTranspose(WIDTH, 2, strides=2)(x)
        x = conv(conv(layers.Concatenate()([x, skip])))
    return head(x)


class Standardize(layers.Layer):  # type: ignore[misc]
    """Mean 0 and deviation 1 for each tile."""

    def call(self, x: Any) -> Any:
        return tf.image.per_image_standardization(x)


class InstanceNorm(layers.Layer):  # type: ignore[misc]
    """Mean 0 and deviation 1 for each channel of each tile."""

    def call(self, x: Any) -> Any:
        mean, variance = tf.nn.moments(x, (1, 2), keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + 1e-3)


def squeeze_excite(x: Any) -> Any:
    weight = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.Multiply()([x, layers.Dense(WIDTH, activation="sigmoid")(weight)])


# What is in front of the network or inside it, and the network.
NETWORKS: dict[str, tuple[Any, Any]] = {
    "two_convolutions": (None, lambda x, _: head(conv(conv(x)))),
    "unet_of_depth_1": (None, lambda x, _: unet(x, 1)),
    "unet_of_depth_2": (None, lambda x, _: unet(x, 2)),
    "unet_of_depth_3": (None, lambda x, _: unet(x, 3)),
    "large_kernel": (None, lambda x, _: head(conv(x, 41, 2))),
    "standardized_unet": (Standardize, lambda x, inside: unet(inside(x), 2)),
    "squeeze_excite": (
        lambda: squeeze_excite,
        lambda x, inside: head(conv(inside(conv(x)))),
    ),
    "instance_norm": (InstanceNorm, lambda x, inside: head(conv(inside(conv(x))))),
}


def randomise(model: Any, seed: int) -> None:
    """Weights with which nothing fades on its way; the last ones keep probabilities apart."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        shape = weight.shape
        fan = np.prod(shape[:-1]) if len(shape) > 1 else 1
        value = random.normal(0, 1.6 / np.sqrt(fan), shape)
        if len(shape) == 1:
            value = np.full(shape, 0.05)
        weight.assign(value.astype(np.float32))


def truth(model: Any, seed: int, *, centred: bool) -> list[int]:
    random = np.random.default_rng(seed)
    far = [0, 0, 0, 0]
    for _ in range(TRIALS):
        tile = random.random((1, SIZE, SIZE, 1)).astype(np.float32)
        tile = (tile - 0.5) * 3 if centred else tile
        before = model(tile).numpy()
        for axis, places in ((1, (0, 1)), (2, (2, 3))):
            for at in range(SIZE // 2, SIZE // 2 + 8):
                changed = tile.copy()
                where = [slice(None)] * 4
                where[axis] = slice(at, at + 1)
                part = changed[tuple(where)]
                changed[tuple(where)] = part[..., ::-1, :] if axis == 1 else part[:, ::-1]
                apart = np.abs(model(changed).numpy() - before)
                seen = apart.max(axis=tuple({0, 1, 2, 3} - {axis})) > TOLERANCE
                rows = np.nonzero(seen)[0]
                if rows.size:
                    # A row above that sees this one looks down, one below looks up.
                    far[places[1]] = max(far[places[1]], int(at - rows.min()))
                    far[places[0]] = max(far[places[0]], int(rows.max() - at))
    return far


def main(folder: Path) -> None:
    found = {}
    for seed, (name, (inside, build)) in enumerate(NETWORKS.items()):
        tile = keras.Input((SIZE, SIZE, 1))
        model = keras.Model(tile, build(tile, inside() if inside else None))
        randomise(model, seed)
        local = model
        if inside is not None:
            local = keras.Model(tile, build(tile, layers.Activation("linear")))
            weights = [w for w in model.layers if isinstance(w, layers.Conv2D)]
            same = [w for w in local.layers if isinstance(w, layers.Conv2D)]
            for mine, other in zip(same, weights, strict=True):
                mine.set_weights(other.get_weights())
        found[name] = truth(local, seed, centred=inside is Standardize)
        model.export(str(folder / name), verbose=False)
    (folder / "truth.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
