"""A process with all its descendants: waiting for it and ending it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

_SHORTEST_NAP = 0.002
_LONGEST_NAP = 0.05


class ProcessGroup:
    """A child in a session of its own, so that whatever it starts can be ended with it."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: dict[str, str],
    ) -> None:
        """Start the process.

        Args:
            command: Program and arguments.
            folder: Working directory.
            environment: The whole environment.

        Raises:
            OSError: It could not be started.
        """
        self._process = subprocess.Popen(  # noqa: S603 - what to start is the caller's own choice
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        # The group's number stays taken until its leader has been waited for, so that nobody else
        # can be hit: ending the group and waiting for the leader exclude each other.
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def streams(self) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        """Its standard input, output and error."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        return process.stdin, process.stdout, process.stderr

    def kill(self) -> None:
        """End the process and its descendants. Does nothing once the process was waited for."""
        with self._lock:
            self._kill()

    def _kill(self) -> None:
        if self._process.returncode is not None:
            return
        if not hasattr(os, "killpg"):
            self._process.kill()
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self._process.kill()

    def wait(self, seconds: float) -> int | None:
        """Wait for the process to end; then end its descendants.

        Args:
            seconds: Wall-clock seconds to wait.

        Returns:
            The exit code, negative for a signal; None if the process still runs.
        """
        limit = time.monotonic() + seconds
        nap = _SHORTEST_NAP
        while not self.has_ended():
            if time.monotonic() > limit:
                return None
            time.sleep(nap)
            nap = min(2 * nap, _LONGEST_NAP)
        with self._lock:
            self._kill()
            return self._process.wait()

    def has_ended(self) -> bool:
        """Whether the process itself has ended; its descendants may live on until `wait`."""
        if self._process.returncode is not None:
            return True
        if not hasattr(os, "waitid"):
            return self._process.poll() is not None
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, flags) is not None

    def close(self) -> None:
        """End everything and close standard input. The other streams belong to their readers."""
        self.kill()
        self._process.wait()
        with contextlib.suppress(OSError):  # what was still to be sent has no reader any more
            self.streams[0].close()
