"""The process that `children.py` keeps: `forker.py` of the package, for builds and scripts."""

from __future__ import annotations

import json
import os
import runpy
import sys
import traceback
from pathlib import Path

# Isolated mode leaves these out: the package's, and that of what tests share.
sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from czcheck.building.lowering import child
from czcheck.runtime import forker, worker

JOB = Path("job.json")


class Program:
    """What the forker takes from the module of its workers."""

    neighbour = staticmethod(worker.neighbour)
    end = staticmethod(worker.end)
    keep_inherited = staticmethod(worker.keep_inherited)

    @staticmethod
    def import_the_rest(tf: object) -> None:
        """Import what builds and scripts import, as far as that runs no operation."""
        worker.import_the_rest(tf)
        import keras

        from czcheck.building.lowering import keras_files, lower, surgery

        del keras, keras_files, lower, surgery

    @staticmethod
    def main() -> int:
        """Run the folder's job; without one, build."""
        if not JOB.exists():
            return worker.main({"export": child.export, "lower": child.lower})
        job = json.loads(JOB.read_text("utf-8"))
        for name, descriptor in (("printed", 1), ("log", 2)):
            os.dup2(os.open(job[name], os.O_WRONLY | os.O_CREAT), descriptor)
        os.environ.update(job["environment"])
        os.chdir(job["cwd"])
        script, *_ = sys.argv = job["command"]
        sys.path.insert(0, str(Path(script).parent))
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as stop:
            return int(stop.code or 0)
        except Exception:  # noqa: BLE001 - as an interpreter does
            traceback.print_exc()
            return 1
        return 0


if __name__ == "__main__":
    forker._worker_module = lambda: Program
    forker.main()
