"""Loads SavedModels without any protection and asks each once: `python load_attack.py FOLDER...`.

What the attacks of `fixtures/attacks.py` do when nobody looks at them first. Each is loaded as the
session loader loads it; where that does nothing, as `tf.saved_model.load` does.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
TILE = np.zeros((1, 32, 32, 1), np.float32)


def as_session(folder: str) -> None:
    """Load, and run the signature."""
    with v1.Session(graph=tf.Graph()) as session:
        v1.saved_model.loader.load(session, ["serve"], folder)
        session.run("answer:0", {"image:0": TILE})


def as_object(folder: str) -> None:
    """Load, without running the signature."""
    tf.saved_model.load(folder)


if __name__ == "__main__":
    for each in sys.argv[1:]:
        for load in (as_session, as_object):
            with suppress(Exception):
                load(each)
