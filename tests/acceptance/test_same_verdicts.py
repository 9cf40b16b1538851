"""Verdicts through TensorFlow's C library and through its Python package, over all archives."""

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

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
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


def test_both_backends_reach_the_same_verdicts(corpus: Path) -> None:
    paths = sorted({*FIXTURES.rglob("*.czmodel"), *corpus.rglob("*.czmodel")})
    assert len(paths) > 200
    options: dict[str, Any] = {"jobs": 2, "cache": False}
    library = {each.path: each for each in czcheck.verify(paths, **options).files}
    # Nothing of the others depends on how TensorFlow is reached.
    ran = [path for path, each in library.items() if each.looked_at.get("run")]
    assert len(ran) > 100
    backends = [library[path].looked_at["run"]["backend"] for path in ran]
    assert backends.count("c") > 0.9 * len(ran)
    for other in czcheck.verify(ran, backend="python", **options).files:
        assert other.looked_at["run"]["backend"] == "python"
        own, python = plain(library[other.path]), plain(other)
        assert own.keys() == python.keys(), other.path
        for place, value in own.items():
            if isinstance(value, float):
                same = math.isclose(value, python[place], rel_tol=1e-3, abs_tol=1e-5)
                assert same, (other.path, place, value, python[place])
            else:
                assert value == python[place], (other.path, place)
