"""The same verdicts through TensorFlow's C library and through its Python package."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import czcheck
from czcheck.report import FileReport
from czcheck.runtime import RunnerLimits

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(sys.platform != "linux", reason="the C library is used on Linux"),
]

FIXTURES = Path(__file__).parents[2] / "fixtures"
# What differs from run to run, and what names the backend.
APART = ("cost", "backend", "backend_reason")


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """All plain values of JSON, by their place."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from leaves(inner, f"{at}/{key}")
    else:
        yield at, value


def plain(report: FileReport) -> dict[str, Any]:
    """A report without the figures that depend on time."""
    facts: dict[str, Any] = json.loads(json.dumps(report.to_json()))
    for name in APART:
        facts["looked_at"].get("run", {}).pop(name, None)
    return dict(leaves(facts))


def network_of(path: Path) -> str | None:
    """Digest of an archive's network; None if it cannot be read, and so is never run."""
    try:
        with czcheck.open(path) as model:
            return model.archive.member(model.payload.member).sha256
    except czcheck.CzcheckError:
        return None


def networks_of(paths: list[Path]) -> list[Path]:
    """One archive for each network that can be read."""
    found = {network: path for path in paths if (network := network_of(path)) is not None}
    return list(found.values())


def test_both_backends_reach_the_same_verdicts(corpus: Path) -> None:
    # Each import of TensorFlow takes seconds: every twentieth network of the fixtures is taken.
    real = networks_of(sorted(corpus.rglob("*.czmodel")))
    made = networks_of(sorted(FIXTURES.rglob("*.czmodel")))
    assert len(made) > 60
    paths = [*real, *made[::20]]
    options: dict[str, Any] = {"jobs": 2, "cache": False}
    library = czcheck.verify(paths, **options).files
    options["runner_limits"] = RunnerLimits(backend="python")  # no setting: reports list those
    backends = []
    for own, other in zip(library, czcheck.verify(paths, **options).files, strict=True):
        if run := own.looked_at.get("run"):
            backends.append(run["backend"])
            assert other.looked_at["run"]["backend"] == "python"
        one, two = plain(own), plain(other)
        assert one.keys() == two.keys(), other.path
        for place, value in one.items():
            if isinstance(value, float):
                same = math.isclose(value, two[place], rel_tol=1e-3, abs_tol=1e-5)
                assert same, (other.path, place, value, two[place])
            else:
                assert value == two[place], (other.path, place)
    assert backends.count("c") > 5
