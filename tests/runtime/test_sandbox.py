"""The sandbox without TensorFlow: what a process that is shut in can still do."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from reachable import reachable

from czcheck.files import private_folder, remove_folder, sweep
from czcheck.runtime import WORKER, sandbox

ATTEMPTS = Path(__file__).with_name("attempts.py")
SANDBOX = WORKER.with_name("sandbox.py")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has a sandbox")


@pytest.fixture(params=["this one", pytest.param("Python 3.7", marks=pytest.mark.tf200)])
def python(request: pytest.FixtureRequest) -> str:
    if request.param == "this one":
        return sys.executable
    return str(request.getfixturevalue("tf200_python"))


@needs_linux
def test_nothing_gets_out(python: str, as_user: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inside").mkdir(parents=True)
    for name in ("secret", "inside/model", "inside/answer"):
        (folder / name).write_text("kept")
    for path in (tmp_path, folder, *folder.rglob("*")):
        path.chmod(0o777)  # no right is missing but for the sandbox
    reachable(tmp_path)
    command = [*as_user, python, "-I", str(ATTEMPTS), str(SANDBOX), str(folder)]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "SECRET": "1"}
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    if told["record"]["lacking"] is not None:
        pytest.skip(f"no sandbox on this machine: {told['record']['lacking']}")
    assert (told["user"] == os.getuid()) == (not as_user)
    assert [name for name, outcome in told["attempts"].items() if outcome == "done"] == []
    assert set(told["allowed"].values()) == {"done"}
    assert sorted(path.name for path in folder.rglob("*")) == [
        "answer",
        "inside",
        "model",
        "secret",
    ]
    assert (folder / "secret").read_text() == (folder / "inside/model").read_text() == "kept"
    assert (folder / "inside/answer").read_text() == "here"


def verdict(machine: str, number: int, *arguments: int, arch: int | None = None) -> int:
    """What the filter says to a system call: 0, or an error's number."""
    known = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]
    words = {0: number, 4: known if arch is None else arch}
    for place, argument in enumerate((*arguments, *[0] * (6 - len(arguments)))):
        words[16 + 8 * place] = argument & 0xFFFFFFFF
        words[20 + 8 * place] = argument >> 32
    lines, at, loaded = sandbox.program(machine, 1234), 0, 0
    while True:
        operation, yes, no, operand = lines[at]
        at += 1
        if operation == 0x20:
            loaded = words[operand]
        elif operation == 0x06:
            assert operand & 0xFFFF0000 in (0x7FFF0000, 0x00050000)
            return operand & 0xFFFF
        else:
            holds = {0x15: loaded == operand, 0x25: loaded > operand, 0x45: loaded & operand}
            at += yes if holds[operation] else no


# Name, its number on each of the two machines, arguments, what comes of it.
CALLS = [
    ("read", 0, 63, (), 0),
    ("openat", 257, 56, (), 0),
    ("mmap", 9, 222, (), 0),
    ("futex", 202, 98, (), 0),
    ("exit_group", 231, 94, (), 0),
    ("clone of a thread", 56, 220, (0x3D0F00,), 0),
    ("clone of a process", 56, 220, (0x1200011,), errno.EPERM),
    ("clone3", 435, 435, (), errno.ENOSYS),
    ("execve", 59, 221, (), errno.EPERM),
    ("socket", 41, 198, (), errno.EPERM),
    ("io_uring_setup", 425, 425, (), errno.EPERM),
    ("ptrace", 101, 117, (), errno.EPERM),
    ("tgkill of itself", 234, 131, (1234, 1234, 6), 0),
    ("tgkill of another", 234, 131, (1, 1, 9), errno.EPERM),
    ("kill of another", 62, 129, (1, 9), errno.EPERM),
    ("kill of a group", 62, 129, (0xFFFFFFFF, 9), errno.EPERM),
    ("prlimit64 that asks", 302, 261, (0, 7, 0, 0x7FFF00000000), 0),
    ("prlimit64 that sets", 302, 261, (0, 7, 0x7FFF00000000, 0), errno.EPERM),
    ("prlimit64 of another", 302, 261, (1, 7, 0, 0), errno.EPERM),
    ("a call newer than the filter", 463, 463, (), errno.ENOSYS),
    ("a call of the x32 kind", 0x40000000 + 1, 0x40000000 + 1, (), errno.EPERM),
]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("call", CALLS, ids=[call[0] for call in CALLS])
def test_the_filter_tells_calls_apart(
    machine: str, call: tuple[str, int, int, tuple[int, ...], int]
) -> None:
    _, on_x86, on_arm, arguments, expected = call
    number = on_x86 if machine == "x86_64" else on_arm
    assert verdict(machine, number, *arguments) == expected
    assert verdict(machine, number, *arguments, arch=0x40000003) == errno.EPERM


OWNER = """
import sys, time
from czcheck.files import private_folder
print(private_folder(), flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked there")
def test_a_folder_is_swept_when_its_owner_is_gone_and_no_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    keep = tmp_path / "czcheck-results"
    keep.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as owner:
        assert owner.stdout is not None
        theirs = Path(owner.stdout.readline().strip())
        (theirs / "model").mkdir()
        ours = private_folder()
        assert theirs.parent == ours.parent == tmp_path
        sweep(tmp_path)
        assert theirs.is_dir()
        owner.send_signal(signal.SIGKILL)
    other = private_folder()
    assert not theirs.exists()
    assert ours.is_dir()
    remove_folder(ours)
    remove_folder(other)
    assert list(tmp_path.iterdir()) == [keep]
