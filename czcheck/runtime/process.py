"""A worker: the process in which an untrusted network runs, and the hold on it.

Heavy modules are imported where they are used: `verify` imports this one for every file.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.errors import IncompleteError
from czcheck.runtime.answers import Answer, Environment, LoadRecord
from czcheck.runtime.deaths import (
    CommandFailed,
    WorkerDied,
    count_of,
    death_of,
    number_of,
    sizes_of,
    text_of,
)
from czcheck.runtime.limits import DEFAULT_RUNNER_LIMITS, RunnerLimits
from czcheck.runtime.surroundings import environment, private_folder, remove_folder

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

    from czcheck.runtime.channel import Channel
    from czcheck.runtime.group import ProcessGroup
    from czcheck.runtime.warm import ForkedChild, WarmProcess

WORKER = Path(__file__).with_name("worker.py")
ANSWER = "answer.npy"
_LOOK_EVERY = 0.5


class Worker:
    """One process with TensorFlow in it, which runs one network after another.

    A context manager: on leaving, the process is gone and so is everything it wrote.
    """

    def __init__(  # noqa: PLR0913 - each is a choice of its own
        self,
        python: str | None = None,
        limits: RunnerLimits = DEFAULT_RUNNER_LIMITS,
        *,
        gpu: bool = False,
        script: Path = WORKER,
        sandbox: bool = True,
        require_sandbox: bool = False,
        warm: WarmProcess | None = None,
        slots: int = 1,
        building: bool = False,
    ) -> None:
        """Start nothing yet.

        Args:
            python: Interpreter to run the network in; this one if left out.
            limits: Limits that hold for the process.
            gpu: Whether a GPU may be used. Its driver reserves more address space than any limit
                would allow, so memory is not limited then.
            script: The program; one that offers more commands calls `worker.main` with them.
            sandbox: Whether to shut the process in, as far as the platform can: to its private
                folder, of which it can only read. Not with a GPU.
            require_sandbox: Whether to load nothing where that is not possible.
            warm: Where to fork the process from, in place of starting `script` in `python`.
            slots: How many tiles may be under way at a time, see `submit`.
            building: See `environment`; without a warm process.
        """
        self.python = python or sys.executable
        self.limits = limits
        self._gpu = gpu
        self._script = script
        self._sandbox = sandbox and not gpu
        self._require_sandbox = require_sandbox
        self._warm = warm
        self._answers = [ANSWER, *(f"answer-{number}.npy" for number in range(1, slots))]
        self._building = building
        self._folder: Path | None = None
        self._group: ProcessGroup | ForkedChild | None = None
        self._channel: Channel | None = None
        self._nonce = os.urandom(16).hex()
        self._begin = 0.0
        self._environment: Environment | None = None
        self._cannot_start: str | None = None

    def __enter__(self) -> Worker:  # noqa: PYI034 - typing.Self came with Python 3.11
        """The worker itself, not started yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self.close()

    @property
    def folder(self) -> Path:
        """The private folder; it is there from `start` to `close`."""
        if self._folder is None:
            raise RuntimeError("the worker is not running")
        return self._folder

    def start(self) -> None:
        """Start the process and have it import TensorFlow. Returns at once; see `hello`."""
        if self._group is not None or self._cannot_start is not None:
            return
        try:
            self._folder = private_folder()
            # A process that is shut in can make no files: these are there for it to write.
            for name in self._answers:
                (self._folder / name).touch(mode=0o600)
            self._group = self._spawn(self._folder)
        except OSError as error:
            self._cannot_start = error.strerror or str(error)
            self.close()
            return
        from czcheck.runtime.channel import Channel  # noqa: PLC0415

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
        self._send(
            "hello",
            nonce=self._nonce,
            limits=limits,
            folder=folder,
            parent=os.getpid() if self._warm is None else None,
            sandbox={
                "read": [folder],
                "write": [str(self._folder / name) for name in self._answers],
            }
            if self._sandbox
            else None,
        )

    def _spawn(self, folder: Path) -> ProcessGroup | ForkedChild:
        """Fork the warm process, or start the interpreter."""
        if self._warm is not None:
            return self._warm.fork(folder)
        import shutil  # noqa: PLC0415

        from czcheck.runtime.group import ProcessGroup  # noqa: PLC0415

        # This one is there, even if it can be run only by whoever has started it.
        python = self.python if self.python == sys.executable else shutil.which(self.python)
        if python is None:
            raise FileNotFoundError(2, "no such interpreter")
        # Links are kept: an interpreter finds its environment through the path it is called by.
        command = [os.path.abspath(python), "-I", "-u", str(self._script)]  # noqa: PTH100
        variables = environment(folder, gpu=self._gpu, building=self._building)
        return ProcessGroup(command, folder, variables)

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
            record = self._receive("start", max(left, 0.001), self.limits.seconds_start)
        except (WorkerDied, CommandFailed) as error:
            self.close()
            raise IncompleteError(
                f"{self.python}: cannot import TensorFlow: {error.reason}; "
                "choose an interpreter in which `import tensorflow` works"
            ) from error
        self._environment = Environment(
            python=text_of(record, "python"),
            tensorflow=text_of(record, "tensorflow"),
            numpy=text_of(record, "numpy"),
            isolation=self._isolation(record),
            sandboxed=self._lacking(record) is None,
        )
        if self._require_sandbox and not self._environment.sandboxed:
            self.close()
            self._environment = None
            self._cannot_start = f"no sandbox: {self._lacking(record)}"
            raise self._cannot_run()
        return self._environment

    def _cannot_run(self) -> IncompleteError:
        return IncompleteError(f"{self.python}: cannot run networks: {self._cannot_start}")

    def _lacking(self, record: dict[str, Any]) -> str | None:
        """What keeps the process from being in a sandbox; None if it is in one."""
        if self._gpu:
            return "a GPU is used"
        sandbox = record.get("sandbox")
        if not isinstance(sandbox, dict):
            return "none was asked for" if not self._sandbox else "it cannot build one"
        if record.get("memory_limited") is not True:
            return "its memory cannot be limited"
        return text_of(sandbox, "lacking") or None

    def _isolation(self, record: dict[str, Any]) -> str:
        lacking = self._lacking(record)
        memory_limited = record.get("memory_limited") is True
        if lacking is None:
            version = count_of(record["sandbox"], "landlock")
            return f"sandbox: Landlock ABI {version}, seccomp, limits on time, memory and files"
        if memory_limited:
            kept = "separate process, time and memory limits"
        elif self._gpu:
            kept = "separate process, time limit; no memory limit with a GPU"
        else:
            kept = "separate process, time limit; no memory limit on this platform"
        return f"process isolation ({kept}); not a sandbox: {lacking}"

    def load(
        self,
        folder: Path,
        *,
        loader: str,
        signature: str,
        input: tuple[str, str],  # noqa: A002  (the field's own word)
        output: tuple[str, str],
    ) -> LoadRecord:
        """Load a network in place of the one before.

        Args:
            folder: The SavedModel.
            loader: Which of TensorFlow's loaders to try first, `session` or `object`.
            signature: Name of the serving signature.
            input: Key and tensor name of its input.
            output: Key and tensor name of its output.

        Returns:
            Which loader worked, and how long it took.

        Raises:
            CommandFailed: Neither loader can load it.
            WorkerDied: The process did not survive it.
            IncompleteError: See `hello`.
        """
        record = self.command(
            "load",
            self.limits.seconds_load,
            path=str(folder),
            loader=loader,
            signature=signature,
            input=dict(zip(("key", "tensor"), input, strict=True)),
            output=dict(zip(("key", "tensor"), output, strict=True)),
        )
        return LoadRecord(
            loader=text_of(record, "loader"),
            seconds=number_of(record, "seconds"),
            first_error=text_of(record, "first_error") or None,
            peak_bytes=count_of(record, "peak_bytes"),
        )

    def predict(self, tile: NDArray[np.float32]) -> Answer:
        """Run one tile through the network.

        Args:
            tile: Pixels as the network takes them, `(1, height, width, channels)`.

        Returns:
            The network's answer.

        Raises:
            CommandFailed: The network raised an exception.
            WorkerDied: The process did not survive it.
            IncompleteError: See `hello`.
        """
        self.submit(tile)
        return self.collect()

    def submit(self, tile: NDArray[np.float32], slot: int = 0) -> None:
        """Hand over one tile, to be answered when the ones before it have been.

        With more than one slot the next tile waits in the process while the one before it runs.
        Whatever is wrong with the process is told by `collect`.

        Args:
            tile: Pixels as the network takes them, `(1, height, width, channels)`.
            slot: Where to put it. Its last answer has to be collected.

        Raises:
            IncompleteError: See `hello`; or there is no room for the tile.
        """
        from czcheck.runtime import arrays  # noqa: PLC0415

        sandboxed = self.hello().sandboxed
        folder = self._folder
        if folder is None:
            return  # it is dead
        asked = folder / ("tile.npy" if slot == 0 else f"tile-{slot}.npy")
        answered = folder / self._answers[slot]
        try:
            arrays.write_array(asked, tile)
            if not sandboxed:  # else nobody could make it again
                answered.unlink(missing_ok=True)
        except OSError as error:
            raise IncompleteError(
                f"{folder}: a tile cannot be handed over: {error.strerror}"
            ) from error
        self._send("predict", tile=str(asked), answer=str(answered))

    def collect(self, slot: int = 0) -> Answer:
        """Wait for the answer to the tile that was submitted first among those not collected.

        Args:
            slot: Where that was put.

        Returns:
            The network's answer.

        Raises:
            CommandFailed: The network raised an exception.
            WorkerDied: The process did not survive it.
        """
        from czcheck.runtime import arrays  # noqa: PLC0415

        record = self._receive("predict", self.limits.seconds_tile, self.limits.seconds_tile)
        dtype, seconds = text_of(record, "dtype"), number_of(record, "seconds")
        peak_bytes = count_of(record, "peak_bytes")
        if record.get("stored") is not True:
            return Answer(None, dtype, sizes_of(record, "shape"), seconds, peak_bytes)
        try:
            array = arrays.read_array(self.folder / self._answers[slot], self.limits.answer_bytes)
        except arrays.UnreadableArrayError as error:
            self.close()
            raise WorkerDied(str(error), "predict", "protocol") from error
        return Answer(array, dtype, array.shape, seconds, peak_bytes)

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
        self._send(name, **fields)
        return self._receive(name, seconds, seconds)

    def _send(self, name: str, **fields: Any) -> None:
        if self._group is None:
            return
        try:
            commands = self._group.streams[0]
            commands.write(json.dumps({"command": name, **fields}).encode() + b"\n")
            commands.flush()
        except OSError:
            pass  # it is dead; waiting for its answer tells of what

    def _receive(self, phase: str, seconds: float, allowed: float) -> dict[str, Any]:
        """The next answer, which must carry the nonce and be for this command."""
        from czcheck.runtime.channel import Misuse, Silence  # noqa: PLC0415

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
        from czcheck.runtime.channel import Silence  # noqa: PLC0415

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
        lost = group.lost
        self.close()
        if lost is not None and phase == "start":
            return WorkerDied(lost, phase, "exit")
        if lost is not None:  # through no fault of the network's
            raise IncompleteError(f"{self.python}: cannot run networks: {lost}")
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
        self._send("quit")
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
        group, channel, folder = self._group, self._channel, self._folder
        if group is not None:
            group.close()
            self._group = None
        if channel is not None:
            channel.close()
            self._channel = None
        if folder is not None:
            remove_folder(folder)
            self._folder = None
