"""What commands cost that need no TensorFlow, or none of it again, against importing it.

    python -m benchmarks.startup [MODEL] [-n REPETITIONS] [--json]

With CZCHECK_CORPUS set and no MODEL given, the reference exporter's archive is measured as well:
its graph has 1,037 nodes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # called as a file, it finds its neighbours

from benchmarks.cpu import MODEL, medians, report

BASE = "import tensorflow"
CACHED = "verify, nothing has changed"
TARGETS = {"--help": 0.03, "inspect": 0.06, "verify --level network": 0.06, CACHED: 0.06}
REFERENCE = "simple_nuclei_tf200.czmodel"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("-n", "--repetitions", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    czcheck, model = [sys.executable, "-m", "czcheck"], str((options.model or MODEL).resolve())
    commands = {
        BASE: [sys.executable, "-c", "import tensorflow"],
        "--help": [*czcheck, "--help"],
        "inspect": [*czcheck, "inspect", model],
        "verify --level network": [*czcheck, "verify", "--level", "network", model],
    }
    targets = dict(TARGETS)
    if options.model is None and "CZCHECK_CORPUS" in os.environ:
        reference = str(Path(os.environ["CZCHECK_CORPUS"], REFERENCE).resolve())
        for name in ("inspect", "verify --level network"):
            commands[f"{name}, reference exporter's"] = [*czcheck, *name.split(), reference]
            targets[f"{name}, reference exporter's"] = TARGETS[name]
    with tempfile.TemporaryDirectory() as folder:
        # The turn that is not counted runs the network, and the others take its verdict.
        commands[CACHED] = [*czcheck, "verify", "--cache", "--cache-dir", folder, model]
        # A model with findings is measured as well.
        seconds = medians(commands, options.repetitions, accepted=(0, 1))
    return report(seconds, BASE, targets, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
