"""What the commands that need no TensorFlow cost, against importing TensorFlow.

python -m benchmarks.startup [MODEL] [-n REPETITIONS] [--json]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # called as a file, it finds its neighbours

from benchmarks.cpu import MODEL, medians, report

BASE = "import tensorflow"
TARGETS = {"--help": 0.03, "inspect": 0.06, "verify --level network": 0.06}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path, default=MODEL)
    parser.add_argument("-n", "--repetitions", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    czcheck, model = [sys.executable, "-m", "czcheck"], str(options.model.resolve())
    commands = {
        BASE: [sys.executable, "-c", "import tensorflow"],
        "--help": [*czcheck, "--help"],
        "inspect": [*czcheck, "inspect", model],
        "verify --level network": [*czcheck, "verify", "--level", "network", model],
    }
    # A model with findings is measured as well.
    seconds = medians(commands, options.repetitions, accepted=(0, 1))
    return report(seconds, BASE, TARGETS, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
