"""Writes small SavedModels of every kind that today's TensorFlow writes.

`python write_sources.py FOLDER` writes one folder for each function in `KINDS`. All but the ones
that say otherwise take gray tiles of 32 x 32 and answer with two classes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

SIZE = (32, 32)
KERNEL = np.random.default_rng(0).normal(0, 0.3, (3, 3, 1, 2)).astype(np.float32)


def network(*size: int | None, batch: int | None = None, last: Any = None) -> Any:
    tile = keras.Input((*(size or SIZE), 1), batch_size=batch)
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(tile)
    x = layers.BatchNormalization()(x)
    x = (last or layers.Conv2D)(2, 1, activation="softmax")(x)
    return keras.Model(tile, x)


def export(folder: Path) -> None:
    network().export(str(folder), verbose=False)


def export_any_size(folder: Path) -> None:
    network(None, None).export(str(folder), verbose=False)


def export_u_net_any_size(folder: Path) -> None:
    tile = keras.Input((None, None, 1))
    one = layers.Conv2D(4, 3, padding="same", activation="relu")(tile)
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(layers.MaxPooling2D(4)(one))
    x = layers.UpSampling2D(2)(x)
    x = layers.Conv2DTranspose(4, 2, strides=2)(x)
    x = layers.Conv2D(2, 1, activation="softmax")(layers.Concatenate()([x, one]))
    keras.Model(tile, x).export(str(folder), verbose=False)


def export_grouped(folder: Path) -> None:
    """Groups of one channel: as they come, with a multiplier, and in steps; and in uneven steps."""
    tile = keras.Input((*SIZE, 1))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(tile)
    x = layers.Conv2D(8, 7, padding="same", groups=8)(x)
    x = layers.Conv2D(16, 3, padding="same", groups=8, activation="relu")(x)
    x = layers.UpSampling2D()(layers.Conv2D(16, 3, strides=2, padding="same", groups=16)(x))
    x = layers.Conv2D(2, 1, activation="softmax")(x)
    keras.Model(tile, x).export(str(folder), verbose=False)


def export_explicit_paddings(folder: Path) -> None:
    """Groups of one channel with paddings of their own, as converters from other frameworks do."""
    module = tf.Module()
    random = np.random.default_rng(0)
    shapes = ((3, 3, 1, 4), (3, 3, 1, 8), (1, 1, 8, 2))
    first, grouped, last = (
        tf.constant(random.normal(size=shape).astype(np.float32)) for shape in shapes
    )

    def network_of(tile: Any) -> dict[str, Any]:
        x = tf.nn.relu(tf.nn.conv2d(tile, first, 1, "SAME"))
        x = tf.nn.conv2d(x, grouped, 1, [[0, 0], [2, 0], [1, 1], [0, 0]])
        return {"output": tf.nn.softmax(tf.nn.conv2d(x, last, 1, "SAME"))}

    signature = [tf.TensorSpec([None, *SIZE, 1], tf.float32, name="tile")]
    module.network = tf.function(network_of, input_signature=signature)
    signatures = module.network.get_concrete_function()
    tf.saved_model.save(module, str(folder), signatures=signatures)


def export_batch_of_four(folder: Path) -> None:
    model = network(batch=4)
    model.export(str(folder), verbose=False)


def export_dense_over_the_tile(folder: Path) -> None:
    tile = keras.Input((8, 8, 1))
    x = layers.Dense(8 * 8 * 2)(layers.Flatten()(tile))
    x = layers.Softmax()(layers.Reshape((8, 8, 2))(x))
    keras.Model(tile, x).export(str(folder), verbose=False)


def export_half_size_answer(folder: Path) -> None:
    tile = keras.Input((None, None, 1))
    x = layers.Conv2D(2, 3, strides=2, padding="same", activation="softmax")(tile)
    keras.Model(tile, x).export(str(folder), verbose=False)


def export_two_inputs(folder: Path) -> None:
    one, two = keras.Input((*SIZE, 1)), keras.Input((*SIZE, 1))
    x = layers.Conv2D(2, 1, activation="softmax")(layers.Concatenate()([one, two]))
    keras.Model([one, two], x).export(str(folder), verbose=False)


def export_random(folder: Path) -> None:
    class Shaken(layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x + tf.random.normal(tf.shape(x))

    tf.random.set_seed(None)
    tile = keras.Input((*SIZE, 1))
    x = layers.Conv2D(2, 1, activation="softmax")(Shaken()(tile))
    keras.Model(tile, x).export(str(folder), verbose=False)


def export_logits(folder: Path) -> None:
    tile = keras.Input((*SIZE, 1))
    keras.Model(tile, layers.Conv2D(2, 3, padding="same")(tile)).export(str(folder), verbose=False)


def saved_keras_model(folder: Path) -> None:
    model = network()
    tf.saved_model.save(model, str(folder))


class Module(tf.Module):  # type: ignore[misc]
    """A plain module whose function calls another one, asserts, and branches."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = tf.Variable(KERNEL)
        self.scale = tf.Variable(2.0)

    @tf.function  # type: ignore[untyped-decorator]
    def logits(self, tile: Any) -> Any:
        return tf.nn.conv2d(tile, self.kernel, 1, "SAME") * self.scale

    @tf.function(input_signature=[tf.TensorSpec((None, *SIZE, 1))])  # type: ignore[untyped-decorator]
    def __call__(self, tile: Any) -> Any:
        tf.debugging.assert_all_finite(tile, "the tile has to be finite")
        tf.debugging.assert_less(tf.reduce_max(tile), 1e9)
        x = tf.cond(
            tf.reduce_mean(tile) > 0.5, lambda: self.logits(tile), lambda: self.logits(tile * 2.0)
        )
        return tf.nn.softmax(x)


