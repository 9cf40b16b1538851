"""One bad file for each rule, its expected report beside it, and nothing else fires.

Dropping an archive and its report into `fixtures/bad` adds a test.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from czcheck.rules.catalogue import catalogue
from fixtures.make import BAD, blurred, cases, expected_report

FILES = sorted(
    path for path in BAD.glob("*.*") if path.is_file() and path.with_suffix(".report.json").exists()
)
# What no file alone can show.
SHOWN_ELSEWHERE: dict[str, str] = {
    "CZ423": "tests/rules/test_behaviour_rules.py",
    "CZ424": "tests/acceptance/test_other_runtime.py",
    "CZ425": "tests/acceptance/test_other_runtime.py",
    "CZ901": "tests/rules/test_plugins.py",
    "CZ910": "tests/configuration/test_waivers.py",
    "CZ911": "tests/configuration/test_waivers.py",
    **dict.fromkeys(
        ("CZ501", "CZ502", "CZ503", "CZ504", "CZ505", "CZ506", "CZ507"),
        "tests/evaluating/test_evaluation_told.py",
    ),
}


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
    options = expected.get("options", {})
    assert blurred(expected_report(path, expected["level"], options)) == blurred(expected)
    assert {finding["code"] for finding in expected["findings"]} == {path.name[:5]}


def test_every_rule_has_its_bad_file() -> None:
    shown = {path.name[:5] for path in FILES}
    assert shown | SHOWN_ELSEWHERE.keys() == set(catalogue())
    assert shown.isdisjoint(SHOWN_ELSEWHERE)
    root = Path(__file__).parents[2]
    for code, place in SHOWN_ELSEWHERE.items():
        assert code in (root / place).read_text("utf-8")


def test_files_are_what_their_scripts_make() -> None:
    made = {path: data for case in cases() for path, data in case.files(BAD)}
    there = {path for path in BAD.rglob("*") if path.is_file()}
    assert made.keys() == {path for path in there if not path.match("*.report.json")}
    assert {path.with_suffix(".report.json") for path in FILES} == set(BAD.glob("*.report.json"))
    for path, data in made.items():
        assert path.read_bytes() == data, path.name
