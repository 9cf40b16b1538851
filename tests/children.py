"""Child processes of tests that need TensorFlow: forks of one process that has imported it.

An import takes four to six seconds of CPU time, and a fork takes none. Scripts that write networks
run in such forks, and so do the builds that tests call in their own process. Commands, networks and
other interpreters start as they do for users.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import pytest

from czcheck.runtime import WarmProcess, Worker, can_fork, warm
from czcheck.runtime.isolation import environment

ROOT = Path(__file__).parents[1]
JOB = "job.json"
_SECONDS = 600.0


class Children(WarmProcess):
    """A warm process whose forks build or, where their folder holds a job, run a script."""

    def fork(self, folder: Path) -> warm.ForkedChild:
        """Fork a child that works in a folder."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(warm, "FORKER", Path(__file__).with_name("children_forker.py"))
            patch.setattr(warm, "environment", functools.partial(environment, building=True))
            return super().fork(folder)

    def start(self) -> None:
        """Begin to import TensorFlow."""
        with tempfile.TemporaryDirectory() as folder:
            child = self.fork(Path(folder))
            child.close()
            for stream in child.streams[1:]:
                stream.close()

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a script, as `subprocess.run` does."""
        with tempfile.TemporaryDirectory() as folder:
            printed, log = Path(folder, "printed"), Path(folder, "log")
            job = {
                "command": command,
                "cwd": str(Path.cwd()),
                "environment": dict(os.environ),
                "printed": str(printed),
                "log": str(log),
            }
            Path(folder, JOB).write_text(json.dumps(job), "utf-8")
            child = self.fork(Path(folder))
            try:
                code = child.wait(_SECONDS)
                assert code is not None, f"{command[0]} does not end"
            finally:
                child.close()
                for stream in child.streams[1:]:
                    stream.close()
            texts = [each.read_text("utf-8") for each in (printed, log)]
            return subprocess.CompletedProcess(command, code, *texts)


children = Children()


@contextmanager
def forked_builds() -> Iterator[None]:
    """Have builds in this process fork their children; ends all forks when it is left."""
    with children, pytest.MonkeyPatch.context() as patch:
        if can_fork():
            forked = functools.partial(Worker, warm=children)
            patch.setattr("czcheck.building.process.Worker", forked)
        yield


def end_of_script(
    python: str, script: Path, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, forked where it is to run in this interpreter."""
    command = [str(script), *map(str, arguments)]
    if python == sys.executable and can_fork():
        return children.run(*command)
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
    }
    return subprocess.run(
        [python, *command], env=environment, capture_output=True, text=True, check=False
    )


def run_script(python: str, script: Path, *arguments: str | Path) -> str:
    """Run a script that has to succeed; returns what it printed."""
    done = end_of_script(python, script, *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that one process of a test run fills and all of them read.

    Args:
        factory: pytest's own, of whichever process.
        name: The folder's name; one for each way to fill it.
        make: Fills the folder.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # pytest-xdist gives each process a folder in that of the run
    folder, done = base / name, base / f"{name}.done"
    with filelock.FileLock(base / f"{name}.lock"):
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
