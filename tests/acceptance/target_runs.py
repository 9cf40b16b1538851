"""Runs SavedModels in a real TensorFlow 2.0.0."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from children import run_script

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Outcome:
    """What TensorFlow 2.0.0 did with one SavedModel."""

    errors: dict[str, str | None]
    answers: dict[str, Any]


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
    run_script(python, HERE / "load_in_target.py", folder / "jobs.json", folder / "results.json")
    found = json.loads((folder / "results.json").read_text())
    outcomes = {}
    for each, result in zip(jobs, found["results"], strict=True):
        with np.load(each["into"]) as answers:
            outcomes[result["name"]] = Outcome(result["errors"], dict(answers))
    return found["tensorflow"], outcomes
