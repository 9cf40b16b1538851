"""Writes networks that TensorFlow's graph optimiser computes otherwise than they say.

Each into a folder of its own; run in a process of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tests.runtime.rewritten import BETA, EPSILON, GAMMA, SIDE, TOKENS, WEIGHTS

TILE = tf.TensorSpec((None, SIDE, SIDE, 1), tf.float32, "image")


def normalise(tokens: Any) -> Any:
    """Layer normalisation over tokens, as Keras 2 writes it, with constants for weights."""
    mean = tf.reduce_mean(tokens, [2], keepdims=True)
    squares = tf.math.squared_difference(tokens, tf.stop_gradient(mean))
    inverse = tf.math.rsqrt(tf.reduce_mean(squares, [2], keepdims=True) + EPSILON) * GAMMA
    return tokens * inverse + (BETA - mean * inverse)


def ended(image: Any, body: Any) -> Any:
    tokens = body(tf.reshape(image * WEIGHTS, (-1, TOKENS, len(GAMMA))))
    tokens = tf.reshape(tokens, (-1, SIDE, SIDE, len(GAMMA)))
    return tf.nn.softmax(tokens[..., :2])


def plain(image: Any) -> Any:
    return ended(image, normalise)


def nested(image: Any) -> Any:
    return ended(image, tf.function(tf.function(normalise)))


def loop(image: Any) -> Any:
    return ended(
        image,
        lambda tokens: tf.while_loop(
            lambda step, _: step < 1, lambda step, each: (step + 1, normalise(each)), (0, tokens)
        )[1],
    )


def branch(image: Any) -> Any:
    return ended(
        image,
        lambda tokens: tf.cond(
            tf.reduce_sum(image) > 0.0, lambda: normalise(tokens), lambda: tokens * 2.0
        ),
    )


def best(image: Any) -> Any:
    """Marks the better of two classes, which are equal where both are cut off at zero."""
    scores = tf.nn.relu(tf.concat([image * 2.0 - 1.8, image - 0.9], -1))
    return tf.one_hot(tf.argmax(scores, -1), 2)


def places(image: Any) -> Any:
    """Marks windows whose largest value comes first; all are equal where they are cut off."""
    scores = tf.nn.relu(image - 0.9)
    found = tf.nn.max_pool_with_argmax(scores, 3, 1, "SAME").argmax
    first = found < tf.reshape(tf.range(SIDE * SIDE, dtype=tf.int64), (1, SIDE, SIDE, 1))
    return tf.one_hot(tf.cast(first[..., 0], tf.int32), 2)


class Network(tf.Module):  # type: ignore[misc]
    """A function of the picture."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    @tf.function(input_signature=[TILE])  # type: ignore[untyped-decorator]
    def answer(self, image: Any) -> Any:
        return {"answer": self.function(image)}


def keep_calls(folder: Path) -> None:
    """Mark all functions of a SavedModel as ones that are not to be written out where called."""
    path = folder / "saved_model.pb"
    message = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for function in message.meta_graphs[0].graph_def.library.function:
        function.attr["_noinline"].b = True
    path.write_bytes(message.SerializeToString())


if __name__ == "__main__":
    into = Path(sys.argv[1])
    for function in (plain, nested, loop, branch, best, places):
        network = Network(function)
        tf.saved_model.save(network, str(into / function.__name__), network.answer)
    network = Network(nested)
    tf.saved_model.save(network, str(into / "called"), network.answer)
    keep_calls(into / "called")
