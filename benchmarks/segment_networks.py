"""Writes a network to segment with: `python segment_networks.py unet|layer FOLDER TILE`."""

from __future__ import annotations

import sys
from typing import Any

import keras
from keras import layers


def unet(x: Any) -> Any:
    """A U-Net of half a million parameters; its stride is 8, its reach about 46 pixels."""
    skips = []
    for width in (16, 32, 64):
        for _ in range(2):
            x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    for _ in range(2):
        x = layers.Conv2D(128, 3, padding="same", activation="relu")(x)
    for width, skip in zip((64, 32, 16), reversed(skips), strict=True):
        x = layers.Conv2DTranspose(width, 2, strides=2)(x)
        x = layers.Concatenate()([x, skip])
        for _ in range(2):
            x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    return x


def main(kind: str, folder: str, tile: int) -> None:
    """Write it as a SavedModel."""
    keras.utils.set_random_seed(0)
    image = keras.Input((tile, tile, 1))
    x = layers.Rescaling(1 / 255)(image)
    inside = unet(x) if kind == "unet" else x
    answer = layers.Conv2D(2, 1 if kind == "unet" else 3, padding="same", activation="softmax")
    keras.Model(image, answer(inside)).export(folder, verbose=False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
