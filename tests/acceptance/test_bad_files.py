"""One bad file for each rule, its expected report beside it, and nothing else fires.

Dropping an archive and its report into `fixtures/bad` adds a test.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from czcheck.rules.catalogue import catalogue
from fixtures.make import BAD, cases, expected_report

FILES = sorted(path for path in BAD.iterdir() if not path.name.endswith(".report.json"))


def _level(path: Path) -> str:
    level: str = json.loads(path.with_suffix(".report.json").read_text("utf-8"))["level"]
    return level


@pytest.mark.parametrize("path", [p for p in FILES if _level(p) != "run"], ids=lambda p: p.stem)
def test_static_report_is_as_expected(path: Path) -> None:
    _compare(path)


@pytest.mark.tensorflow
@pytest.mark.parametrize("path", [p for p in FILES if _level(p) == "run"], ids=lambda p: p.stem)
def test_run_report_is_as_expected(path: Path) -> None:
    _compare(path)


def _compare(path: Path) -> None:
    expected = json.loads(path.with_suffix(".report.json").read_text("utf-8"))
    assert expected_report(path, expected["level"]) == expected
    assert {finding["code"] for finding in expected["findings"]} == {path.name[:5]}


def test_every_rule_has_its_bad_file() -> None:
    shown = {path.name[:5] for path in FILES}
    assert shown == set(catalogue())


def test_files_are_what_their_scripts_make() -> None:
    made = {case.name + case.suffix: case.data for case in cases()}
    assert made.keys() == {path.name for path in FILES}
    for path in FILES:
        assert path.read_bytes() == made[path.name], path.name
