"""Runs scripts of this folder, and SavedModels in a real TensorFlow 2.0.0."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Outcome:
    """What TensorFlow 2.0.0 did with one SavedModel."""

    errors: dict[str, str | None]
    answers: dict[str, Any]


def run(python: str, script: str, *arguments: Path) -> None:
    """Run a script in a process of its own."""
    root = str(HERE.parents[1])
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": root}
    # As in a build: not every processor has the kernel of a dilated transposed convolution without.
    environment["TF_ENABLE_ONEDNN_OPTS"] = "1"
    command = [python, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def job(folder: Path, name: str, source: Path, tile: Path) -> dict[str, str]:
    """What `load_in_target.py` takes: a SavedModel, an `.npz` with its tile, where to write."""
    into = folder / f"{name}-in-target.npz"
    return {"name": name, "folder": str(source), "tile": str(tile), "into": str(into)}


def in_target(
    python: str, folder: Path, jobs: list[dict[str, str]]
) -> tuple[str, dict[str, Outcome]]:
    """Run SavedModels in TensorFlow 2.0.0, all in one process.

    Returns:
        The version of that TensorFlow, and the outcomes by name.
    """
    (folder / "jobs.json").write_text(json.dumps(jobs))
    run(python, "load_in_target.py", folder / "jobs.json", folder / "results.json")
    found = json.loads((folder / "results.json").read_text())
    outcomes = {}
    for each, result in zip(jobs, found["results"], strict=True):
        with np.load(each["into"]) as answers:
            outcomes[result["name"]] = Outcome(result["errors"], dict(answers))
    return found["tensorflow"], outcomes
