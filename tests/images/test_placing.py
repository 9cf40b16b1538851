"""Putting several files in place is not interrupted half-way."""

from __future__ import annotations

import signal
import threading

import pytest

from czcheck.files import uninterrupted


def place_two(done: list[str]) -> None:
    with uninterrupted():
        done.append("first")
        signal.raise_signal(signal.SIGINT)
        done.append("second")


def test_an_interruption_waits_until_all_is_in_place() -> None:
    done: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest may run in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            place_two(done)
        assert done == ["first", "second"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_there_is_nothing_to_put_off() -> None:
    done: list[str] = []

    def work() -> None:
        with uninterrupted():
            done.append("first")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["first"]
