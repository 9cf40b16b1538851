"""One pair of releases for each rule on two releases, and nothing else is found in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from czcheck.rules import release_rules
from fixtures.bad_releases import Pair, pairs
from fixtures.make import RELEASES, blurred, expected_diff

PAIRS = list(pairs())


def _expected(pair: Pair) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RELEASES / f"{pair.name}.diff.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize(
    "pair", [each for each in PAIRS if each.level != "run"], ids=lambda pair: pair.name
)
def test_what_is_found_without_running_is_as_expected(pair: Pair) -> None:
    _compare(pair)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "pair", [each for each in PAIRS if each.level == "run"], ids=lambda pair: pair.name
)
def test_what_is_found_by_running_is_as_expected(pair: Pair) -> None:
    _compare(pair)


def _compare(pair: Pair) -> None:
    expected = _expected(pair)
    assert blurred(expected_diff(pair.name, pair.level, pair.options)) == blurred(expected)
    assert [finding["code"] for finding in expected["findings"]] == [pair.name[:5]]


def test_every_rule_on_releases_has_its_pair() -> None:
    assert {pair.name[:5] for pair in PAIRS} == set(release_rules())


def test_pairs_are_what_their_script_makes() -> None:
    made = {}
    for pair in PAIRS:
        made[f"{pair.name}.before.czmodel"] = pair.before
        made[f"{pair.name}.after.czmodel"] = pair.after
    there = {path.name for path in RELEASES.iterdir()}
    assert there == {*made, *(f"{pair.name}.diff.json" for pair in PAIRS)}
    for name, data in made.items():
        assert (RELEASES / name).read_bytes() == data, name
