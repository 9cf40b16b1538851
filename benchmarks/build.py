"""What it costs to build an archive of a large network.

    python benchmarks/build.py [-n REPETITIONS] [--megabytes SIZE] [--json]

The floor is a fresh Python that imports TensorFlow, loads the same SavedModel and saves it again.
Time is CPU time of all processes; memory is what all processes of the build have in use together,
looked at every 20 milliseconds (memory that several of them share counts once).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # called as a file, it finds its neighbours

from benchmarks.cpu import medians, report
from benchmarks.memory import peak_bytes

BASE = "floor: import, load, save"
TARGETS = {"build": 3.0}
MEMORY_TARGET = 3 << 30
TILE = 64

WRITE = """
import sys
import keras
from keras import layers

folder, channels, tile = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
image = keras.Input((tile, tile, 1))
x = layers.AveragePooling2D(8)(layers.Conv2D(8, 3, padding="same", activation="relu")(image))
for _ in range(3):
    x = layers.Conv2D(channels, 3, padding="same", use_bias=False)(x)
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
x = layers.UpSampling2D(8)(layers.Conv2D(8, 1)(x))
keras.Model(image, layers.Conv2D(2, 1, activation="softmax")(x)).export(folder, verbose=False)
"""
FLOOR = """
import sys
import tensorflow as tf

model = tf.saved_model.load(sys.argv[1])
tf.saved_model.save(model, sys.argv[2], signatures=model.signatures["serving_default"])
"""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", "--repetitions", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=120, help="size of the weights")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    channels = int((options.megabytes * 1e6 / (4 * 9 * 2)) ** 0.5) + 1
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "network")
        write = [sys.executable, "-c", WRITE, str(folder), str(channels), str(TILE)]
        subprocess.run(write, check=True, capture_output=True)
        spec = {
            "Name": "Large",
            "BorderSize": 8,
            "ColorHandling": "ConvertToMonochrome",
            "PixelType": "Gray8",
            "Classes": ["Background", "Nucleus"],
            "ModelPath": "network",
        }
        path = Path(scratch, "spec.json")
        path.write_text(json.dumps(spec), "utf-8")
        target = str(Path(scratch, "large.czmodel"))
        build = [sys.executable, "-m", "czcheck", "build", str(path), "-o", target, "--no-verify"]
        commands = {
            BASE: [sys.executable, "-c", FLOOR, str(folder), str(Path(scratch, "saved"))],
            "build": build,
        }
        peak = peak_bytes(build)
        seconds = medians(commands, options.repetitions)
    kept = report(seconds, BASE, TARGETS, as_json=options.json) == 0
    verdict = "kept" if peak <= MEMORY_TARGET else "MISSED"
    limit = MEMORY_TARGET / (1 << 30)
    if options.json:
        print(json.dumps({"peak_bytes": peak, "target": MEMORY_TARGET}))
    else:
        print(f"memory: {peak / (1 << 30):.2f} GiB, target {limit:g} GiB: {verdict}")
    return 0 if kept and peak <= MEMORY_TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
