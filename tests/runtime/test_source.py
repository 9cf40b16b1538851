"""Several files at a time: results in order, and one failure that cuts the others short."""

from __future__ import annotations

import time

import pytest

from czcheck.runtime import in_order


def test_results_come_in_the_order_of_the_items() -> None:
    def slow_at_first(item: int) -> int:
        time.sleep(0.2 if item == 0 else 0)
        return item * item

    stopped: list[bool] = []
    for jobs in (1, 3):
        done = in_order([0, 1, 2, 3], slow_at_first, jobs, lambda: stopped.append(True))
        assert done == [0, 1, 4, 9]
    assert stopped == []


def test_one_failure_cuts_the_others_short() -> None:
    begun: list[int] = []
    stopped: list[bool] = []

    def fails(item: int) -> int:
        begun.append(item)
        if item == 0:
            raise ValueError("zero")
        limit = time.monotonic() + 10
        while not stopped and time.monotonic() < limit:
            time.sleep(0.01)
        return item

    with pytest.raises(ValueError, match="zero"):
        in_order(range(20), fails, 2, lambda: stopped.append(True))
    assert stopped == [True]
    assert len(begun) < 20
