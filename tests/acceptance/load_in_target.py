"""Loads SavedModels in the TensorFlow that runs it and writes what they answer.

`python load_in_target.py JOBS.json RESULTS.json`, with Python 3.7 upwards. A job has `name`,
`folder`, `tile` (an `.npz` with `tile`) and `into` (where to write the answers); a result has
`name` and, by loader, None or the error's first line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf


def by_object(folder: str, tile: Any) -> Any:
    function = tf.saved_model.load(folder).signatures["serving_default"]
    return next(iter(function(tf.constant(tile)).values())).numpy()


def by_session(folder: str, tile: Any) -> Any:
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], folder)
        signature = meta.signature_def["serving_default"]
        (feed,) = signature.inputs.values()
        (fetch,) = signature.outputs.values()
        return session.run(fetch.name, {feed.name: tile})


def by_keras(folder: str, tile: Any) -> Any:
    model = tf.keras.models.load_model(folder)
    if not isinstance(model, tf.keras.Model):
        raise TypeError(f"{type(model).__name__} is no Model")
    return model.predict(tile)


LOADERS = {"object": by_object, "session": by_session, "keras": by_keras}


def main(jobs_path: str, results_path: str) -> None:
    jobs = json.loads(Path(jobs_path).read_text())
    results = []
    for job in jobs:
        tile = np.load(job["tile"])["tile"]
        answers = {}
        errors: dict[str, str | None] = {}
        for loader, load in LOADERS.items():
            try:
                answers[loader] = load(job["folder"], tile)
                errors[loader] = None
            except Exception as error:  # noqa: BLE001, PERF203 - each is a result
                text = (str(error).splitlines() or [""])[0]
                errors[loader] = type(error).__name__ + ": " + text
        np.savez(job["into"], **answers)
        results.append({"name": job["name"], "errors": errors})
    found = {"tensorflow": tf.__version__, "results": results}
    Path(results_path).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
