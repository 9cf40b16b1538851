"""The process in which untrusted code runs, the hold on it, and what is said to it and heard.

Heavy modules are imported where they are used: `verify` imports this one for every file.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.errors import IncompleteError
from czcheck.files import private_folder, remove_folder
from czcheck.runtime.channel import Channel, Misuse, Silence
from czcheck.runtime.deaths import CommandFailed, WorkerDied, death_of, text_of
from czcheck.runtime.group import ProcessGroup
from czcheck.runtime.isolation import environment, isolation, lacking_of
from czcheck.runtime.limits import DEFAULT_RUNNER_LIMITS, RunnerLimits
from czcheck.runtime.outputs import Environment
from czcheck.runtime.worker import C_LIBRARY, PYTHON

if TYPE_CHECKING:
    from typing_extensions import Self


WORKER = Path(__file__).with_name("worker.py")
ANSWER = "answer.npy"
_LOOK_EVERY = 0.5


class WorkerProcess:
    """One process with TensorFlow in it, which does one command after another.

    A context manager: on leaving, the process is gone and so is everything it wrote.
    """

    def __init__(  # noqa: PLR0913 - each is a choice of its own
        self,
        python: str | None = None,
        limits: RunnerLimits = DEFAULT_RUNNER_LIMITS,
        *,
        gpu: bool = False,
        script: Path | None = None,
        sandbox: bool = True,
        require_sandbox: bool = False,
        slots: int = 1,
        building: bool = False,
        backend: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            python: Interpreter to run the network in; this one if left out.
            limits: Limits that hold for the process.
            gpu: Whether a GPU may be used. Its driver reserves more address space than any limit
                would allow, so memory is not limited then.
            script: The program, `worker.py` if left out; one that offers more commands calls
                `worker.main` with them.
            sandbox: Whether to shut the process in, as far as the platform can: to its private
                folder, of which it can only read. Not with a GPU.
            require_sandbox: Whether to load nothing where that is not possible.
            slots: How many answers may be under way at a time, each in a file of its own.
            building: See `environment`.
            backend: How to reach TensorFlow: `worker.C_LIBRARY`, where there is one, or
                `worker.PYTHON`. If left out, the library in this interpreter, and the import in
                another one, in another program and with a GPU.
            reason: Why not the library, in words.
        """
        self.python = python or sys.executable
        self.limits = limits
        self._gpu = gpu
        self._script = script or WORKER
        self._sandbox = sandbox and not gpu
        self._require_sandbox = require_sandbox
        self.answers = [ANSWER, *(f"answer-{number}.npy" for number in range(1, slots))]
        self._building = building
        other = python not in (None, sys.executable)
        if limits.backend == PYTHON:
            backend, reason = PYTHON, "as chosen"
        elif backend is None:
            backend = PYTHON if other or gpu or script is not None else C_LIBRARY
            reason = "another interpreter" if other else None
        self._backend, self._reason = backend, reason
        self._folder: Path | None = None
        self._group: ProcessGroup | None = None
        self._channel: Channel | None = None
        self._nonce = os.urandom(16).hex()
        self._begin = 0.0
        self._environment: Environment | None = None
        self._cannot_start: str | None = None

    def __enter__(self) -> Self:
        """The worker itself, not started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.close()

    @property
    def folder(self) -> Path:
        """The private folder; it is there from `start` to `close`."""
        if self._folder is None:
            raise RuntimeError("the worker is not running")
        return self._folder

    @property
    def running(self) -> bool:
        """Whether the process was started and has not been ended."""
        return self._folder is not None

    def start(self) -> None:
        """Start the process and have it import TensorFlow. Returns at once; see `hello`."""
        if self._group is not None or self._cannot_start is not None:
            return
        try:
            if self._folder is None:
                self._folder = private_folder()
            # A process that is shut in can make no files: these are there for it to write.
            for name in self.answers:
                (self._folder / name).touch(mode=0o600)
            self._group = self._spawn(self._folder)
        except OSError as error:
            self._cannot_start = error.strerror or str(error)
            self.close()
            return

        _, answers, log = self._group.streams
        self._channel = Channel(answers, log, self.limits.log_bytes, self._group.kill)
        self._begin = time.monotonic()
        limits = {
            "memory_bytes": None if self._gpu else self.limits.memory_bytes,
            "file_bytes": self.limits.file_bytes,
            "cpu_seconds": self.limits.seconds_cpu,
            "threads": self.limits.threads,
        }
        folder = str(self._folder)
        self.send(
            "hello",
            nonce=self._nonce,
            limits=limits,
            backend=self._backend,
            folder=folder,
            parent=os.getpid(),
            sandbox={
                "read": [folder],
                "write": [str(self._folder / name) for name in self.answers],
            }
            if self._sandbox
            else None,
        )

    def _spawn(self, folder: Path) -> ProcessGroup:
        """Start the interpreter."""
        # This one is there, even if it can be run only by whoever has started it.
        python = self.python if self.python == sys.executable else shutil.which(self.python)
        if python is None:
            raise FileNotFoundError(2, "no such interpreter")
        # Links are kept: an interpreter finds its environment through the path it is called by.
        command = [os.path.abspath(python), "-I", "-u", str(self._script)]  # noqa: PTH100
        variables = environment(folder, gpu=self._gpu, building=self._building)
        return ProcessGroup(command, folder, variables)

    def restart_in_python(self, reason: str) -> None:
        """Put a process that imports TensorFlow in the place of this one; the folder stays.

        Args:
            reason: Why, in words.
        """
        self._end_process()
        self._backend, self._reason = PYTHON, reason
        self._environment = None
        self._nonce = os.urandom(16).hex()  # the other process may have run a network
        self.start()

    def hello(self) -> Environment:
        """Wait until TensorFlow is imported.

        Returns:
            What the network will run in.

        Raises:
            IncompleteError: The interpreter could not be started or has no TensorFlow.
        """
        if self._environment is not None:
            return self._environment
        self.start()
        if self._cannot_start is not None:
            raise self._cannot_run()
        left = self._begin + self.limits.seconds_start - time.monotonic()
        try:
            record = self.receive("start", max(left, 0.001), self.limits.seconds_start)
        except (WorkerDied, CommandFailed) as error:
            self.close()
            raise IncompleteError(
                f"{self.python}: cannot import TensorFlow: {error.reason}; "
                "choose an interpreter in which `import tensorflow` works"
            ) from error
        through = PYTHON if record.get("backend") != C_LIBRARY else C_LIBRARY
        lacking = lacking_of(record, asked_for=self._sandbox, gpu=self._gpu)
        self._environment = Environment(
            python=text_of(record, "python"),
            tensorflow=text_of(record, "tensorflow"),
            numpy=text_of(record, "numpy"),
            isolation=isolation(record, lacking, gpu=self._gpu),
            sandboxed=lacking is None,
            backend=through,
            reason=self._reason or text_of(record, "reason") or None,
        )
        if self._require_sandbox and lacking is not None:
            self.close()
            self._environment = None
            self._cannot_start = f"no sandbox: {lacking}"
            raise self._cannot_run()
        return self._environment

    def _cannot_run(self) -> IncompleteError:
        return IncompleteError(f"{self.python}: cannot run networks: {self._cannot_start}")

    def command(self, name: str, seconds: float, **fields: Any) -> dict[str, Any]:
        """Send any command and wait for its answer.

        Args:
            name: The command; also the `phase` of whatever goes wrong.
            seconds: Wall-clock seconds to wait.
            **fields: What the command needs, as JSON can carry it.

        Returns:
            The answer. Its nonce is right; its fields come from a process that is not trusted.

        Raises:
            CommandFailed: The command raised an exception.
            WorkerDied: The process did not survive it, or did not keep to the protocol.
            IncompleteError: See `hello`.
        """
        self.hello()
        self.send(name, **fields)
        return self.receive(name, seconds, seconds)

    def send(self, name: str, **fields: Any) -> None:
        """Send any command; whatever is wrong with the process is told by `receive`.

        Args:
            name: The command.
            **fields: What it needs, as JSON can carry it.
        """
        if self._group is None:
            return
        try:
            commands = self._group.streams[0]
            commands.write(json.dumps({"command": name, **fields}).encode() + b"\n")
            commands.flush()
        except OSError:
            pass  # it is dead; waiting for its answer tells of what

    def receive(self, phase: str, seconds: float, allowed: float) -> dict[str, Any]:
        """The next answer, which must carry the nonce and be for this command.

        Args:
            phase: The command, or `start`.
            seconds: Wall-clock seconds to wait.
            allowed: Those that were allowed for it in all, for the message.

        Raises:
            CommandFailed: The command raised an exception.
            WorkerDied: The process did not survive it, or did not keep to the protocol.
        """
        if self._channel is None:
            raise WorkerDied("the process is not running", phase, "exit")
        try:
            line = self._next_line(seconds)
        except Silence:
            self.close()
            raise WorkerDied(f"no answer within {allowed:g} seconds", phase, "time") from None
        except Misuse as error:
            self.close()
            raise WorkerDied(str(error), phase, "protocol") from None
        if not line:
            raise self._death(phase)
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        asked = "hello" if phase == "start" else phase
        if not isinstance(record, dict) or record.get("command") != asked:
            self.close()
            raise WorkerDied(
                "the process answered with something that is no record", phase, "protocol"
            )
        if record.get("nonce") != self._nonce:
            self.close()
            raise WorkerDied("the process answered with a wrong nonce", phase, "protocol")
        if record.get("ok") is not True:
            raise CommandFailed(record)
        return record

    def _next_line(self, seconds: float) -> bytes:
        """The next line of the channel; empty once the process has ended."""
        group, channel = self._group, self._channel
        assert group is not None
        assert channel is not None
        limit = time.monotonic() + seconds
        while True:
            try:
                return channel.next_line(min(_LOOK_EVERY, limit - time.monotonic()))
            except Silence:
                if not group.has_ended() and time.monotonic() < limit:
                    continue
                if not group.has_ended():
                    raise
            # Descendants may hold the pipes open, so that their end would never be seen.
            group.kill()
            try:
                return channel.next_line(_LOOK_EVERY)
            except Silence:
                return b""

    def _death(self, phase: str) -> WorkerDied:
        """What became of a process that answers no more; ends what is left of it."""
        group, channel = self._group, self._channel
        assert group is not None
        assert channel is not None
        code = group.wait(5)
        self.close()
        if channel.flood:
            reason = f"the process wrote more than {self.limits.log_bytes} bytes of log"
            return WorkerDied(reason, phase, "log")
        if code is None:
            return WorkerDied("the process closed its channel without an answer", phase, "protocol")
        return death_of(code, channel.log_tail(), phase, self.limits.memory_bytes)

    def finish(self) -> None:
        """Ask the process to end, and see that it does so normally.

        What a network answered counts only if this succeeds.

        Raises:
            WorkerDied: It ended otherwise, or would not end.
        """
        if self._group is None or self._channel is None:
            raise WorkerDied("the process is not running", "exit", "exit")
        self.send("quit")
        code = self._group.wait(self.limits.seconds_exit)
        if code is None:
            self.close()
            reason = f"the process did not end within {self.limits.seconds_exit:g} seconds"
            raise WorkerDied(reason, "exit", "time")
        if code != 0 or self._channel.flood:
            raise self._death("exit")
        self.close()

    def kill(self) -> None:
        """End the process from another thread; whoever waits for it sees it die."""
        group = self._group
        if group is not None:
            group.kill()

    def close(self) -> None:
        """End the process and remove its folder. May be called at any time, more than once."""
        self._end_process()
        folder = self._folder
        if folder is not None:
            remove_folder(folder)
            self._folder = None

    def _end_process(self) -> None:
        group, channel = self._group, self._channel
        if group is not None:
            group.close()
            self._group = None
        if channel is not None:
            channel.close()
            self._channel = None