def module(folder: Path) -> None:
    made = Module()
    tf.saved_model.save(made, str(folder), signatures=made.__call__)


def tensorflow_1(folder: Path) -> None:
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        tile = v1.placeholder(tf.float32, (None, *SIZE, 1), "input")
        training = v1.placeholder_with_default(False, (), "training")
        kernel = v1.get_variable("kernel", initializer=KERNEL, use_resource=False)
        scale = v1.get_variable("scale", initializer=np.float32(0.7), use_resource=True)
        x = v1.nn.conv2d(tile, kernel, padding="SAME") * scale
        with v1.control_dependencies([v1.assert_less(v1.reduce_max(tile), 1e9)]):
            x = v1.cond(training, lambda: x * 0.0, lambda: x + 0.0)
        count = v1.while_loop(lambda n, _: n < 3, lambda n, y: (n + 1, y * 1.1), (0, x))
        answer = tf.nn.softmax(count[1], name="output")
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(folder), {"tile": tile}, {"answer": answer})


def tensorflow_1_frames(folder: Path) -> None:
    """Loops and branches of TensorFlow 1, with weights that stand inside them."""
    v1 = tf.compat.v1
    inner = np.random.default_rng(1).normal(0, 0.3, (3, 3, 2, 2)).astype(np.float32)
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default(), v1.Session() as session:
            tile = v1.placeholder(tf.float32, (None, *SIZE, 1), "input")
            bright = v1.reduce_mean(tile) > 0.5
            kernel = v1.get_variable("kernel", initializer=KERNEL)
            x = v1.nn.conv2d(tile, kernel, padding="SAME")
            x += v1.cond(bright, lambda: tf.constant([0.5, -0.5]), lambda: tf.constant([0.1, 0.2]))

            def body(n: Any, y: Any) -> Any:
                y = v1.nn.relu(v1.nn.conv2d(y, tf.constant(inner), padding="SAME") + 0.3)
                y = v1.cond(n > 1, lambda: y * tf.constant([0.9, 1.1]), lambda: y - 0.05)
                return n + 1, y

            x = v1.while_loop(lambda n, _: n < 3, body, (0, x))[1]
            answer = tf.nn.softmax(x, name="output")
            session.run(v1.global_variables_initializer())
            v1.saved_model.simple_save(session, str(folder), {"tile": tile}, {"answer": answer})
    finally:
        v1.enable_control_flow_v2()


KINDS = (
    export, export_any_size, export_u_net_any_size, export_grouped, export_explicit_paddings,
    export_batch_of_four,
    export_dense_over_the_tile, export_half_size_answer, export_two_inputs, export_random,
    export_logits, saved_keras_model, module, tensorflow_1, tensorflow_1_frames,
)  # fmt: skip


if __name__ == "__main__":
    for kind in KINDS:
        keras.utils.set_random_seed(1)
        kind(Path(sys.argv[1]) / kind.__name__)
