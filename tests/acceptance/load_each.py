"""Loads SavedModels as TensorFlow does: `python load_each.py [--run] FOLDER...`.

Each is opened by the session loader, which then runs the signature `serving_default` on zeros, and
by `tf.saved_model.load`, which runs it as well where `--run` comes first. Prints JSON: for each
folder, by loader, the first line of the error or the mean of the output for each channel; null
where nothing was run. With Python 3.7 upwards.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
TILE = np.zeros((1, 32, 32, 1), np.float32)


def as_session(folder: str) -> Any:
    """Load, and run the signature."""
    with v1.Session(graph=tf.Graph()) as session:
        meta = v1.saved_model.loader.load(session, ["serve"], folder)
        signature = meta.signature_def["serving_default"]
        (feed,) = signature.inputs.values()
        (fetch,) = signature.outputs.values()
        return session.run(fetch.name, {feed.name: TILE})


def as_object(folder: str) -> Any:
    """Load, without running the signature."""
    tf.saved_model.load(folder)


def as_object_run(folder: str) -> Any:
    """Load, and run the signature."""
    function = tf.saved_model.load(folder).signatures["serving_default"]
    return next(iter(function(tf.constant(TILE)).values())).numpy()


def outcome(load: Callable[[str], Any], folder: str) -> dict[str, Any]:
    """What comes of one loader."""
    try:
        output = load(folder)
    except Exception as error:  # noqa: BLE001 - each is a result
        return {"error": type(error).__name__ + ": " + " ".join(str(error).split())}
    means: list[float] | None = None
    if output is not None:
        means = [float(each) for each in output.mean((0, 1, 2))]
    return {"error": None, "means": means}


if __name__ == "__main__":
    run = sys.argv[1] == "--run"
    loaders = {"session": as_session, "object": as_object_run if run else as_object}
    results = {
        folder: {name: outcome(load, folder) for name, load in loaders.items()}
        for folder in sys.argv[1 + run :]
    }
    sys.stdout.write("\n" + json.dumps(results) + "\n")
