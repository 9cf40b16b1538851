"""Four outcomes and nothing in between: passed, failed, skipped, crashed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from czcheck.errors import IncompleteError, NotApplicableError, UnavailableError, UsageError
from czcheck.report import FileReport, Verdict
from czcheck.rules import (
    DOCS_VARIABLE,
    MAX_FINDINGS,
    Facts,
    Found,
    Level,
    Outcome,
    Rule,
    Severity,
    SkipCause,
    Status,
    UnknownRuleError,
    evaluate,
    every_rule,
    matching,
    own_rules,
    release_rules,
)
from czcheck.rules.catalogue import catalogue


def make(
    code: str,
    check: Callable[..., Any],
    needs: tuple[str, ...] = (),
    requires: tuple[str, ...] = (),
    level: Level = Level.ARCHIVE,
    severity: Severity = Severity.ERROR,
) -> Rule:
    return Rule(code, "n", severity, level, needs, requires, "t", "{what}", "w", "f", "s", check)


def passes() -> Iterator[Found]:
    yield from ()


def fails() -> Iterator[Found]:
    yield Found(what="it is broken")


def crashes() -> Iterator[Found]:
    raise RuntimeError("bug")


def run(
    *rules: Rule,
    facts: dict[str, Callable[[], Any]] | None = None,
    level: Level = Level.RUN,
    chosen: set[str] | None = None,
) -> dict[str, Outcome]:
    by_code = {rule.code: rule for rule in rules}
    outcomes = evaluate(
        by_code,
        Facts(facts or {}),
        level=level,
        chosen=by_code.keys() if chosen is None else chosen,
    )
    return {outcome.code: outcome for outcome in outcomes}


def verdict(outcomes: dict[str, Outcome], fail_on: Severity = Severity.ERROR) -> Verdict:
    return FileReport("f", 0, "", fail_on, tuple(outcomes.values())).verdict


def test_passed_and_failed() -> None:
    outcomes = run(make("CZ101", passes), make("CZ102", fails))
    assert outcomes["CZ101"].status is Status.PASSED
    assert outcomes["CZ102"].status is Status.FAILED
    assert outcomes["CZ102"].findings[0].message == "it is broken"
    assert verdict(outcomes) is Verdict.FAILED


def test_a_crashed_rule_never_looks_fine() -> None:
    outcomes = run(make("CZ101", crashes))
    assert outcomes["CZ101"].status is Status.CRASHED
    assert "RuntimeError: bug (test_engine.py, line" in outcomes["CZ101"].reason
    assert verdict(outcomes) is Verdict.INCOMPLETE
    assert verdict(outcomes).exit_code == 3


def test_a_message_that_lacks_a_field_is_a_crash() -> None:
    def wrong() -> Iterator[Found]:
        yield Found(other=1)

    assert run(make("CZ101", wrong))["CZ101"].status is Status.CRASHED


def test_an_unmet_prerequisite_skips_with_the_reason() -> None:
    outcomes = run(
        make("CZ101", fails),
        make("CZ102", passes, requires=("CZ101",)),
        make("CZ103", passes, requires=("CZ102",)),
    )
    assert outcomes["CZ102"].cause is SkipCause.PREREQUISITE
    assert outcomes["CZ102"].reason == outcomes["CZ103"].reason == "CZ101 failed"


def test_an_inapplicable_rule_does_not_keep_others_from_being_checked() -> None:
    rules = {
        rule.code: rule
        for rule in (make("CZ101", fails), make("CZ102", fails, requires=("CZ101",)))
    }
    facts = Facts({}, inapplicable={"CZ101": "it is no archive"})
    first, second = evaluate(rules, facts, level=Level.RUN, chosen=rules)
    assert (first.cause, first.reason) == (SkipCause.CHOICE, "it is no archive")
    assert second.status is Status.FAILED


def test_what_needs_a_crashed_rule_is_the_tools_fault() -> None:
    outcomes = run(
        make("CZ101", crashes),
        make("CZ102", passes, requires=("CZ101",)),
        make("CZ103", passes, requires=("CZ102",)),
    )
    assert outcomes["CZ102"].cause is outcomes["CZ103"].cause is SkipCause.TOOL


def test_what_needs_a_rule_that_does_not_apply_to_the_file_does_not_either() -> None:
    def nothing() -> object:
        raise NotApplicableError("the tile is too small")

    def reads(fact: object) -> Iterator[Found]:
        yield from ()

    outcomes = run(
        make("CZ101", reads, ("a",)),
        make("CZ102", passes, requires=("CZ101",)),
        facts={"a": nothing},
    )
    assert outcomes["CZ102"].cause is SkipCause.CHOICE
    assert verdict(outcomes) is Verdict.PASSED


def test_a_missing_fact_skips() -> None:
    def missing() -> object:
        raise UnavailableError("there is no network")

    def no_runner() -> object:
        raise IncompleteError("the runner could not be started")

    def reads(fact: object) -> Iterator[Found]:
        yield from ()

    outcomes = run(
        make("CZ101", reads, ("a",)),
        make("CZ102", reads, ("b",)),
        facts={"a": missing, "b": no_runner},
    )
    assert outcomes["CZ101"].cause is SkipCause.PREREQUISITE
    assert outcomes["CZ101"].reason == "there is no network"
    assert outcomes["CZ102"].cause is SkipCause.TOOL
    assert verdict(outcomes) is Verdict.INCOMPLETE


def test_what_was_not_asked_for_is_skipped_by_choice_whatever_else_failed() -> None:
    def reads(baseline: object) -> Iterator[Found]:
        yield Found(what="never reached")

    rules = {
        "CZ101": make("CZ101", fails),
        "CZ102": make("CZ102", reads, ("baseline",), requires=("CZ101",)),
    }
    facts = Facts({}, {"baseline": "no --baseline was given"})
    outcomes = {
        each.code: each for each in evaluate(rules, facts, level=Level.RUN, chosen=rules.keys())
    }
    assert outcomes["CZ102"].cause is SkipCause.CHOICE
    assert outcomes["CZ102"].reason == "no --baseline was given"


def test_facts_are_worked_out_once_even_when_they_fail() -> None:
    calls: list[str] = []

    def good() -> object:
        calls.append("good")
        return 1

    def bad() -> object:
        calls.append("bad")
        raise UnavailableError("no")

    def reads(good: object, bad: object) -> Iterator[Found]:
        yield from ()

    rules = [make(f"CZ10{n}", reads, ("good", "bad")) for n in range(4)]
    run(*rules, facts={"good": good, "bad": bad})
    assert calls == ["good", "bad"]


def test_ignoring_a_rule_does_not_switch_off_what_requires_it() -> None:
    outcomes = run(
        make("CZ101", passes), make("CZ102", fails, requires=("CZ101",)), chosen={"CZ102"}
    )
    assert outcomes["CZ101"].cause is SkipCause.CHOICE
    assert outcomes["CZ102"].status is Status.FAILED


def test_ignoring_a_failed_rule_does_not_make_the_unchecked_pass() -> None:
    outcomes = run(
        make("CZ101", fails), make("CZ102", passes, requires=("CZ101",)), chosen={"CZ102"}
    )
    assert verdict(outcomes) is Verdict.INCOMPLETE


def test_rules_beyond_the_level_are_not_run() -> None:
    outcomes = run(
        make("CZ301", passes, level=Level.NETWORK),
        make("CZ401", crashes, level=Level.RUN),
        level=Level.NETWORK,
    )
    assert outcomes["CZ301"].status is Status.PASSED
    assert outcomes["CZ401"].cause is SkipCause.CHOICE
    assert verdict(outcomes) is Verdict.PASSED


def test_many_findings_are_cut_and_counted() -> None:
    def many() -> Iterator[Found]:
        for number in range(MAX_FINDINGS + 7):
            yield Found(what=number)

    outcome = run(make("CZ101", many))["CZ101"]
    assert len(outcome.findings) == MAX_FINDINGS
    assert outcome.omitted == 7


@pytest.mark.parametrize(
    ("severity", "fail_on", "expected"),
    [
        (Severity.WARNING, Severity.ERROR, Verdict.PASSED),
        (Severity.WARNING, Severity.WARNING, Verdict.FAILED),
        (Severity.NOTE, Severity.WARNING, Verdict.PASSED),
        (Severity.NOTE, Severity.NOTE, Verdict.FAILED),
        (Severity.ERROR, Severity.NOTE, Verdict.FAILED),
    ],
)
def test_severities_fail_from_fail_on_up(
    severity: Severity, fail_on: Severity, expected: Verdict
) -> None:
    assert verdict(run(make("CZ101", fails, severity=severity)), fail_on) is expected


def test_the_catalogue_is_in_order_and_whole() -> None:
    rules = own_rules()
    assert list(rules) == sorted(rules) == list(catalogue())
    depths = {
        "1": "archive",
        "2": "metadata",
        "3": "network",
        "4": "run",
        "5": "run",
        "9": "archive",
    }
    # A specification is read at the first level: there is nothing before it. What is odd about the
    # names of two classes shows when the network is known.
    others = {"CZ220": "archive", "CZ215": "network"}
    for code, rule in rules.items():
        assert rule.level.value == others.get(code, depths[code[2]])
        assert all(required < code and required in rules for required in rule.requires)
        assert rule.title[0].isupper()
        assert rule.source.strip()
        for text in (rule.says, rule.why, rule.fix):
            assert text[0].isupper() or text[0] in "`{", (code, text)
            assert text.endswith("."), (code, text)


def test_rules_on_releases_are_a_family_of_their_own() -> None:
    rules = release_rules()
    assert list(rules) == sorted(rules)
    assert rules.keys().isdisjoint(catalogue())
    assert every_rule().keys() == rules.keys() | catalogue().keys()
    for code, rule in rules.items():
        assert code.startswith("CZ6")
        assert rule.source.strip()
        for text in (rule.says, rule.why, rule.fix):
            assert text[0].isupper() or text[0] in "`{", (code, text)
            assert text.endswith("."), (code, text)


def test_pages_have_an_address_where_somebody_hosts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DOCS_VARIABLE, raising=False)
    rule = own_rules()["CZ207"]
    assert (rule.url, rule.command) == (None, "czcheck rules CZ207")
    for given in ("https://docs.acme.test/czcheck", "https://docs.acme.test/czcheck/"):
        monkeypatch.setenv(DOCS_VARIABLE, given)
        assert rule.url == "https://docs.acme.test/czcheck/rules/CZ207.html"
        assert replace(rule, package="acme-rules 1.2").url is None
    monkeypatch.setenv(DOCS_VARIABLE, "javascript:alert(1)")
    with pytest.raises(UsageError, match="is no address of a site"):
        _ = rule.url


def test_codes_are_chosen_by_prefix() -> None:
    rules = catalogue()
    assert list(matching(["cz101"], rules)) == ["CZ101"]
    assert set(matching(["CZ1", "CZ2"], rules)) == {c for c in rules if c < "CZ3"}
    for wrong in ("CZ999", "X", ""):
        with pytest.raises(UnknownRuleError):
            list(matching([wrong], rules))


def test_what_does_not_apply_is_skipped_without_holding_up_the_verdict() -> None:
    def nothing() -> object:
        raise NotApplicableError("the tile is too small")

    def reads(fact: object) -> Iterator[Found]:
        yield from ()

    outcomes = run(make("CZ101", reads, ("a",)), facts={"a": nothing})
    assert outcomes["CZ101"].cause is SkipCause.CHOICE
    assert outcomes["CZ101"].reason == "the tile is too small"
    assert verdict(outcomes) is Verdict.PASSED
