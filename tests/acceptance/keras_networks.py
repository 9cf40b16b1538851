"""Writes Keras 3 networks of many kinds as SavedModels, with a tile and its answer for each.

A script of its own: `python keras_networks.py FOLDER` writes `FOLDER/<name>/` and
`FOLDER/<name>.npz` (`tile`, `answer`).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

SIZE = 64
CLASSES = 3


def conv(x: Any, filters: int, activation: str | None = "relu", **options: Any) -> Any:
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, **options)(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation(activation)(x) if activation else x


def head(x: Any) -> Any:
    return layers.Conv2D(CLASSES, 1, activation="softmax")(x)


def unet(tile: Any, up: Any) -> Any:
    one = conv(tile, 8)
    two = conv(layers.MaxPooling2D()(one), 12)
    x = conv(layers.MaxPooling2D()(two), 16)
    x = conv(layers.Concatenate()([up(12)(x), two]), 12)
    return head(conv(layers.Concatenate()([up(8)(x), one]), 8))


def unet_transposed(tile: Any) -> Any:
    return unet(tile, lambda filters: layers.Conv2DTranspose(filters, 2, strides=2))


def unet_bilinear(tile: Any) -> Any:
    return unet(tile, lambda _: layers.UpSampling2D(2, interpolation="bilinear"))


def group_and_layer_norm(tile: Any) -> Any:
    x = layers.Conv2D(8, 3, padding="same")(tile)
    x = layers.GroupNormalization(4)(x)
    x = layers.LeakyReLU()(x)
    x = layers.LayerNormalization()(layers.Conv2D(8, 3, padding="same")(x))
    return head(layers.PReLU(shared_axes=[1, 2])(x))


def separable_and_dilated(tile: Any) -> Any:
    x = layers.SeparableConv2D(8, 3, padding="same", activation="relu6")(conv(tile, 8))
    x = layers.DepthwiseConv2D(3, padding="same", dilation_rate=2)(x)
    x = layers.Conv2D(8, 3, padding="same", dilation_rate=4, activation="elu")(x)
    pooled = layers.AveragePooling2D(4)(x)
    x = layers.Add()([x, layers.UpSampling2D(4, interpolation="nearest")(pooled)])
    return head(layers.SpatialDropout2D(0.2)(layers.GaussianNoise(0.1)(x)))


def swish_and_gelu(tile: Any) -> Any:
    x = conv(tile, 8, "swish")
    x = conv(x, 8, "gelu")
    x = layers.Activation(lambda t: keras.activations.gelu(t, approximate=True))(conv(x, 8))
    return head(conv(layers.Activation("mish")(x), 8, "hard_swish"))


def attention(tile: Any) -> Any:
    x = conv(tile, 8)
    grid = layers.AveragePooling2D(8)(x)
    tokens = layers.Reshape((SIZE // 8 * (SIZE // 8), 8))(grid)
    tokens = layers.MultiHeadAttention(2, 4)(tokens, tokens)
    grid = layers.Reshape((SIZE // 8, SIZE // 8, 8))(layers.LayerNormalization()(tokens))
    return head(layers.Add()([x, layers.UpSampling2D(8)(grid)]))


class Conditional(layers.Layer):  # type: ignore[misc]
    """Another convolution for bright tiles than for dark ones: a `tf.cond` with variables."""

    def build(self, shape: Any) -> None:
        self.bright = self.add_weight(shape=(3, 3, shape[-1], 8), initializer="glorot_uniform")
        self.dark = self.add_weight(shape=(5, 5, shape[-1], 8), initializer="glorot_uniform")

    def call(self, x: Any) -> Any:
        return tf.cond(
            tf.reduce_mean(x) > 0.2,
            lambda: tf.nn.relu(tf.nn.conv2d(x, self.bright, 1, "SAME")),
            lambda: tf.nn.conv2d(x, self.dark, 1, "SAME"),
        )


def conditional(tile: Any) -> Any:
    return head(conv(Conditional()(tile), 8))


class Repeated(layers.Layer):  # type: ignore[misc]
    """One convolution, applied in a `tf.while_loop`: a loop that reads a variable."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(3, 3, shape[-1], shape[-1]))

    def call(self, x: Any) -> Any:
        def step(count: Any, now: Any) -> Any:
            return count + 1, tf.tanh(tf.nn.conv2d(now, self.kernel, 1, "SAME"))

        return tf.while_loop(lambda count, _: count < 3, step, (0, x))[1]


