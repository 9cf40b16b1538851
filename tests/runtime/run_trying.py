"""Has workers try what they are kept from, once a network has run in them; tells, as JSON.

run_trying.py NETWORK OUTSIDE shut|open NAME...
    NETWORK  folder of a SavedModel
    OUTSIDE  a folder that no worker has to do with; holds `secret`
    NAME     of an attempt; all if there is none
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from czcheck.limits import DEFAULT_LIMITS
from czcheck.network import SavedModelFolder, read_network
from czcheck.runtime import Worker, load_network
from czcheck.runtime.worker import C_LIBRARY, PYTHON

HERE = Path(__file__).parent
PLACE, OUTSIDE, MODE, *NAMES = sys.argv[1:]


def outcome(backend: str) -> dict[str, object]:
    """What a worker tried with a network in it, and what came of it; a second one waits beside."""
    script = HERE / "trying_worker.py"
    shut = MODE == "shut"
    with (
        Worker(backend=backend, sandbox=shut, script=script) as worker,
        Worker(backend=backend, sandbox=shut, script=script) as neighbour,
    ):
        environment = worker.hello()
        neighbour.hello()
        folder = worker.folder / "model"
        shutil.copytree(PLACE, folder)
        load_network(worker, folder, read_network(SavedModelFolder(folder), DEFAULT_LIMITS))
        answer = worker.predict(np.ones((1, 32, 32, 1), np.float32))
        told = worker.command(
            "try",
            60,
            outside=OUTSIDE,
            held=str(folder / "saved_model.pb"),
            neighbours=[str(neighbour.folder / name) for name in neighbour.answers],
            names=NAMES,
        )
        worker.finish()
        neighbour.finish()
    first = None if answer.array is None else float(answer.array.flat[0])
    return {
        "sandboxed": environment.sandboxed,
        "backend": environment.backend,
        "first": first,
        "outcomes": told["outcomes"],
    }


if __name__ == "__main__":
    results = {
        "C library": outcome(C_LIBRARY),
        "C library again": outcome(C_LIBRARY),
        "Python": outcome(PYTHON),
    }
    sys.stdout.write(json.dumps(results))
