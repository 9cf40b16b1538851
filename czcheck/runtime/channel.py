"""The pipes that come from a worker: its answers and its log, read under limits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, Full, Queue
from typing import IO, Any

ANSWER_BYTES = 1 << 20
TAIL_BYTES = 1 << 16
CHUNK = 1 << 16


class Silence(Exception):  # says what happened, not that it is an error
    """No answer came in time."""


class Misuse(Exception):
    """What came is no answer: too long, or not asked for."""


class Channel:
    """Reads answers and log in two threads, so that a worker that floods either is held."""

    def __init__(
        self, answers: IO[bytes], log: IO[bytes], log_bytes: int, flooded: Callable[[], None]
    ) -> None:
        """Start reading.

        Args:
            answers: Where answers come from, one on a line.
            log: Where the log comes from.
            log_bytes: Bytes of log after which `flooded` is called and the rest is dropped.
            flooded: Called once, from a thread.
        """
        self.flood = False
        self._streams = (answers, log)
        self._lines: Queue[bytes | Misuse] = Queue(maxsize=4)
        self._tail = b""
        self._log_bytes = log_bytes
        self._flooded = flooded
        self._threads = tuple(
            threading.Thread(target=target, daemon=True)
            for target in (self._read_answers, self._read_log)
        )
        for thread in self._threads:
            thread.start()

    def _read_answers(self) -> None:
        stream = self._streams[0]
        last: bytes | Misuse = b""
        try:
            while line := stream.readline(ANSWER_BYTES):
                if not line.endswith(b"\n"):
                    if len(line) == ANSWER_BYTES:
                        last = Misuse("the process sent an answer that is too long")
                    break
                self._lines.put_nowait(line)
        except Full:
            last = Misuse("the process sent answers that nobody asked for")
        except (OSError, ValueError):
            pass
        if isinstance(last, Misuse):
            self._clear()
        self._lines.put(last)

    def _clear(self) -> None:
        """Drop what has been read: none of it can be trusted."""
        try:
            while True:
                self._lines.get_nowait()
        except Empty:
            pass

    def _read_log(self) -> None:
        stream: Any = self._streams[1]
        total = 0
        try:
            while piece := stream.read1(CHUNK):
                total += len(piece)
                self._tail = (self._tail + piece)[-TAIL_BYTES:]
                if total > self._log_bytes and not self.flood:
                    self.flood = True
                    self._flooded()
        except (OSError, ValueError):
            pass

    def next_line(self, seconds: float) -> bytes:
        """The next answer.

        Args:
            seconds: Wall-clock seconds to wait for it.

        Returns:
            One line; empty when no more can come.

        Raises:
            Silence: Nothing came in time.
            Misuse: What came is no answer.
        """
        try:
            line = self._lines.get(timeout=max(seconds, 0))
        except Empty:
            raise Silence from None
        if isinstance(line, Misuse):
            raise line
        return line

    def log_tail(self) -> str:
        """The last 64 KiB of the log."""
        return self._tail.decode("utf-8", "replace")

    def close(self) -> None:
        """Close the pipes, once the process is gone."""
        for thread, stream in zip(self._threads, self._streams, strict=True):
            # A descendant that left the process group may still hold the pipe open.
            thread.join(timeout=2)
            if not thread.is_alive():
                stream.close()
