"""Fuzzes one target until libFuzzer's limits are reached or something breaks.

    python -m fuzz.target TARGET CORPUS... [libFuzzer's options]

Needs atheris (`pip install '.[fuzz]'`); `python -m fuzz.run` calls it for every target. libFuzzer
starts the program anew when it merges a corpus, by the name in the variable `FUZZ_AGAIN`.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Fuzz the target that the command line names."""
    import atheris

    name = sys.argv.pop(1)
    sys.argv[0] = os.environ.get("FUZZ_AGAIN", sys.argv[0])
    # Only modules that are imported in here tell which branches were taken, and many are imported
    # when they are first used.
    with atheris.instrument_imports(include=["czcheck"]):
        from fuzz.places import TARGETS
        from fuzz.seeds import seeds

        for seed in seeds(name):
            TARGETS[name](seed)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
