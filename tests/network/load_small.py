"""Loads SavedModels and prints their answers: `python load_small.py FOLDER...`.

Runs on Python 3.7 with TensorFlow 2.0.0 as well as on today's.
"""

import json
import sys
from typing import Any

import numpy as np
import tensorflow as tf

TILE = np.arange(32 * 32, dtype=np.float32).reshape((1, 32, 32, 1)) * 64


def by_object(folder: str) -> Any:
    call = tf.saved_model.load(folder).signatures["serving_default"]
    (answer,) = call(image=tf.constant(TILE)).values()
    return answer.numpy()


def by_session(folder: str) -> Any:
    v1 = tf.compat.v1
    with v1.Session(graph=tf.Graph()) as session:
        v1.saved_model.loader.load(session, ["serve"], folder)
        return session.run("answer:0", {"image:0": TILE})


json.dump(
    [
        [loader(folder)[0, 16, ::8, 1].tolist() for loader in (by_object, by_session)]
        for folder in sys.argv[1:]
    ],
    sys.stdout,
)