def loop(tile: Any) -> Any:
    return head(Repeated()(conv(tile, 8)))


class Standardize(layers.Layer):  # type: ignore[misc]
    def call(self, x: Any) -> Any:
        return tf.image.per_image_standardization(x)


def standardized(tile: Any) -> Any:
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(Standardize()(tile))
    return head(layers.Conv2D(8, 3, padding="same", activation="selu")(x))


def efficientnet(tile: Any) -> Any:
    encoder = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_tensor=layers.Rescaling(255.0)(tile)
    )
    x = encoder.get_layer("block3a_expand_activation").output
    return head(layers.UpSampling2D(4, interpolation="bilinear")(conv(x, 8)))


def mobilenet(tile: Any) -> Any:
    encoder = keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_tensor=tile, include_preprocessing=False
    )
    deep = encoder.get_layer("expanded_conv_2_add").output
    return head(layers.Conv2DTranspose(8, 8, strides=8, activation="relu")(deep))


def squeeze_excite(tile: Any) -> Any:
    x = conv(tile, 8)
    weight = layers.GlobalAveragePooling2D(keepdims=True)(x)
    weight = layers.Dense(8, activation="sigmoid")(layers.Dense(4, activation="relu")(weight))
    x = layers.Multiply()([x, weight])
    x = layers.ZeroPadding2D(2)(x)
    return head(layers.Cropping2D(2)(x))


def grouped(tile: Any) -> Any:
    x = layers.Conv2D(8, 3, padding="same", groups=4, activation="relu")(conv(tile, 8))
    return head(layers.Permute((1, 2, 3))(x))


def instance_norm_and_ops(tile: Any) -> Any:
    x = conv(tile, 8)
    mean = ops.mean(x, axis=(1, 2), keepdims=True)
    x = (x - mean) / ops.sqrt(ops.var(x, axis=(1, 2), keepdims=True) + 1e-3)
    x = ops.concatenate([x, ops.flip(x, axis=1), ops.roll(x, 3, axis=2)], axis=-1)
    x = ops.einsum("bhwc,cd->bhwd", x, ops.ones((24, 8)) * 0.1)
    return head(ops.where(x > 0, x, 0.1 * x))


def activations(tile: Any) -> Any:
    names = (
        "celu", "elu", "exponential", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh",
        "leaky_relu", "log_sigmoid", "log_softmax", "relu6", "selu", "silu", "soft_shrink",
        "softplus", "softsign", "sparse_plus", "sparsemax", "squareplus", "tanh_shrink",
    )  # fmt: skip
    x = conv(tile, 8)
    x = layers.Concatenate()([layers.Activation(name)(x) for name in names])
    return head(layers.ReLU(max_value=6, negative_slope=0.1, threshold=0.1)(conv(x, 8, None)))


class Scaled(layers.Layer):  # type: ignore[misc]
    """A factor for each channel, as newer backbones have it."""

    def build(self, shape: Any) -> None:
        self.factor = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x: Any) -> Any:
        return x * self.factor


def normalisations(tile: Any) -> Any:
    x = layers.SpectralNormalization(layers.Conv2D(8, 3, padding="same"))(tile)
    x = layers.RMSNormalization()(layers.GroupNormalization(-1)(x))
    x = Scaled()(layers.LayerNormalization(axis=[1, 2, 3])(x))
    x = layers.EinsumDense("abcd,de->abce", output_shape=(None, None, 8))(x)
    return head(layers.UnitNormalization()(conv(x, 8, "softplus")))


def resizes(tile: Any) -> Any:
    x = conv(tile, 4)
    pooled = layers.AveragePooling2D(2)(x)
    kinds = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
    up = [layers.UpSampling2D(2, interpolation=kind)(pooled) for kind in kinds]
    up += [layers.Resizing(SIZE, SIZE, interpolation=kind)(pooled) for kind in (*kinds, "area")]
    return head(layers.Concatenate()(up))


