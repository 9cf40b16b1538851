"""CPU time of commands: user and system time of a process and all its descendants.

Wall-clock time moves by a factor of three on a shared machine, CPU time by a few per cent.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "fixtures" / "models" / "nuclei.czmodel"


def cpu_seconds(command: Sequence[str], accepted: Sequence[int] = (0,)) -> float:
    """Run a command to its end.

    Args:
        command: Program and arguments.
        accepted: Exit codes that count as success.

    Returns:
        Its CPU time in seconds, that of its descendants included.

    Raises:
        SystemExit: It ended otherwise; its log is printed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"}
    # What is measured is the work, unless a command asks for kept verdicts by name.
    environment["CZCHECK_CACHE"] = "0"
    # Installed packages are compiled once; so may this one be, though it is run from a checkout.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode not in accepted:
        print(ended.stdout, ended.stderr, file=sys.stderr)
        raise SystemExit(f"{' '.join(command)}: exit code {ended.returncode}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def medians(
    commands: Mapping[str, Sequence[str]],
    repetitions: int,
    accepted: Sequence[int] = (0,),
) -> dict[str, float]:
    """Measure commands in turns, so that a change of the machine's load meets all of them.

    Args:
        commands: Programs with arguments, by name.
        repetitions: Turns; one more goes before them, to fill the caches.
        accepted: Exit codes that count as success.

    Returns:
        The median CPU time of each in seconds.
    """
    spent: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(repetitions + 1):
        for name, command in commands.items():
            seconds = cpu_seconds(command, accepted)
            if turn > 0:
                spent[name].append(seconds)
    return {name: statistics.median(values) for name, values in spent.items()}


def report(
    figures: Mapping[str, float],
    base: str,
    targets: Mapping[str, float],
    *,
    as_json: bool,
    unit: str = "s of CPU",
) -> int:
    """Print ratios to a base and whether they keep their targets.

    Args:
        figures: CPU time in seconds by name, or what else is compared.
        base: Name of what the others are divided by.
        targets: Largest allowed ratio by name.
        as_json: Print one JSON object instead of lines.
        unit: What the figures are.

    Returns:
        Exit code: 0 if all targets are kept, else 1.
    """
    ratios = {name: figures[name] / figures[base] for name in targets}
    kept = all(ratios[name] <= target for name, target in targets.items())
    if as_json:
        rows = {
            name: {"seconds": figures[name], "ratio": ratios[name], "target": target}
            for name, target in targets.items()
        }
        print(json.dumps({"base": {base: figures[base]}, "measured": rows, "kept": kept}))
        return 0 if kept else 1
    print(f"{base}: {figures[base]:.3f} {unit}")
    for name, target in targets.items():
        verdict = "kept" if ratios[name] <= target else "MISSED"
        print(
            f"{name}: {figures[name]:.3f} {unit}, ratio {ratios[name]:.3f}, "
            f"target {target}: {verdict}"
        )
    return 0 if kept else 1
