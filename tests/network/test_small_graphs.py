"""The networks written by hand are real ones: TensorFlow loads and runs them."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest
from children import run_script

from fixtures.bad_network import with_variable
from fixtures.graphs import classifier

SCRIPT = Path(__file__).with_name("load_small.py")


def expected() -> list[float]:
    """Probability of the second class in row 16, every eighth column.

    The network compares the mean over 3x3 pixels with a threshold of 20000, with zeros outside
    the tile; the picture rises by 64 from pixel to pixel.
    """
    probabilities = []
    for column in range(0, 32, 8):
        near = [(row, side) for row in (15, 16, 17) for side in (column - 1, column, column + 1)]
        inside = [64 * (32 * row + side) for row, side in near if 0 <= side < 32]
        score = sum(inside) / 9 / 5000 - 4
        probabilities.append(1 / (1 + math.exp(-score)))
    return probabilities


def check(python: str, tmp_path: Path) -> None:
    folders = []
    for name, graph in (("constant", classifier()), ("variable", with_variable())):
        folders.append(str(tmp_path / name))
        for file, data in graph.files().items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    for answers in json.loads(run_script(python, SCRIPT, *folders)):
        for answer in answers:
            assert answer == pytest.approx(expected(), abs=1e-5)


@pytest.mark.tensorflow
@pytest.mark.timeout(120)
def test_todays_tensorflow_runs_them(tmp_path: Path) -> None:
    check(sys.executable, tmp_path)


@pytest.mark.tf200
@pytest.mark.timeout(120)
def test_tensorflow_2_0_0_runs_them(tmp_path: Path, tf200_python: str) -> None:
    check(tf200_python, tmp_path)
