"""Damaged archives end in a verdict: no exception, no crashed rule, in bounded time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from czcheck.limits import MIB

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("mutations.py")
# The places that `mutations.py` knows; 2,250 damaged archives in all.
PLACES = (
    "archive",
    "members",
    "xml",
    "payload",
    "payload-members",
    "graph",
    "graph-fields",
    "index",
    "data",
)
EXAMPLES = 250


@pytest.mark.skipif(sys.platform == "win32", reason="memory is measured as POSIX does")
@pytest.mark.parametrize("place", PLACES)
def test_every_damaged_archive_gets_a_verdict(place: str) -> None:
    command = [sys.executable, str(SCRIPT), place, str(EXAMPLES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert set(told["verdicts"]) <= {"passed", "failed"}
    assert told["verdicts"]["failed"] > EXAMPLES / 5, "the damage has to matter"
    assert sum(told["verdicts"].values()) >= EXAMPLES
    assert told["peak"] < 512 * MIB
