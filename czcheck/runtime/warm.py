"""The hold on the warm process, which forks one worker for each network. Linux only."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from czcheck.files import private_folder, remove_folder
from czcheck.runtime.channel import Channel
from czcheck.runtime.deaths import death_of
from czcheck.runtime.group import ProcessGroup
from czcheck.runtime.isolation import environment
from czcheck.runtime.limits import DEFAULT_RUNNER_LIMITS, RunnerLimits

if TYPE_CHECKING:
    from typing_extensions import Self


FORKER = Path(__file__).with_name("forker.py")
_PACKET_BYTES = 1 << 16
_SECONDS_EXIT = 5.0
_SIGKILL = 9


def can_fork() -> bool:
    """Whether this platform can keep a process warm: Linux forks safely after the import."""
    return sys.platform.startswith("linux")


class ForkedChild:
    """A child of the warm process; to a `Worker` it is what a `ProcessGroup` is."""

    def __init__(self, warm: _Forker, number: int, streams: tuple[IO[bytes], ...]) -> None:
        """Belongs to `WarmProcess.fork`."""
        self._warm = warm
        self._number = number
        self._streams = streams
        self._changed = threading.Condition()
        self._pid: int | None = None
        self._code: int | None = None

    def learn(self, *, pid: int | None = None, code: int | None = None) -> None:
        """Take note of what the warm process tells."""
        with self._changed:
            self._pid = self._pid if pid is None else pid
            self._code = self._code if code is None else code
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        """Number of the process; waits until it has one."""
        with self._changed:
            self._changed.wait_for(lambda: self._pid is not None or self._warm.ended)
        if self._pid is None:
            raise RuntimeError("the worker was never forked")
        return self._pid

    @property
    def streams(self) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        """Its standard input, output and error."""
        commands, answers, log = self._streams
        return commands, answers, log

    @property
    def lost(self) -> str | None:
        """Why nothing can be known of the process: its parent has ended before it did."""
        return self._warm.reason if self._code is None and self._warm.ended else None

    def kill(self) -> None:
        """End the process and its descendants. Does nothing once it has ended."""
        if not self.has_ended():
            self._warm.kill(self._number)

    def wait(self, seconds: float) -> int | None:
        """Wait for the process to end.

        Args:
            seconds: Wall-clock seconds to wait.

        Returns:
            The exit code, negative for a signal; None if the process still runs.
        """
        with self._changed:
            if not self._changed.wait_for(self.has_ended, seconds):
                return None
        return -_SIGKILL if self._code is None else self._code

    def has_ended(self) -> bool:
        """Whether the process has ended."""
        return self._code is not None or self._warm.ended

    def close(self) -> None:
        """End everything and close standard input. The other streams belong to their readers."""
        self.kill()
        if self.wait(_SECONDS_EXIT) is None:
            self._warm.close()  # it does not obey any more
        with contextlib.suppress(OSError):  # what was still to be sent has no reader any more
            self._streams[0].close()


class _Forker:
    """One warm process, from its start to its end."""

    def __init__(self, limits: RunnerLimits, backend: str) -> None:
        self.ended = False
        self.reason = "the warm process was ended"
        self._limits = limits
        self._children: dict[int, ForkedChild] = {}
        # What is to be forked once TensorFlow is imported, with the far ends of its pipes.
        self._waiting: dict[int, tuple[bytes, list[int]]] = {}
        self._ready = False
        self._lock = threading.Lock()
        self._folder = private_folder()
        self._control, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far:
            # Links are kept: an interpreter finds its environment through the path it is called by.
            command = [
                sys.executable,
                "-I",
                "-u",
                str(FORKER),
                str(far.fileno()),
                str(self._folder),
                backend,
            ]
            try:
                self._group: ProcessGroup = ProcessGroup(
                    command,
                    self._folder,
                    environment(self._folder, gpu=False),
                    keep=(far.fileno(),),
                )
            except OSError:
                self._control.close()
                remove_folder(self._folder)
                raise
        _, answers, log = self._group.streams
        self._channel: Channel = Channel(answers, log, limits.log_bytes, self._group.kill)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def fork(self, folder: Path) -> ForkedChild:
        """See `WarmProcess.fork`."""
        far: list[int] = []
        near: list[IO[bytes]] = []
        for mode in ("wb", "rb", "rb"):
            read, write = os.pipe()
            far.append(read if mode == "wb" else write)
            near.append(os.fdopen(write if mode == "wb" else read, mode))
        with self._lock:
            number = len(self._children)
            child = self._children[number] = ForkedChild(self, number, tuple(near))
            command = {"id": number, "command": "fork", "folder": str(folder)}
            self._waiting[number] = json.dumps(command).encode(), far
            if self._ready or self.ended:
                self._send_waiting()
        return child

    def kill(self, number: int) -> None:
        """End a child, or see that it is never forked."""
        with self._lock:
            _, far = self._waiting.pop(number, (b"", None))
            if far is None:
                with contextlib.suppress(OSError):  # nobody is there who could have it still
                    self._control.send(json.dumps({"id": number, "command": "kill"}).encode())
                return
            _close(far)
        self._children[number].learn(code=-_SIGKILL)

    def _send_waiting(self) -> None:
        """Send what is to be forked. Needs the lock."""
        for packet, far in self._waiting.values():
            with contextlib.suppress(OSError):  # it has ended; the reader finds out
                socket.send_fds(self._control, [packet], far)
            _close(far)
        self._waiting.clear()

    def _read(self) -> None:
        """Hand out what the warm process tells, until it tells nothing any more."""
        with contextlib.suppress(OSError):
            while packet := self._control.recv(_PACKET_BYTES):
                told = json.loads(packet)
                if told.get("ready"):
                    with self._lock:
                        self._ready = True
                        self._send_waiting()
                    continue
                self._children[told["id"]].learn(pid=told.get("pid"), code=told.get("code"))
        code = self._group.wait(_SECONDS_EXIT)
        # Its last words stand in the log by now.
        time.sleep(0.05)
        if code is not None and code != 0:
            log = self._channel.log_tail()
            self.reason = death_of(code, log, "start", self._limits.memory_bytes).reason
        with self._lock:
            self.ended = True
            self._send_waiting()
            children = list(self._children.values())
        for child in children:
            child.learn()

    def close(self) -> None:
        """End the process and all its children."""
        # It ends its children, clears up and ends; if not, it is killed, and they die with it.
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        if not self._ready:
            self._group.kill()  # it would see the end only after the import
        self._reader.join(2 * _SECONDS_EXIT)
        self._group.close()
        self._channel.close()
        self._control.close()
        remove_folder(self._folder)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


class WarmProcess:
    """A process that has TensorFlow in memory and forks workers, one per backend. A context manager.

    It is started when the first worker is wanted, and again if it should have ended.
    """

    def __init__(self, limits: RunnerLimits = DEFAULT_RUNNER_LIMITS) -> None:
        """Start nothing yet.

        Args:
            limits: Limits that hold for its log.
        """
        self._limits = limits
        self._forkers: dict[str, _Forker] = {}
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fork(self, folder: Path, backend: str) -> ForkedChild:
        """Fork a worker. Returns at once; it comes to life when TensorFlow is there.

        Args:
            folder: The worker's private folder.
            backend: How TensorFlow is reached, see `WorkerProcess`.

        Returns:
            The worker's process.

        Raises:
            OSError: The warm process could not be started, or was closed.
        """
        with self._lock:
            if self._closed:
                raise OSError("the warm process was closed")
            forker = self._forkers.get(backend)
            if forker is not None and forker.ended:
                self._forkers.pop(backend).close()
                forker = None
            if forker is None:
                forker = self._forkers[backend] = _Forker(self._limits, backend)
            return forker.fork(folder)

    def close(self) -> None:
        """End it, and every worker that it forked. May be called more than once."""
        with self._lock:
            self._closed = True
            for forker in self._forkers.values():
                forker.close()
            self._forkers.clear()
