"""Memory of commands: what a process and all its descendants have in use together.

Memory that several of them share counts once.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cpu import ROOT

INTERVAL = 0.02


def used_bytes(root: int) -> int:
    """Memory that a process and its descendants use together; 0 where that is not told.

    Args:
        root: Id of the process.
    """
    total, pending = 0, [root]
    while pending:
        pid = pending.pop()
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
            total += 1024 * int(text.partition("\nPss:")[2].split()[0])
            for task in Path(f"/proc/{pid}/task").iterdir():
                pending += map(int, (task / "children").read_text("ascii").split())
        except (OSError, ValueError, IndexError):
            continue  # it has just ended
    return total


def peak_bytes(command: Sequence[str], interval: float = INTERVAL) -> int:
    """The most memory that a command and its descendants use together.

    Args:
        command: Program and arguments.
        interval: Seconds between looks.

    Raises:
        SystemExit: It fails; with the last line of its log.
    """
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"}
    done, peak = threading.Event(), 0
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=log
        ) as process,
    ):
        while process.poll() is None:
            peak = max(peak, used_bytes(process.pid))
            done.wait(interval)
        if process.returncode != 0:
            log.seek(0)
            said = log.read().strip().splitlines() or ["nothing said"]
            raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}: {said[-1]}")
    return peak
