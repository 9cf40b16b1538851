"""The worker's program without TensorFlow: who may talk to it, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from czcheck.runtime import WORKER, worker


def talk(*commands: dict[str, object]) -> subprocess.CompletedProcess[str]:
    lines = "".join(json.dumps(command) + "\n" for command in commands)
    return subprocess.run(
        [sys.executable, "-I", "-u", str(WORKER)],
        input=lines,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    "first",
    [{"command": "load", "nonce": "1"}, {"command": "hello"}, {"command": "hello", "nonce": ""}],
)
def test_it_carries_out_nothing_before_it_has_a_nonce(first: dict[str, object]) -> None:
    ended = talk(first)
    assert ended.returncode != 0
    assert ended.stdout == ""


def test_it_ends_normally_after_quit_and_only_then() -> None:
    assert talk({"command": "quit"}).returncode == 0
    assert talk().returncode != 0


def test_it_clears_up_when_commands_break_off(tmp_path: Path) -> None:
    private = tmp_path / "private"
    (private / "model").mkdir(parents=True)
    lines = json.dumps({"command": "quite", "folder": str(private)}) + "\nno JSON\n"
    script = (
        "import importlib.util, io, queue, sys; "
        "spec = importlib.util.spec_from_file_location('worker', sys.argv[1]); "
        "worker = importlib.util.module_from_spec(spec); spec.loader.exec_module(worker); "
        "worker.watch(io.BytesIO(sys.argv[2].encode()), queue.Queue())"
    )
    command = [sys.executable, "-c", script, str(WORKER), lines]
    assert subprocess.run(command, timeout=30, check=False).returncode == 1
    assert not private.exists()


FAILED_NODE = """Graph execution error:

Detected at node 'check' defined at (most recent call last):
  File "x.py", line 3, in <module>
    model(x)
Node: 'check'
assertion failed: [0]
\t [[{{node check}}]]
"""
TWO_ROOTS = """2 root error(s) found.
  (0) INVALID_ARGUMENT:  assertion failed: [0]
  (1) INVALID_ARGUMENT:  assertion failed: [0]
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("short and plain.", "short and plain"),
        (FAILED_NODE, "assertion failed: [0]"),
        (TWO_ROOTS, "assertion failed: [0]"),
        (
            "Op type not registered 'New' in binary running on build-host-7. Make sure the Op",
            "Op type not registered 'New'",
        ),
        ("  \n\n", "ValueError"),
        ("x" * 9999, "x" * 400),
    ],
)
def test_an_error_is_one_line_that_says_something(text: str, line: str) -> None:
    assert worker.first_line(ValueError(text)) == line
