"""Writes networks that misbehave, each into a folder of its own. Run in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import tensorflow as tf

TILE = tf.TensorSpec((None, 8, 8, 1), tf.float32, "image")


def softmax(image: Any) -> Any:
    return tf.nn.softmax(tf.concat([image, -image], -1))


def behaves(image: Any) -> Any:
    return softmax(image)


def looped(image: Any, times: int, *, prints: bool = False) -> Any:
    """The image after so many rounds that change nothing."""

    def body(x: Any) -> Any:
        said = [tf.print("spam" * 1000, output_stream=sys.stdout)] if prints else []
        with tf.control_dependencies(said):
            return (tf.abs(x),)

    return softmax(tf.while_loop(lambda _: True, body, (image,), maximum_iterations=times)[0])


def slow(image: Any) -> Any:
    # Half a minute and more; it comes to an end.
    return looped(image, 4_000_000)


def allocates(image: Any) -> Any:
    # 2.4 GB, of a size that is known only when it runs, and only for bright tiles.
    size = tf.cast(tf.minimum(tf.reduce_max(image), 1.0) * 6e8, tf.int64)
    return softmax(image + tf.reduce_max(tf.fill([size + 1], tf.reduce_min(image))))


def prints_much(image: Any) -> Any:
    # 4 MB.
    return looped(image, 1_000, prints=True)


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
    for each in (behaves, slow, allocates, prints_much, chats):
        network = Network(each)
        tf.saved_model.save(network, str(Path(sys.argv[1]) / each.__name__), network.answer)
