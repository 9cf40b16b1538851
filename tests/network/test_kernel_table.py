"""The table of kernels against the kernels: refused really refuses, equal is equal."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from children import run_script

from czcheck.network import load_kernels
from czcheck.shipped import shipped
from fixtures.kernels.judging import Row, unexplained

SCRIPT = Path(__file__).with_name("sample_kernels.py")


@pytest.mark.tf200
@pytest.mark.tensorflow
@pytest.mark.timeout(300)
def test_what_is_found_without_a_run_is_what_comes_out(tf200_python: str) -> None:
    printed = run_script(sys.executable, SCRIPT, tf200_python)
    rows = [Row(**each) for each in json.loads(printed)]
    assert unexplained(rows) == []
    outcomes = Counter((row.named.partition(":")[0], row.outcome) for row in rows)
    assert outcomes["refuses", "refused"] + outcomes["refuses", "neither"] >= 3
    assert outcomes["differs", "differs"] >= 1
    assert outcomes["", "equal"] >= 6
    assert len(rows) >= 20


def test_the_table_counts_what_was_tried() -> None:
    data = json.loads(shipped("czcheck.network", "tf-2.0.0-kernels.json"))
    counts = data["counts"]
    assert counts["tried"] == sum(counts.values()) - counts["tried"]
    assert counts["tried"] == sum(each["cases"] for each in data["operations"].values())
    assert counts["equal"] == sum(each["equal"] for each in data["operations"].values())
    assert set(data["operations"]) <= set(load_kernels("tf-2.0.0").registered)
