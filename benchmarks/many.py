"""What a further file costs, against the first one of a call.

    python benchmarks/many.py [MODEL] [-n REPETITIONS] [--json]

The same archive is verified once, and together with copies of it under other names.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # called as a file, it finds its neighbours

from benchmarks.cpu import MODEL, medians, report

BASE = "the first file"
SECOND = "the second of two"
# What is left is mostly the tiles: each file has a process of its own.
TARGETS = {SECOND: 0.75}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path, default=MODEL)
    parser.add_argument("-n", "--repetitions", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        copies = [str(Path(scratch, f"{number}.czmodel")) for number in (1, 2)]
        for copy in copies:
            shutil.copyfile(options.model, copy)
        verify = [sys.executable, "-m", "czcheck", "verify"]
        commands = {"one": [*verify, copies[0]], "two": [*verify, *copies]}
        seconds = medians(commands, options.repetitions, accepted=(0, 1))
    spent = {BASE: seconds["one"], SECOND: seconds["two"] - seconds["one"]}
    return report(spent, BASE, TARGETS, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
