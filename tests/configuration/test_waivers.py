"""Waived findings stay visible and fail nothing; waivers end, and idle ones are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import czcheck
from czcheck.cli import main
from czcheck.report import Report
from czcheck.rules import ConfigurationPlace

Write = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("project")
SCHEMA = json.loads(files("czcheck.schemas").joinpath("report.schema.json").read_text("utf-8"))
TODAY = date.today()  # noqa: DTZ011 - the user's day


def verify(*names: str, **options: Any) -> Report:
    paths = [f"{name}.czmodel" for name in names]
    given: dict[str, Any] = {
        "level": "metadata",
        "find_config": True,
        "fail_on": "warning",
        **options,
    }
    report = czcheck.verify(paths, **given)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(report.to_json())))
    return report


def waiver(code: str, more: str = "") -> str:
    return f'[[waivers]]\ncode = "{code}"\nreason = "the colours are the lab\'s"\n{more}\n'


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


def test_a_waived_finding_fails_nothing_and_stays_visible(write: Write) -> None:
    assert codes(verify("colours")) == ["CZ207"]
    write(waiver("CZ207"))
    report = verify("colours")
    assert report.passed
    assert codes(report) == []
    (waived,) = report.files[0].waived
    assert waived.code == "CZ207"
    assert waived.waiver is not None
    assert waived.waiver.reason == "the colours are the lab's"
    assert "the colours are the lab's" in str(report)
    assert report.files[0].configuration["waivers"][0]["line"] == 1


@pytest.mark.parametrize(("code", "passed"), [("CZ2", True), ("cz207", True), ("CZ208", False)])
def test_a_waiver_is_of_a_code_or_a_prefix(write: Write, code: str, passed: bool) -> None:
    write(waiver(code))
    assert verify("colours").passed is passed


@pytest.mark.parametrize(("path", "passed"), [("colours.*", True), ("legacy/*", False)])
def test_a_waiver_may_be_for_some_files(write: Write, path: str, passed: bool) -> None:
    write(waiver("CZ207", f'path = "{path}"'))
    assert verify("colours").passed is passed


def test_a_waiver_holds_through_its_last_day(write: Write) -> None:
    write(waiver("CZ207", f"expires = {TODAY}"))
    assert verify("colours").passed


def test_an_expired_waiver_waives_nothing_and_is_an_error(write: Write) -> None:
    yesterday = TODAY - timedelta(days=1)
    write("\n" + waiver("CZ207", f"expires = {yesterday}"))
    report = verify("colours", fail_on="error")
    assert report.exit_code == 1
    assert codes(report) == ["CZ910", "CZ207"]
    expired = report.findings[0]
    assert expired.at == ConfigurationPlace("czcheck.toml", "waivers[0]", 2)
    assert str(yesterday) in expired.message
    assert "[czcheck.toml:2, waivers[0]]" in str(report)
    # It is told wherever it is meant to hold, be there a finding or not.
    assert codes(verify("unknown", fail_on="error")) == ["CZ910", "CZ204"]


def test_what_is_said_about_waivers_cannot_be_waived(write: Write) -> None:
    write(waiver("CZ", f"expires = {TODAY - timedelta(days=1)}") + waiver("CZ9"))
    assert "CZ910" in codes(verify("colours"))


def test_a_waiver_that_meets_nothing_is_a_note_told_once(write: Write) -> None:
    write(waiver("CZ208") + waiver("CZ207"))
    report = verify("unknown", "colours", "other_id", fail_on="error")
    idle = [finding for finding in report.findings if finding.code == "CZ911"]
    assert len(idle) == 1
    assert dict(idle[0].fields)["waived"] == "CZ208"
    assert dict(idle[0].fields)["files"] == 3
    assert idle[0] in report.files[0].findings
    assert codes(verify("colours", fail_on="error")).count("CZ911") == 1


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (waiver("CZ416"), {}),  # deeper than was checked
        (waiver("CZ207"), {"select": ["CZ1", "CZ9"]}),  # not selected
        (waiver("CZ207"), {"ignore": ["CZ207"]}),
        (waiver("CZ207", 'path = "elsewhere/*"'), {}),  # no such file was checked
        (waiver("CZ2"), {}),  # it meets something
    ],
)
def test_a_waiver_that_could_not_meet_anything_is_no_matter(
    write: Write, text: str, options: dict[str, Any]
) -> None:
    write(text)
    assert "CZ911" not in codes(verify("colours", **options))


def test_what_a_waived_rule_keeps_from_being_checked_stays_unchecked(write: Write) -> None:
    """A waiver accepts a finding; it does not say that nothing lies behind it."""
    write(waiver("CZ205") + waiver("CZ204"))
    assert verify("other_id").exit_code == 0
    write(waiver("CZ201"))
    from fixtures.make import BAD

    report = czcheck.verify(BAD / "CZ201_doctype.czmodel", level="metadata", config="czcheck.toml")
    assert report.files[0].waived
    assert report.exit_code == 3


def test_json_and_exit_code_of_the_command(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write('level = "metadata"\nfail-on = "warning"\n' + waiver("CZ207"))
    with pytest.raises(SystemExit) as stop:
        main(["verify", "colours.czmodel", "--format", "json"])
    assert stop.value.code == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert [each["code"] for each in file["waived"]] == ["CZ207"]
    assert file["findings"] == []
