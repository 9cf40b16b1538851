"""Child processes of tests that need TensorFlow: forks of one process that has imported it.

An import takes four to six seconds of CPU time, and a fork takes none. Scripts that write networks
run in such forks, and so do the builds that tests call in their own process. Commands, networks and
other interpreters start as they do for users.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, reduction
from pathlib import Path
from typing import IO, Any

import filelock
import pytest

from czcheck.building.lowering import child
from czcheck.runtime import worker
from czcheck.runtime.isolation import environment
from czcheck.runtime.process import WorkerProcess

ROOT = Path(__file__).parents[1]
CAN_FORK = sys.platform.startswith("linux")
_SECONDS = 600.0
_SECONDS_EXIT = 5.0
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["children_preloaded"])


def start() -> None:
    """Begin to import TensorFlow in the process that is forked from."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        for name, value in environment(Path(folder), gpu=False, building=True).items():
            patch.setenv(name, value)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests")]))
        forkserver.ensure_running()


def _begin(target: Callable[..., None], *arguments: Any) -> Any:
    """A fork that calls a function, and never imports the program that was started here."""
    start()
    process = _forks.Process(target=target, args=arguments)
    with pytest.MonkeyPatch.context() as patch:
        main = sys.modules["__main__"]
        patch.setattr(main, "__spec__", None, raising=False)
        patch.delattr(main, "__file__", raising=False)
        process.start()
    return process


class _Descriptor:
    """A file descriptor that a fork takes over."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _taken, (reduction.DupFd(self.number),)


def _taken(sent: Any) -> int:
    number: int = sent.detach()
    return number


def _build(streams: list[int], folder: str, variables: dict[str, str], parent: int) -> None:
    """What a fork that builds does."""
    os.getppid = lambda: parent  # it asks whether whoever builds is still there
    os.setpgid(0, 0)
    for standard, stream in enumerate(streams):
        os.dup2(stream, standard)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    worker.end(worker.main({"export": child.export, "lower": child.lower}))


class ForkedChild:
    """A fork that builds; to a worker it is what a `ProcessGroup` is."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        pairs = [os.pipe() for _ in range(3)]
        far = [pairs[0][0], pairs[1][1], pairs[2][1]]
        near = [pairs[0][1], pairs[1][0], pairs[2][0]]
        ends = [_Descriptor(number) for number in far]
        self._process = _begin(_build, ends, str(folder), variables, os.getpid())
        for number in far:
            os.close(number)
        commands, output, log = (
            os.fdopen(number, mode) for number, mode in zip(near, ("wb", "rb", "rb"), strict=True)
        )
        self.streams: tuple[IO[bytes], IO[bytes], IO[bytes]] = commands, output, log

    @property
    def pid(self) -> int:
        """Number of the process."""
        number: int = self._process.pid
        return number

    def kill(self) -> None:
        """End the process and its descendants."""
        if not self.has_ended():
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
                os.killpg(self.pid, signal.SIGKILL)

    def wait(self, seconds: float) -> int | None:
        """Wait for the process to end; returns its exit code, None if it still runs."""
        self._process.join(seconds)
        code: int | None = self._process.exitcode
        return code

    def has_ended(self) -> bool:
        """Whether the process has ended."""
        return self.wait(0) is not None

    def close(self) -> None:
        """End the process and close its standard input."""
        self.kill()
        self.wait(_SECONDS_EXIT)
        with contextlib.suppress(OSError):
            self.streams[0].close()


@contextmanager
def forked_builds() -> Iterator[None]:
    """Have builds in this process fork their children."""
    with pytest.MonkeyPatch.context() as patch:
        if CAN_FORK:
            spawn = WorkerProcess._spawn

            def spawn_or_fork(process: WorkerProcess, folder: Path) -> Any:
                if not process._building or process._script != Path(child.__file__):
                    return spawn(process, folder)
                return ForkedChild(folder, environment(folder, gpu=False, building=True))

            patch.setattr(WorkerProcess, "_spawn", spawn_or_fork)
        yield


def _run(
    command: list[str], folder: str, variables: dict[str, str], printed: str, log: str
) -> None:
    """What a fork that runs a script does."""
    for name, descriptor in ((printed, 1), (log, 2)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ.update(variables)
    os.chdir(folder)
    sys.argv = command
    sys.path.insert(0, str(Path(command[0]).parent))
    runpy.run_path(command[0], run_name="__main__")


def end_of_script(
    python: str, script: Path, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, forked where it is to run in this interpreter."""
    command = [str(script), *map(str, arguments)]
    variables = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
    }
    if python != sys.executable or not CAN_FORK:
        return subprocess.run(
            [python, *command], env=variables, capture_output=True, text=True, check=False
        )
    with tempfile.TemporaryDirectory() as folder:
        printed, log = (Path(folder, name) for name in ("printed", "log"))
        process = _begin(_run, command, str(Path.cwd()), variables, str(printed), str(log))
        process.join(_SECONDS)
        code = process.exitcode
        process.kill()
        assert code is not None, f"{script} does not end"
        texts = [each.read_text("utf-8") for each in (printed, log)]
    return subprocess.CompletedProcess(command, code, *texts)


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


def made_by(factory: pytest.TempPathFactory, script: Path) -> Path:
    """The folder that a script fills, once for all processes of a test run."""

    def make(folder: Path) -> None:
        run_script(sys.executable, script, folder)

    return made_once(factory, script.stem, make)
