"""The warm process, whose forks are workers as in `trying_worker.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import trying_worker


def worker_module() -> Any:
    """The worker with its further commands."""
    plain = trying_worker.worker.main
    trying_worker.worker.main = lambda: plain(trying_worker.MORE)
    return trying_worker.worker


if __name__ == "__main__":
    forker = trying_worker.module(trying_worker.RUNTIME, "forker")
    forker._worker_module = worker_module
    forker.main()
