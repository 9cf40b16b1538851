"""Reading what a worker sends, under limits."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from czcheck.runtime import TAIL_BYTES, Channel, Misuse, Silence


class Pipes:
    """A channel, and the ends that a worker would write to."""

    def __init__(self, log_bytes: int = 1 << 20) -> None:
        answers, self.answers = os.pipe()
        log, self.log = os.pipe()
        self.flooded = threading.Event()
        self.channel = Channel(
            os.fdopen(answers, "rb"), os.fdopen(log, "rb"), log_bytes, self.flooded.set
        )

    def end(self) -> None:
        for name in ("answers", "log"):
            number = getattr(self, name)
            if number is not None:
                os.close(number)
                setattr(self, name, None)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    made = Pipes()
    yield made
    made.end()
    made.channel.close()


def test_lines_come_one_by_one_and_then_the_end(pipes: Pipes) -> None:
    os.write(pipes.answers, b"one\ntwo\n")
    assert pipes.channel.next_line(5) == b"one\n"
    assert pipes.channel.next_line(5) == b"two\n"
    with pytest.raises(Silence):
        pipes.channel.next_line(0.01)
    pipes.end()
    assert pipes.channel.next_line(5) == b""


def test_a_broken_line_is_no_answer(pipes: Pipes) -> None:
    os.write(pipes.answers, b'{"ok": tr')
    pipes.end()
    assert pipes.channel.next_line(5) == b""


def test_answers_that_nobody_asked_for_are_not_kept(pipes: Pipes) -> None:
    os.write(pipes.answers, b"x\n" * 100)

    def read_on() -> None:
        while pipes.channel.next_line(5):
            pass

    with pytest.raises(Misuse, match="nobody asked for"):
        read_on()


def test_of_the_log_the_end_is_kept() -> None:
    pipes = Pipes(log_bytes=1 << 30)
    for _ in range(4):
        os.write(pipes.log, b"a" * TAIL_BYTES)
    os.write(pipes.log, b"\xff the end")
    pipes.end()
    pipes.channel.close()
    assert len(pipes.channel.log_tail()) == TAIL_BYTES
    assert pipes.channel.log_tail().endswith("a\ufffd the end")
    assert not pipes.channel.flood
    assert not pipes.flooded.is_set()


def test_too_much_log_is_told_once_and_read_on() -> None:
    pipes = Pipes(log_bytes=1000)
    for _ in range(20):
        os.write(pipes.log, b"a" * 60000)
    assert pipes.flooded.wait(5)
    pipes.end()
    pipes.channel.close()
    assert pipes.channel.flood
