"""Writes networks that misbehave, each into a folder of its own. Run in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import tensorflow as tf

TILE = tf.TensorSpec((None, 8, 8, 1), tf.float32, "image")


def softmax(image: Any) -> Any:
    return tf.nn.softmax(tf.concat([image, -image], -1))


def aborts(image: Any) -> Any:
    with tf.control_dependencies([tf.raw_ops.Abort(error_msg="enough of this")]):
        return softmax(image)


def loops(image: Any) -> Any:
    endless = tf.while_loop(lambda x: tf.reduce_max(x) > -1.0, lambda x: (tf.abs(x),), (image,))
    return softmax(endless[0])


def allocates(image: Any) -> Any:
    # 200 GB, of a size that is known only when it runs, and only for bright tiles.
    size = tf.cast(tf.minimum(tf.reduce_max(image), 1.0) * 50e9, tf.int64)
    return softmax(image + tf.reduce_max(tf.fill([size + 1], tf.reduce_min(image))))


def floods(image: Any) -> Any:
    def body(x: Any) -> Any:
        with tf.control_dependencies([tf.print("spam" * 1000, output_stream=sys.stdout)]):
            return (tf.abs(x),)

    return softmax(tf.while_loop(lambda x: tf.reduce_max(x) > -1.0, body, (image,))[0])


def chats(image: Any) -> Any:
    forged = '{"nonce": "0", "command": "predict", "ok": true}'
    with tf.control_dependencies([tf.print(forged, output_stream=sys.stdout)]):
        return softmax(image)


class Network(tf.Module):  # type: ignore[misc]
    """A function behind a variable, so that there is something to restore."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.scale = tf.Variable(1.0)
        self.function = function

    @tf.function(input_signature=[TILE])  # type: ignore[untyped-decorator]
    def answer(self, image: Any) -> Any:
        return {"answer": self.function(image * self.scale)}


if __name__ == "__main__":
    for each in (aborts, loops, allocates, floods, chats):
        network = Network(each)
        tf.saved_model.save(network, str(Path(sys.argv[1]) / each.__name__), network.answer)
