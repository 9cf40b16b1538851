"""Networks composed at random, built, and run in a real TensorFlow 2.0.0.

`python -m benchmarks.target_sweep.sweep --python .venv-tf200/bin/python --count 500 --seed 1`.
Ends with 1 where an archive that was built, and that passes the static rules, computes something
else in TensorFlow 2.0.0 or fails there. What is refused before that is counted by reason.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.target_sweep.drawing import tolerance

ROOT = Path(__file__).parent.parent.parent
BATCH = 50


def _run(command: list[str]) -> int:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    environment["TF_ENABLE_ONEDNN_OPTS"] = "1"
    return subprocess.run(
        command, cwd=ROOT, env=environment, check=False, stderr=subprocess.DEVNULL
    ).returncode


def _compose_and_build(folder: Path, first: int, last: int, seed: int) -> None:
    """Compose and build the networks from `first` on; what ends the process is passed over."""
    while first < last:
        numbers = map(str, (first, last - first, seed))
        module = "benchmarks.target_sweep.building"
        if _run([sys.executable, "-m", module, *numbers, str(folder)]) == 0:
            return
        # Made of TensorFlow's own operations by TensorFlow itself: before anything was built.
        while (folder / str(first)).exists():
            first += 1
        ended = folder / str(first - 1)
        outcome = "fault" if (ended / "expected.npy").exists() else "unfit"
        (ended / f"{outcome}.txt").write_text("the process ended")


def _run_in_target(python: str, folder: Path, places: list[Path]) -> None:
    """Run what was built, in batches; what ends the process is left out of the next one."""
    waiting = list(places)
    while waiting:
        jobs = [
            {
                "folder": str(place / "built"),
                "tile": str(place / "tile.npy"),
                "into": str(place / "output"),
            }
            for place in waiting
        ]
        (folder / "jobs.json").write_text(json.dumps(jobs))
        script = Path(__file__).with_name("in_target.py")
        _run([python, str(script), str(folder / "jobs.json")])
        left = [each for each in waiting if not _ended(each)]
        if left and len(left) <= len(waiting):
            (left[0] / "output.txt").write_text("ended the process")
            left = left[1:]
        waiting = left


def _ended(place: Path) -> bool:
    return (place / "output.npy").exists() or (place / "output.txt").exists()


def judge(place: Path) -> tuple[str, str]:
    """What became of one network: an outcome, and details."""
    for name in ("unfit", "refused", "fault"):
        if (place / f"{name}.txt").exists():
            return name, (place / f"{name}.txt").read_text()
    if (place / "output.txt").exists():
        return "failed in the target", (place / "output.txt").read_text()
    if not (place / "output.npy").exists():
        return "fault", "no output"
    expected, output = np.load(place / "expected.npy"), np.load(place / "output.npy")
    if output.shape != expected.shape:
        return "different", f"shape {output.shape} for {expected.shape}"
    allowed = tolerance(json.loads((place / "description.json").read_text()))
    apart = float(np.abs(output - expected).max())
    best = np.sort(expected, axis=-1)
    clear = best[..., -1] - best[..., -2] > 2 * allowed
    labels = int((output.argmax(-1) != expected.argmax(-1))[clear].sum())
    if not apart <= allowed or labels:
        return "different", f"probabilities by {apart:.2g}, {labels} labels"
    return "equal", ""


def main() -> int:
    """Sweep and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="interpreter with TensorFlow 2.0.0")
    parser.add_argument("--count", type=int, default=500, help="networks to draw")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to leave the networks")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"seed {options.seed}, {options.count} networks in {folder}", flush=True)
        for first in range(0, options.count, BATCH):
            last = min(first + BATCH, options.count)
            _compose_and_build(folder, first, last, options.seed)
            places = [folder / str(number) for number in range(first, last)]
            built = [place for place in places if (place / "built").exists()]
            _run_in_target(options.python, folder, built)
            found = collections.Counter(judge(place)[0] for place in places)
            print(last, dict(found), flush=True)
        return _report(folder, options.count)


def _report(folder: Path, count: int) -> int:
    outcomes: dict[str, list[tuple[int, str]]] = collections.defaultdict(list)
    for number in range(count):
        outcome, details = judge(folder / str(number))
        outcomes[outcome].append((number, details))
    for outcome, found in sorted(outcomes.items()):
        print(f"{outcome}: {len(found)}")
    reasons = collections.Counter(
        re.sub(r"\(node \S+\)|\d+", "", details)[:150] for _, details in outcomes["refused"]
    )
    for reason, times in reasons.most_common():
        print(f"  refused {times} times: {reason}")
    bad = ("different", "failed in the target", "fault")
    for outcome in bad:
        for number, details in outcomes[outcome]:
            description = json.loads((folder / str(number) / "description.json").read_text())
            print(f"{outcome}, network {number}: {details.strip().splitlines()[-1]}")
            print(f"  {json.dumps(description)}")
    return int(any(outcomes[outcome] for outcome in bad))


if __name__ == "__main__":
    sys.exit(main())
