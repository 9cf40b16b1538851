"""What a whole verdict costs, against the least that a run of the network can cost.

    python benchmarks/verify.py [MODEL] [-n REPETITIONS] [--memory] [--json]

The floor is a fresh Python that imports TensorFlow, loads the unpacked network and runs as many
tiles of the same shape through it, and does nothing else. With `--memory`, the peak memory of all
processes together is compared in place of CPU time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # called as a file, it finds its neighbours

from benchmarks.cpu import MODEL, medians, report
from benchmarks.memory import peak_bytes

BASE = "floor: import, load, run"
TARGETS = {"verify": 0.45, "verify --backend python": 1.25}
MEMORY_TARGETS = {"verify": 1.0, "verify --backend python": 1.5}
FLOOR = """
import sys
import numpy as np
import tensorflow as tf

folder, loader, signature, key, fed, answer, fetched, shape, count = sys.argv[1:]
tile = np.random.RandomState(0).randint(0, 255, eval(shape)).astype(np.float32)
if loader == "session":
    v1 = tf.compat.v1
    session = v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        v1.saved_model.loader.load(session, ["serve"], folder)
    run = session.make_callable(fetched, feed_list=[fed])
else:
    model = tf.saved_model.load(folder)
    function = model.signatures[signature]
    run = lambda tile: function(**{key: tf.constant(tile)})[answer].numpy()
for _ in range(int(count)):
    run(tile)
"""


def floor(path: Path, folder: Path, runs: int) -> list[str]:
    """The command of the floor.

    Args:
        path: The archive.
        folder: Folder to unpack its network to.
        runs: How many tiles to run.

    Returns:
        Program and arguments.
    """
    import czcheck
    from czcheck.runtime.unpack import unpack

    with czcheck.open(path) as model:
        network = model.network
        unpack(model.files, folder)
    serving = network.serving
    if serving is None or serving.inputs[0].shape is None:
        raise SystemExit(f"{path}: no network that could be run")
    fed, fetched = serving.inputs[0], serving.outputs[0]
    assert fed.shape is not None
    shape = (1, *(size or 1 for size in fed.shape[1:]))
    names = [network.loader, serving.name, fed.key, fed.tensor, fetched.key, fetched.tensor]
    return [sys.executable, "-c", FLOOR, str(folder), *names, str(shape), str(runs)]


def tile_runs(path: Path) -> int:
    """How many tiles a verdict runs, those of further measurements included."""
    import czcheck

    run = czcheck.verify(path).files[0].looked_at.get("run")
    if run is None:
        raise SystemExit(f"{path}: no network that could be run")
    return int(run["tile_runs"])


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path, default=MODEL)
    parser.add_argument("-n", "--repetitions", type=int, default=7)
    parser.add_argument("--memory", action="store_true", help="compare memory, not CPU time")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    model = options.model.resolve()
    verify = [sys.executable, "-m", "czcheck", "verify", "--no-cache", str(model)]
    with tempfile.TemporaryDirectory() as scratch:
        commands = {
            BASE: floor(model, Path(scratch, "model"), tile_runs(model)),
            "verify": verify,
            "verify --backend python": [*verify, "--backend", "python"],
        }
        if options.memory:
            peaks = {name: peak_bytes(command) / 2**20 for name, command in commands.items()}
            return report(peaks, BASE, MEMORY_TARGETS, as_json=options.json, unit="MiB")
        seconds = medians(commands, options.repetitions, accepted=(0, 1))
    return report(seconds, BASE, TARGETS, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
