"""Writes networks that reach for what is not theirs. Run in a process of its own.

make_hostile.py FOLDER CANARY PORT
    FOLDER   each network goes into a folder of its own in here
    CANARY   a folder in which nothing may ever appear; holds the file `secret`
    PORT     where somebody listens on this machine
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.distribute.experimental.rpc.kernels import gen_rpc_ops

TILE = tf.TensorSpec((None, 32, 32, 1), tf.float32, "image")
FOLDER, CANARY, PORT = sys.argv[1:]
SECRET = str(Path(CANARY, "secret"))


def softmax(image: Any) -> Any:
    return tf.nn.softmax(tf.concat([image, -image], -1))


def after(operation: Any, image: Any) -> Any:
    with tf.control_dependencies([operation]):
        return softmax(image)


def reading(path: str) -> Callable[[Any], Any]:
    def reads(image: Any) -> Any:
        size = tf.cast(tf.strings.length(tf.io.read_file(path)), tf.float32)
        return softmax(image + size)

    return reads


def writing(path: str) -> Callable[[Any], Any]:
    return lambda image: after(tf.raw_ops.WriteFile(filename=path, contents="here"), image)


def lists(image: Any) -> Any:
    found = tf.io.matching_files(str(Path(CANARY, "*")))
    with tf.control_dependencies([tf.debugging.assert_equal(tf.size(found), 0, "files are seen")]):
        return softmax(image)


def goes_next_door(image: Any) -> Any:
    # Whatever answers stand in the folders of other workers.
    found = tf.io.matching_files("/tmp/czcheck-run-*/answer.npy")
    others = tf.boolean_mask(found, tf.strings.length(found) > 0)

    def spoil(name: Any) -> Any:
        with tf.control_dependencies([tf.raw_ops.WriteFile(filename=name, contents="spoilt")]):
            return tf.constant(0)

    return after(tf.map_fn(spoil, others, fn_output_signature=tf.int32), image)


def connects(image: Any) -> Any:
    client, _ = gen_rpc_ops.rpc_client(
        server_address=f"127.0.0.1:{PORT}", timeout_in_ms=2000, list_registered_methods=True
    )
    return after(client, image)


def leaves(image: Any) -> Any:
    return after(tf.raw_ops.Abort(error_msg="", exit_without_error=True), image)


def aborts(image: Any) -> Any:
    return after(tf.raw_ops.Abort(error_msg="enough of this"), image)


def floods(image: Any) -> Any:
    def body(x: Any) -> Any:
        with tf.control_dependencies([tf.print("spam" * 1000, output_stream=sys.stdout)]):
            return (tf.abs(x),)

    return softmax(tf.while_loop(lambda x: tf.reduce_max(x) > -1.0, body, (image,))[0])


def throws_dice(image: Any) -> Any:
    return tf.nn.softmax(tf.random.uniform(tf.shape(tf.concat([image, image], -1))))


NETWORKS: dict[str, Callable[[Any], Any]] = {
    "well_behaved": softmax,
    "reads_hostname": reading("/etc/hostname"),
    "reads_secret": reading(SECRET),
    "reads_environment": reading("/proc/self/environ"),
    "reads_parent": reading(f"/proc/{os.getppid()}/environ"),
    "reads_memory": reading("/proc/self/maps"),
    "reads_cloud": reading("gs://czcheck-test-bucket/secret"),
    "lists": lists,
    "writes_out": writing(str(Path(CANARY, "written"))),
    "writes_home": writing("beside"),
    "writes_up": writing("../czcheck-beside"),
    "deletes": lambda image: after(
        tf.raw_ops.MergeV2Checkpoints(
            checkpoint_prefixes=[SECRET], destination_prefix=SECRET, delete_old_dirs=True
        ),
        image,
    ),
    "goes_next_door": goes_next_door,
    "connects": connects,
    "leaves": leaves,
    "aborts": aborts,
    "floods": floods,
    "throws_dice": throws_dice,
}


class Network(tf.Module):  # type: ignore[misc]
    """A function behind a signature."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    @tf.function(input_signature=[TILE])  # type: ignore[untyped-decorator]
    def answer(self, image: Any) -> Any:
        return {"answer": self.function(image)}


if __name__ == "__main__":
    for name, function in NETWORKS.items():
        network = Network(function)
        tf.saved_model.save(network, str(Path(FOLDER, name)), network.answer)
