"""Exports Keras files, runs what came of them, and writes outputs or the reason why there is none.

`python compute_old_keras.py FOLDER INTO`: for each Keras file below FOLDER that has a neighbour
`.npz` with the input `x`; into `INTO/results.npz` by the file's path below FOLDER.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from czcheck.building.lowering import keras_files


def output_of(file: Path) -> Any:
    tile = np.load(file.with_suffix(".npz"))["x"]
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder, "exported")
        keras_files.export(file, into, None, ".")
        function = tf.saved_model.load(str(into)).signatures["serving_default"]
        (name,) = function.structured_input_signature[1]
        return function(**{name: tf.constant(tile)})["output_0"].numpy()


def main(folder: Path, into: Path) -> None:
    found: dict[str, Any] = {}
    for file in sorted([*folder.rglob("*.h5"), *folder.rglob("*.keras")]):
        found[file.relative_to(folder).as_posix()] = output_of(file)
    np.savez(into, allow_pickle=False, **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
