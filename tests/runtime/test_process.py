"""The hold on the process: whatever it does ends in bounded time, in words, and leaves nothing."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from czcheck.errors import IncompleteError
from czcheck.runtime import CommandFailed, RunnerLimits, Worker, WorkerDied

Fake = Callable[..., Worker]
TILE = np.zeros((1, 4, 4, 1), np.float32)
PROLOGUE = """
import json, os, signal, subprocess, sys, time

def take():
    return json.loads(sys.stdin.readline())

def answer(command, **fields):
    print(json.dumps({"nonce": hello["nonce"], "command": command, "ok": True, **fields}))
    sys.stdout.flush()

hello = take()
"""
GREETING = 'answer("hello", python="3.0.0", tensorflow="2.0.0", numpy="1.0.0")\n'


@pytest.fixture
def fake(tmp_path: Path) -> Callable[..., Worker]:
    """Makes a worker whose program is a few lines of Python without TensorFlow."""

    def make(body: str, *, greets: bool = True, **limits: float) -> Worker:
        script = tmp_path / "fake.py"
        script.write_text(PROLOGUE + (GREETING if greets else "") + textwrap.dedent(body))
        return Worker(limits=RunnerLimits(**limits), script=script)  # type: ignore[arg-type]

    return make


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def death_of(worker: Worker, name: str = "predict", seconds: float = 20) -> WorkerDied:
    """Ask for something, and see that the process is gone afterwards with all it wrote."""
    worker.hello()
    assert worker._group is not None
    pid, folder = worker._group.pid, worker.folder
    assert folder.is_dir()
    begin = time.monotonic()
    with pytest.raises(WorkerDied) as caught:
        worker.command(name, seconds)
    assert time.monotonic() - begin < 15
    assert is_gone(pid)
    assert not folder.exists()
    assert caught.value.phase == name
    return caught.value


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("take(); os.abort()", "abort", "the process aborted (SIGABRT)"),
        (
            "take(); os.write(2, b'x.cc:3] Check failed: a == b\\n'); os.abort()",
            "abort",
            "the process aborted (SIGABRT): x.cc:3] Check failed: a == b",
        ),
        ("take(); os.kill(os.getpid(), signal.SIGSEGV)", "signal", "SIGSEGV"),
        ("take(); os.kill(os.getpid(), signal.SIGKILL)", "signal", "memory runs out"),
        (
            "take(); os.write(2, b'what():  std::bad_alloc\\n'); os.abort()",
            "memory",
            "out of memory (limit 8 GiB)",
        ),
        ("take(); sys.exit(3)", "exit", "exit code 3"),
        ("take(); sys.exit(0)", "exit", "exit code 0"),
        ("take(); os.close(1); os.close(0); time.sleep(60)", "protocol", "closed its channel"),
        ("take(); print('{}', flush=True); time.sleep(60)", "protocol", "no record"),
        ("take(); print('[' * 100000, flush=True); time.sleep(60)", "protocol", "no record"),
        ("take(); print('x' * 2000000, flush=True); time.sleep(60)", "protocol", "too long"),
        ("take(); answer('load'); time.sleep(60)", "protocol", "no record"),
        (
            "hello['nonce'] = '0' * 32; take(); answer('predict'); time.sleep(60)",
            "protocol",
            "wrong nonce",
        ),
        (
            "take()\nfor _ in range(10000): answer('load')\ntime.sleep(60)",
            "protocol",
            "the process",
        ),
    ],
)
def test_a_death_is_told_in_words(fake: Fake, body: str, kind: str, words: str) -> None:
    with fake(body) as worker:
        death = death_of(worker)
    assert death.kind == kind
    assert words in death.reason


def test_silence_ends_after_the_time_allowed(fake: Fake) -> None:
    with fake("take(); time.sleep(600)") as worker:
        begin = time.monotonic()
        death = death_of(worker, seconds=0.5)
    assert death.kind == "time"
    assert death.reason == "no answer within 0.5 seconds"
    assert time.monotonic() - begin < 10


def test_a_flood_of_log_ends_the_process(fake: Fake) -> None:
    body = "take()\nwhile True: os.write(2, b'x' * 65536)"
    with fake(body, log_bytes=1 << 20) as worker:
        death = death_of(worker)
    assert death.kind == "log"
    assert "1048576 bytes of log" in death.reason


def test_a_chatty_process_is_not_held_up(fake: Fake) -> None:
    body = "os.write(2, b'x' * 900000); take(); answer('load', loader='session'); take()"
    with fake(body) as worker:
        assert worker.command("load", 20)["loader"] == "session"
        worker.finish()


def test_descendants_are_ended_too(fake: Fake) -> None:
    body = """
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    take(); answer("load", child=child.pid)
    take(); os._exit(1)
    """
    with fake(body) as worker:
        child = worker.command("load", 20)["child"]
        assert not is_gone(child)
        death_of(worker)
    limit = time.monotonic() + 5
    while not is_gone(child) and time.monotonic() < limit:
        time.sleep(0.01)  # whoever inherits orphans has to collect it first
    assert is_gone(child) or Path(f"/proc/{child}/stat").read_text().split()[2] == "Z"


def test_an_exception_leaves_the_process_alive(fake: Fake) -> None:
    body = """
    take(); answer("load", ok=False, kind="ValueError", error="too  odd\\nindeed")
    take(); answer("load", ok=False, kind="ResourceExhaustedError", error="OOM")
    take(); answer("load", loader="object")
    take()
    """
    with fake(body) as worker:
        with pytest.raises(CommandFailed) as caught:
            worker.command("load", 20)
        assert caught.value.reason == "ValueError: too odd indeed"
        assert caught.value.kind == "exception"
        with pytest.raises(CommandFailed) as caught:
            worker.command("load", 20)
        assert caught.value.kind == "memory"
        assert worker.command("load", 20)["loader"] == "object"
        worker.finish()


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("take(); sys.exit(0)", None, ""),
        ("take(); sys.exit(7)", "exit", "exit code 7"),
        ("take(); os.abort()", "abort", "SIGABRT"),
        ("take(); time.sleep(600)", "time", "did not end within 0.5 seconds"),
    ],
)
def test_only_a_normal_exit_finishes(fake: Fake, body: str, kind: str | None, words: str) -> None:
    with fake(body, seconds_exit=0.5) as worker:
        worker.hello()
        folder = worker.folder
        if kind is None:
            worker.finish()
        else:
            with pytest.raises(WorkerDied) as caught:
                worker.finish()
            assert (caught.value.phase, caught.value.kind) == ("exit", kind)
            assert words in caught.value.reason
        assert not folder.exists()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "answer('hello', ok=False, kind='ModuleNotFoundError', error='No module tensorflow')",
            "No module tensorflow",
        ),
        ("os.abort()", "SIGABRT"),
        ("time.sleep(600)", "no answer within 0.5 seconds"),
    ],
)
def test_a_runner_that_does_not_start_is_no_verdict(fake: Fake, body: str, words: str) -> None:
    with fake(body, greets=False, seconds_start=0.5) as worker:
        worker.start()
        folder = worker.folder
        with pytest.raises(IncompleteError, match="cannot import TensorFlow") as caught:
            worker.hello()
        assert not folder.exists()
    assert words in str(caught.value)
    assert worker.python in str(caught.value)


def test_an_interpreter_that_is_not_there_is_no_verdict(tmp_path: Path) -> None:
    missing = str(tmp_path / "python")
    with Worker(missing) as worker:
        worker.start()
        with pytest.raises(IncompleteError, match="no such interpreter") as caught:
            worker.hello()
    assert missing in str(caught.value)


def test_the_environment_holds_nothing_of_the_caller_s(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_SECRET", "hunter2")
    body = """
    take(); answer("load", names=sorted(os.environ), home=os.environ["HOME"], at=os.getcwd(),
                   mode=os.stat(".").st_mode & 0o777, path=sys.path)
    take()
    """
    with fake(body) as worker:
        seen = worker.command("load", 20)
        folder = str(worker.folder)
        worker.finish()
    assert "CI_SECRET" not in seen["names"]
    assert seen["home"] == seen["at"] == folder
    assert seen["mode"] == 0o700
    assert str(Path.cwd()) not in seen["path"]


def test_leaving_early_ends_everything(fake: Fake) -> None:
    with fake("take(); time.sleep(600)") as worker:
        worker.start()
        assert worker._group is not None
        pid, folder = worker._group.pid, worker.folder
    assert is_gone(pid)
    assert not folder.exists()
    worker.close()


PREDICTION = 'asked = take(); path = asked["output"]\n'


def stored(dtype: str = "float32", shape: str = "[1, 4, 4, 1]") -> str:
    return f'answer("predict", dtype="{dtype}", shape={shape}, seconds=0.5, stored=True)\ntake()'


def test_tiles_and_answers_travel_whole(fake: Fake) -> None:
    body = PREDICTION + "import shutil; shutil.copy(asked['tile'], path)\n" + stored()
    tile = np.random.default_rng(0).random((1, 7, 5, 3), np.float32)
    with fake(body) as worker:
        answer = worker.predict(tile)
        worker.finish()
    assert answer.array is not None
    np.testing.assert_array_equal(answer.array, tile)
    assert (answer.dtype, answer.shape, answer.seconds) == ("float32", (1, 7, 5, 3), 0.5)


def test_an_answer_without_numbers_has_no_array(fake: Fake) -> None:
    body = "take()\nanswer('predict', dtype='object', shape=[2], seconds=0, stored=False)\ntake()"
    with fake(body) as worker:
        answer = worker.predict(TILE)
    assert answer.array is None
    assert (answer.dtype, answer.shape) == ("object", (2,))


@pytest.mark.parametrize(
    ("fields", "seconds", "shape"),
    [
        ("dtype=[], shape=5, seconds=[]", 0, ()),
        ("dtype=1, shape='12', seconds='1'", 0, ()),
        ("shape={'a': 1}, seconds=float('nan')", 0, ()),
        ("shape=[-1, 2.5, True, None, 7], seconds=float('inf')", 0, (0, 0, 1, 0, 7)),
        ("shape=[10 ** 4000], seconds=-1", 0, (1 << 63,)),
        ("shape=[1] * 100000, seconds=10 ** 400", 0, ()),
        ("shape=None, seconds=2", 2, ()),
    ],
)
def test_what_a_process_says_of_its_answer_is_not_believed(
    fake: Fake, fields: str, seconds: float, shape: tuple[int, ...]
) -> None:
    with fake(f"take()\nanswer('predict', stored=False, {fields})\ntake()") as worker:
        answer = worker.predict(TILE)
    assert answer.array is None
    assert (answer.dtype, answer.seconds, answer.shape) == ("", seconds, shape)


def forged(shape: str, values: int = 0) -> str:
    """Lines that write an array of float32 whose header claims a shape."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    return (
        f"header = {header!r}.ljust(245) + chr(10); open(path, 'wb').write("
        "b'\\x93NUMPY\\x01\\x00' + len(header).to_bytes(2, 'little') + header.encode()"
        f" + bytes({4 * values}))"
    )


