"""SavedModels of every kind, written once by the TensorFlows that write them so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

WriteSpec = Callable[..., Path]


def run_script(python: str, script: Path, *arguments: str | Path) -> str:
    """Run a script in a process of its own; returns what it printed."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": str(ROOT)}
    command = [python, str(script), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of SavedModels that today's TensorFlow writes: see `write_sources.py`."""
    folder = tmp_path_factory.mktemp("sources")
    run_script(sys.executable, HERE / "write_sources.py", folder)
    return folder


@pytest.fixture(scope="session")
def trained_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of SavedModels that hold much besides the network: see `write_trained_sources.py`."""
    folder = tmp_path_factory.mktemp("trained")
    run_script(sys.executable, HERE / "write_trained_sources.py", folder)
    return folder


@pytest.fixture(scope="session")
def source_of_tf200(tmp_path_factory: pytest.TempPathFactory, tf200_python: str) -> Path:
    """A SavedModel that Keras 2 in TensorFlow 2.0.0 saved after training."""
    folder = tmp_path_factory.mktemp("tf200")
    run_script(tf200_python, HERE / "write_sources_tf200.py", folder)
    return folder / "keras2"


@pytest.fixture
def write_spec(tmp_path: Path) -> WriteSpec:
    """Writes a specification for a network of one gray channel and two classes."""

    def write(model: Path | str, **changes: Any) -> Path:
        keys: Mapping[str, Any] = {
            "Name": "Nuclei",
            "BorderSize": 4,
            "ColorHandling": "ConvertToMonochrome",
            "PixelType": "Gray16",
            "Classes": ["Background", "Nucleus"],
            "ModelPath": str(model),
            **changes,
        }
        path = tmp_path / "spec.json"
        path.write_text(json.dumps(keys), encoding="utf-8")
        return path

    return write
