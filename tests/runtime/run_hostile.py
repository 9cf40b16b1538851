"""Runs networks through workers without looking into them first; tells what came of it, as JSON.

run_hostile.py FOLDER shut|open NAME...
    NAME     of a network; with ` again`, the same; with ` alone`, in a process that is no fork
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from czcheck.limits import DEFAULT_LIMITS
from czcheck.network.files import SavedModelFolder
from czcheck.network.saved_model import read_network
from czcheck.runtime.deaths import CommandFailed, WorkerDied
from czcheck.runtime.limits import RunnerLimits
from czcheck.runtime.networks import Worker
from czcheck.runtime.run import load_network
from czcheck.runtime.warm import WarmProcess


def outcome(warm: WarmProcess | None, network: Path, *, shut: bool) -> dict[str, object]:
    """What becomes of a network that is loaded and asked one tile."""
    limits = RunnerLimits(seconds_tile=30)
    with Worker(warm=warm, limits=limits, sandbox=shut) as worker:
        sandboxed = worker.hello().sandboxed
        folder = worker.folder / "model"
        shutil.copytree(network, folder)
        try:
            load_network(worker, folder, read_network(SavedModelFolder(folder), DEFAULT_LIMITS))
            answer = worker.predict(np.ones((1, 32, 32, 1), np.float32))
            beside = (worker.folder / "beside").exists()
            worker.finish()
        except (CommandFailed, WorkerDied) as error:
            return {"sandboxed": sandboxed, "kind": error.kind, "reason": error.reason}
    first = None if answer.array is None else float(answer.array.flat[0])
    return {"sandboxed": sandboxed, "kind": "answered", "first": first, "beside": beside}


if __name__ == "__main__":
    place, mode, *names = sys.argv[1:]
    told = {}
    with WarmProcess() as warm_process:
        for name in names:
            network, _, how = name.partition(" ")
            process = None if how == "alone" else warm_process
            told[name] = outcome(process, Path(place, network), shut=mode == "shut")
    sys.stdout.write(json.dumps(told))
