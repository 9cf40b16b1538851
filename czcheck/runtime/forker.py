"""A warm process: imports TensorFlow once, then forks one worker for each network.

Linux only, and run by the interpreter that czcheck itself runs in. No network ever comes near this
process: it executes no operation, so that a fork of it is as good as a fresh start, and it is not
what its children are, shut in.

Called with the descriptor of a socket, this process's own folder and the workers' backend. Each packet on the socket is
one JSON object. The first one goes out, `ready`, once TensorFlow is imported; then come:

    fork     id, folder; with it come three descriptors: the worker's input, output and log
             -> id, pid; and once the worker has ended: id, code, negative for a signal
    kill     id

When nobody holds the other end any more, all workers are ended, their folders and this process's
own are removed, and the process ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import json
import os
import select
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

PACKET_BYTES = 1 << 16
_STREAMS = 3
# Now and then it is checked that the parent lives: a fork of it may hold the socket open.
_LOOK_EVERY = 2.0


class Forker:
    """The loop of the warm process."""

    def __init__(self, control: socket.socket, folder: str, worker: Any) -> None:
        """Catch the ends of children.

        Args:
            control: Where commands come from.
            folder: This process's own folder.
            worker: The module `worker.py`.
        """
        self._control = control
        self._folder = folder
        self._worker = worker
        self._parent = os.getppid()
        self._children: dict[int, tuple[int, str]] = {}  # id: process number, folder
        self._wake, wake_up = os.pipe()
        self._wake_up = wake_up
        for end in (self._wake, wake_up):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_up, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> NoReturn:
        """Carry out commands until nobody sends any more."""
        try:
            self._tell(ready=True)
            while os.getppid() == self._parent:
                control = self._control.fileno()
                ready, _, _ = select.select([control, self._wake], [], [], _LOOK_EVERY)
                if self._wake in ready:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wake, PACKET_BYTES)
                self._collect()
                if control in ready and not self._obey():
                    break
        except OSError:
            pass  # the socket broke: nobody is there
        self._end()

    def _obey(self) -> bool:
        """Carry out one command; returns whether there may be more."""
        packet, streams, _, _ = socket.recv_fds(self._control, PACKET_BYTES, _STREAMS)
        if not packet:
            return False
        command = json.loads(packet)
        number = command["id"]
        if command["command"] == "kill":
            if number in self._children:
                _kill(self._children[number][0])
            return True
        pid = os.fork()
        if pid == 0:
            self._become_worker(streams, command["folder"])
        with contextlib.suppress(OSError):  # whichever of the two comes first
            os.setpgid(pid, pid)
        for stream in streams:
            os.close(stream)
        self._children[number] = (pid, command["folder"])
        self._tell(id=number, pid=pid)
        return True

    def _become_worker(self, streams: list[int], folder: str) -> NoReturn:
        """What the child does: forget all this, and run the worker's program."""
        try:
            forker = os.getppid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with contextlib.suppress(OSError):
                os.setpgid(0, 0)
            self._control.close()
            os.close(self._wake)
            os.close(self._wake_up)
            for standard, stream in enumerate(streams):
                os.dup2(stream, standard)
                os.close(stream)
            self._worker.neighbour("sandbox").die_with_parent(forker)
            os.chdir(folder)
            for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "KERAS_HOME"):
                os.environ[name] = folder
            self._worker.end(self._worker.main())
        finally:
            os._exit(1)

    def _collect(self) -> None:
        """Tell of children that have ended."""
        for number, (pid, _) in list(self._children.items()):
            flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
            if os.waitid(os.P_PID, pid, flags) is None:
                continue
            # Its number is its group's, and stays taken until it is waited for.
            _kill(pid)
            _, status = os.waitpid(pid, 0)
            del self._children[number]
            self._tell(id=number, code=os.waitstatus_to_exitcode(status))

    def _tell(self, **fields: int) -> None:
        self._control.send(json.dumps(fields).encode())

    def _end(self) -> NoReturn:
        """End all children and leave nothing behind."""
        for pid, folder in self._children.values():
            _kill(pid)
            os.waitpid(pid, 0)
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(0)


def _kill(pid: int) -> None:
    """End a child, which has not been waited for, and its group."""
    for end in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end(pid, signal.SIGKILL)


def _worker_module() -> Any:
    """Load `worker.py`, which stands beside this file: isolated mode does not search here."""
    path = Path(__file__).with_name("worker.py")
    spec = importlib.util.spec_from_file_location("czcheck_worker", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> NoReturn:
    """Import TensorFlow and serve."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    worker = _worker_module()
    forker = Forker(control, sys.argv[2], worker)
    # A child tries again, and its answer says what is wrong.
    with contextlib.suppress(Exception):
        worker.prepare(sys.argv[3])
        worker.keep_inherited()
    gc.freeze()  # what all children share is not to be copied for the sake of collecting it
    forker.serve()


if __name__ == "__main__":
    main()
