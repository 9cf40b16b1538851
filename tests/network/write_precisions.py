"""Writes networks that compute in several types, each into a folder of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

TILE = tf.TensorSpec((None, 8, 8, 1), tf.float32, "image")
KERNEL = np.ones((3, 3, 1, 2), np.float32)


def convolved(image: Any, kind: Any = tf.float32) -> Any:
    kernel = tf.cast(tf.constant(KERNEL), kind)
    return tf.cast(tf.nn.conv2d(tf.cast(image, kind), kernel, 1, "SAME"), tf.float32)


def plain(image: Any) -> Any:
    return convolved(image)


def half(image: Any) -> Any:
    return convolved(image, tf.float16)


def brain(image: Any) -> Any:
    return convolved(image, tf.bfloat16)


def both(image: Any) -> Any:
    return convolved(image, tf.bfloat16) + convolved(image, tf.float16)


def stored_weights(image: Any) -> Any:
    kernel = tf.cast(tf.constant(KERNEL.astype(np.float16)), tf.float32)
    return tf.nn.conv2d(image, kernel, 1, "SAME")


def in_a_function(image: Any) -> Any:
    inner = tf.function(lambda each: convolved(each, tf.float16))
    return tf.function(lambda each: inner(each) * 2.0)(image)


def in_a_loop(image: Any) -> Any:
    def body(step: Any, each: Any) -> Any:
        return step + 1, tf.cast(tf.cast(each, tf.bfloat16) * 2, tf.float32)

    return tf.while_loop(lambda step, _: step < 3, body, (0, convolved(image)))[1]


def in_one_branch(image: Any) -> Any:
    return tf.cond(
        tf.reduce_max(image) > 1.0,
        lambda: convolved(image, tf.float16),
        lambda: convolved(image),
    )


def beside(image: Any) -> Any:
    """Computes in half precision what no prediction depends on."""
    tf.print(tf.reduce_max(tf.cast(image, tf.float16)), output_stream=sys.stderr)
    return convolved(image)


def constant_in_a_function(image: Any) -> Any:
    widen = tf.function(lambda kernel, each: tf.cast(kernel, tf.float32) * each)
    return widen(tf.constant(np.ones(2, np.float16)), convolved(image))


class Network(tf.Module):  # type: ignore[misc]
    """A function of the picture."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    @tf.function(input_signature=[TILE])  # type: ignore[untyped-decorator]
    def answer(self, image: Any) -> Any:
        return {"answer": tf.nn.softmax(self.function(image))}


if __name__ == "__main__":
    for function in (
        plain, half, brain, both, stored_weights, in_a_function, in_a_loop, in_one_branch, beside,
        constant_in_a_function,
    ):  # fmt: skip
        network = Network(function)
        tf.saved_model.save(network, str(Path(sys.argv[1]) / function.__name__), network.answer)
