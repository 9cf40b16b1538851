"""What the tests of the runtime share."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from czcheck.runtime.limits import RunnerLimits
from czcheck.runtime.process import Worker

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
