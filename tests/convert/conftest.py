"""One run of a notebook's code, for all tests of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from children import run_script

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `notebook_day.py` found, and under `folder` where it worked."""
    folder = tmp_path_factory.mktemp("day")
    printed = run_script(sys.executable, HERE / "notebook_day.py", folder)
    found: dict[str, Any] = {"folder": folder, **json.loads(printed)}
    return found