class Explicit(layers.Layer):  # type: ignore[misc]
    """Paddings in figures, and a matrix with ones on its diagonal."""

    def call(self, x: Any) -> Any:
        border = [[0, 0], [2, 1], [1, 0], [0, 0]]
        x = tf.nn.max_pool2d(-x, (4, 2), 1, border)
        kernel = tf.ones((3, 3, x.shape[-1], 1)) / 9.0
        x = tf.raw_ops.DepthwiseConv2dNative(
            input=x,
            filter=kernel,
            strides=[1, 1, 1, 1],
            padding="EXPLICIT",
            explicit_paddings=[0, 0, 1, 1, 1, 1, 0, 0],
        )
        return tf.matmul(x, tf.linalg.diag(tf.reduce_max(tf.abs(x), axis=(0, 1, 2))))


def explicit_borders(tile: Any) -> Any:
    patches = ops.image.extract_patches(tile, 3, 1, padding="same")
    return head(conv(layers.Concatenate()([Explicit()(conv(tile, 8)), patches]), 8))


def dilated_transposed(tile: Any) -> Any:
    x = layers.Conv2DTranspose(8, 3, padding="same", dilation_rate=2, activation="relu")(tile)
    return head(layers.Conv2DTranspose(8, 3, padding="same", dilation_rate=(1, 3))(x))


class Chosen(layers.Layer):  # type: ignore[misc]
    """One of four convolutions, by how bright the tile is: a `tf.switch_case` with variables."""

    def build(self, shape: Any) -> None:
        self.kernels = [self.add_weight(shape=(3, 3, shape[-1], 8)) for _ in range(4)]

    def call(self, x: Any) -> Any:
        def branch(kernel: Any) -> Any:
            return lambda: tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME"))

        chosen = tf.cast(5.0 * tf.reduce_mean(x), tf.int32)  # 0 to 4, which is one too many
        return tf.switch_case(chosen, [branch(kernel) for kernel in self.kernels])


def switch_case(tile: Any) -> Any:
    return head(Chosen()(tile))


NETWORKS = {
    function.__name__: function
    for function in (
        unet_transposed, unet_bilinear, group_and_layer_norm, separable_and_dilated,
        swish_and_gelu, attention, conditional, loop, standardized, efficientnet, mobilenet,
        squeeze_excite, grouped, instance_norm_and_ops, activations, normalisations, resizes,
        explicit_borders, dilated_transposed, switch_case,
    )
}  # fmt: skip


def randomise(model: Any, seed: int) -> None:
    """Give all weights values that make the answer far from uniform."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        fan = max(9, np.prod(weight.shape[:-1]))
        value = random.normal(0, 1.2 / np.sqrt(fan), weight.shape)
        if "variance" in weight.path:
            value = random.uniform(0.5, 1.5, weight.shape)
        elif "gamma" in weight.path:
            value = random.uniform(0.7, 1.3, weight.shape)
        weight.assign(value.astype(np.float32))


def balance(model: Any, tile: Any) -> None:
    """Shift the last convolution's biases so that every class wins somewhere."""
    last = next(item for item in reversed(model.layers) if isinstance(item, layers.Conv2D))
    for _ in range(3):
        logits = np.log(np.maximum(model(tile, training=False).numpy(), 1e-30))
        kernel, bias = last.get_weights()
        last.set_weights([kernel, bias - np.median(logits, axis=(0, 1, 2))])


def main(folder: Path) -> None:
    for seed, (name, network) in enumerate(NETWORKS.items()):
        keras.utils.set_random_seed(seed)
        tile = keras.Input((SIZE, SIZE, 3))
        model = keras.Model(tile, network(tile))
        randomise(model, seed)
        values = np.random.default_rng(seed).random((1, SIZE, SIZE, 3)).astype(np.float32)
        balance(model, values)
        model.export(str(folder / name), verbose=False)
        np.savez(folder / f"{name}.npz", tile=values, answer=model(values, training=False).numpy())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