@pytest.mark.parametrize(
    ("writing", "words"),
    [
        ("pass", "missing or damaged"),
        ("os.symlink('/etc/hostname', path)", "missing or damaged"),
        ("os.mkfifo(path)", "not a file"),
        ("open(path, 'wb').write(b'PNG' * 100)", "damaged"),
        ("open(path, 'wb').truncate(2 << 20)", "larger than 1048576 bytes"),
        (forged("(100000, 100000)"), "damaged"),
        (forged("(-1, -4)", 4), "damaged"),
        (forged("(True, 4)", 4), "damaged"),
        (forged(f"({65 * '1,'})", 1), "damaged"),
        (forged(f"(0, {1 << 62})"), "damaged"),
        (forged(f"(0, {10**30})"), "damaged"),
        (r"open(path, 'wb').write(b'\x93NUMPY\x01\x00\x04\x00((((' + bytes(99))", "damaged"),
        (
            "import numpy; numpy.save(path, numpy.array([{}], object), allow_pickle=True)",
            "not numbers",
        ),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes as POSIX has them")
def test_a_forged_answer_is_refused(fake: Fake, writing: str, words: str) -> None:
    with fake(PREDICTION + writing + "\n" + stored(), output_bytes=1 << 20) as worker:
        with pytest.raises(WorkerDied) as caught:
            worker.predict(TILE)
        assert caught.value.kind == "protocol"
    assert words in caught.value.reason


def test_limits_reach_the_worker(fake: Fake) -> None:
    limits = RunnerLimits(memory_bytes=5 << 30, threads=2)
    body = "take(); answer('load', limits=hello['limits']); take()"
    with fake(body, memory_bytes=limits.memory_bytes, threads=limits.threads or 0) as worker:
        told = worker.command("load", 20)["limits"]
    assert told["memory_bytes"] == 5 << 30
    assert told["threads"] == 2
