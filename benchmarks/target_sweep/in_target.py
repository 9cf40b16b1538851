"""Runs SavedModels in the TensorFlow that runs this script: `python in_target.py JOBS.json`.

Stands alone and runs on Python 3.7. A job has `folder`, `tile` (an `.npy`), and `into`: the output
goes to `<into>.npy`, or the error's first line to `<into>.txt`.
"""

import json
import sys
from typing import Any

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1


def run(folder: str, tile: Any) -> Any:
    with v1.Session(graph=tf.Graph()) as session:
        meta = v1.saved_model.loader.load(session, ["serve"], folder)
        signature = meta.signature_def["serving_default"]
        (feed,) = signature.inputs.values()
        (fetch,) = signature.outputs.values()
        return session.run(fetch.name, {feed.name: tile})


def main(path: str) -> None:
    with open(path) as stream:
        jobs = json.load(stream)
    for job in jobs:
        try:
            output = run(job["folder"], np.load(job["tile"]))
        except Exception as error:  # noqa: BLE001, PERF203 - each is a result
            lines = str(error).splitlines() or [""]
            with open(job["into"] + ".txt", "w") as stream:
                stream.write(type(error).__name__ + ": " + lines[0])
        else:
            np.save(job["into"] + ".npy", output)


if __name__ == "__main__":
    main(sys.argv[1])
