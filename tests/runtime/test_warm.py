"""The warm process: it forks workers, survives none of its own faults, and leaves nothing."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from czcheck.errors import IncompleteError
from czcheck.runtime import (
    RunnerLimits,
    WarmProcess,
    Worker,
    WorkerDied,
    WorkerSource,
    can_fork,
    in_order,
)
from fixtures.graphs import good_payload

needs_forks = pytest.mark.skipif(not can_fork(), reason="nothing is forked on this platform")
tensorflow = pytest.mark.tensorflow
TILE = np.ones((1, 32, 32, 1), np.float32)


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmProcess]:
    with WarmProcess() as process:
        yield process


def runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int, seconds: float = 10) -> bool:
    limit = time.monotonic() + seconds
    while runs(pid) and time.monotonic() < limit:
        time.sleep(0.01)
    return not runs(pid)


def pid_of(worker: Worker) -> int:
    assert worker._group is not None
    return worker._group.pid


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def load(worker: Worker) -> None:
    worker.start()
    folder = worker.folder / "model"
    with zipfile.ZipFile(io.BytesIO(good_payload())) as archive:
        archive.extractall(folder)
    worker.load(
        folder,
        loader="session",
        signature="serving_default",
        input=("image", "image:0"),
        output=("answer", "answer:0"),
    )


@needs_forks
@tensorflow
def test_forks_answer_like_a_process_of_its_own(warm: WarmProcess) -> None:
    answers, parents, folders = [], set(), []
    for process in (None, warm, warm):
        with Worker(warm=process) as worker:
            load(worker)
            answers.append(worker.predict(TILE))
            folders.append(worker.folder)
            parents.add(parent_of(pid_of(worker)))
            worker.finish()
    assert len(parents) == 2
    for answer in answers[1:]:
        assert answer.array is not None
        assert answers[0].array is not None
        np.testing.assert_array_equal(answer.array, answers[0].array)
        # What libraries take is counted, though a fork does not read them again.
        assert abs(answer.peak_bytes / answers[0].peak_bytes - 1) < 0.2
    assert not any(folder.exists() for folder in folders)


@needs_forks
@tensorflow
def test_a_fork_that_dies_takes_no_other_with_it(warm: WarmProcess) -> None:
    with Worker(warm=warm) as steady, Worker(warm=warm) as doomed:
        for worker in (steady, doomed):
            load(worker)
        pid = pid_of(doomed)
        os.kill(pid, signal.SIGSEGV)
        with pytest.raises(WorkerDied, match="SIGSEGV"):
            doomed.predict(TILE)
        assert not runs(pid)
        assert steady.predict(TILE).array is not None
        steady.finish()


@needs_forks
@tensorflow
def test_a_fork_that_hangs_is_ended(warm: WarmProcess) -> None:
    with Worker(warm=warm, limits=RunnerLimits(seconds_tile=0.5)) as worker:
        load(worker)
        pid, folder = pid_of(worker), worker.folder
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(WorkerDied, match=r"no answer within 0\.5 seconds"):
            worker.predict(TILE)
        assert gone(pid)
        assert not folder.exists()


@needs_forks
@tensorflow
def test_without_its_warm_process_a_run_is_no_verdict_and_the_next_starts_another() -> None:
    with WarmProcess() as warm:
        with Worker(warm=warm) as worker:
            load(worker)
            pid = pid_of(worker)
            os.kill(parent_of(pid), signal.SIGKILL)
            with pytest.raises(IncompleteError, match="cannot run networks"):
                worker.predict(TILE)
            assert gone(pid)
        with Worker(warm=warm) as worker:
            load(worker)
            assert worker.predict(TILE).array is not None
            worker.finish()


PARENT = """
import sys, time
from czcheck.runtime.networks import Worker
from czcheck.runtime.warm import WarmProcess
warm = WarmProcess()
worker = Worker(warm=warm)
worker.hello()
print(worker._group.pid, worker.folder, warm._forker._folder, flush=True)
time.sleep(600)
"""


@needs_forks
@tensorflow
def test_nothing_is_left_when_the_parent_is_killed() -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, cwd=root
    ) as parent:
        assert parent.stdout is not None
        number, *folders = parent.stdout.readline().split()
        forker = parent_of(int(number))
        parent.kill()
    assert gone(int(number))
    assert gone(forker)
    assert len(folders) == 2
    assert not any(Path(folder).exists() for folder in folders)


@needs_forks
def test_leaving_before_anything_was_forked_waits_for_nothing() -> None:
    with WarmProcess() as warm:
        worker = Worker(warm=warm)
        worker.start()
        folder = worker.folder
        begin = time.monotonic()
        worker.close()
        assert time.monotonic() - begin < 1
        assert not folder.exists()
        assert warm._forker is not None
        pid, own = warm._forker._group.pid, warm._forker._folder
    assert gone(pid)
    assert not own.exists()
    with Worker(warm=warm) as late, pytest.raises(IncompleteError, match="was closed"):
        late.hello()


def test_only_several_networks_in_this_interpreter_share_a_process() -> None:
    with WorkerSource(many=True) as source:
        assert (source.worker()._warm is not None) == can_fork()
        assert source.worker(fresh=True)._warm is None
        assert source.worker("other-python")._warm is None
    with WorkerSource(many=False) as source:
        assert source.worker()._warm is None
    with WorkerSource("other-python", many=True) as source:
        assert source.worker()._warm is None


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
