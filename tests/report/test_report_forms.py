"""One report, told as text, JSON and HTML: clear in the worst cases, and safe to print."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from czcheck.options import Options
from czcheck.report import (
    FileReport,
    FileSummary,
    MetadataSummary,
    Report,
    examined_text,
    ranges,
    report_lines,
)
from czcheck.rules import (
    Finding,
    InGraph,
    InMember,
    Level,
    Outcome,
    Severity,
    SkipCause,
    Status,
    TilePixel,
    Waiver,
    XmlPath,
)
from czcheck.rules.catalogue import catalogue
from czcheck.text import printable

SCHEMA = json.loads(files("czcheck.schemas").joinpath("report.schema.json").read_text("utf-8"))
HOSTILE = "evil\x1b[31m\n::error::\u202egnp.exe<script>alert(1)</script>"


def finding(code: str, at: Any, message: str = "something is wrong") -> Finding:
    return Finding(code, catalogue()[code].severity, at, message, (("n", 1), ("x", float("nan"))))


def file_report(path: str, *special: Outcome) -> FileReport:
    by_code = {outcome.code: outcome for outcome in special}
    outcomes = [by_code.get(code, Outcome(code, Status.PASSED)) for code in catalogue()]
    return FileReport(path, 10, "0" * 64, Severity.ERROR, tuple(outcomes), FileSummary(3))


def failed(code: str, *findings: Finding) -> Outcome:
    return Outcome(code, Status.FAILED, findings)


PASSED = file_report("good.czmodel")
FAILED = file_report(
    "bad.czmodel",
    failed("CZ205", finding("CZ205", XmlPath("/Model/Id", 2))),
    failed("CZ119", finding("CZ119", InMember("LICENSE.txt"))),
    failed("CZ320", finding("CZ320", InGraph("answer"))),
    failed("CZ406", finding("CZ406", TilePixel("noise", 3, 4, 1))),
    failed("CZ102", finding("CZ102", InMember(HOSTILE), HOSTILE)),
)
CRASHED = file_report(
    "crash.czmodel",
    Outcome("CZ207", Status.CRASHED, reason="KeyError: 'x' (metadata.py, line 7)"),
)
WAIVED = file_report(
    "waived.czmodel",
    failed(
        "CZ205",
        replace(
            finding("CZ205", XmlPath("/Model/Id", 2)),
            waiver=Waiver("CZ2", "kept\x1b[31m as it is", "waived*", date(2027, 1, 31)),
        ),
    ),
)
UNCHECKED = file_report(
    "none.czmodel",
    *(
        Outcome(code, Status.SKIPPED, cause=SkipCause.TOOL, reason="the runner did not start")
        for code in catalogue()
    ),
)
REPORT = Report("1.2.3", Options(), (FAILED, PASSED, CRASHED, UNCHECKED))


def text(report: Report, **options: Any) -> str:
    return "\n".join(line.text for line in report_lines(report, **options))


@pytest.mark.parametrize(
    "report",
    [REPORT, Report("1", Options(Level.NETWORK), (PASSED,)), Report("1", Options(), (WAIVED,))],
)
def test_json_fits_its_published_schema(report: Report) -> None:
    plain = json.loads(json.dumps(report.to_json(), allow_nan=False))
    jsonschema.Draft202012Validator(SCHEMA).validate(plain)


def test_the_schema_itself_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_verdicts_and_exit_codes() -> None:
    assert [file.verdict.value for file in REPORT.files] == [
        "failed",
        "passed",
        "incomplete",
        "incomplete",
    ]
    assert REPORT.exit_code == 1
    assert Report("1", Options(), (PASSED, CRASHED)).exit_code == 3
    assert Report("1", Options(), (PASSED,)).exit_code == 0


def test_failing_files_stand_last_and_the_verdict_counts_all() -> None:
    lines = text(REPORT).splitlines()
    heads = [line.split(":")[0] for line in lines if " at level run" in line]
    assert heads == ["good.czmodel", "crash.czmodel", "none.czmodel", "bad.czmodel"]
    assert lines[-1].startswith("czcheck 1.2.3: 4 files: 1 passed, 1 failed, 2 incomplete")


def test_every_file_counts_all_four_outcomes() -> None:
    total = len(catalogue())
    shown = text(REPORT)
    assert f"{total} rules: {total - 5} passed, 5 failed, 0 skipped, 0 crashed" in shown
    assert f"{total} rules: {total - 1} passed, 0 failed, 0 skipped, 1 crashed" in shown
    assert f"{total} rules: 0 passed, 0 failed, {total} skipped, 0 crashed" in shown


def test_what_was_not_checked_is_named_with_the_reason() -> None:
    assert "nothing was checked, because the runner did not start" in text(REPORT)
    assert "crashed CZ207: KeyError: 'x' (metadata.py, line 7)" in text(REPORT)


def test_a_model_without_a_name_is_described_as_such() -> None:
    for name in ("", " "):
        examined = FileSummary(metadata=MetadataSummary("3.0.0", name, "", 2))
        assert examined_text(examined) == "metadata 3.0.0 (no name, 2 classes)"


def test_findings_come_with_place_message_and_fix() -> None:
    shown = text(REPORT)
    assert "[/Model/Id, line 2]" in shown
    assert "[tile noise, row 3, column 4, channel 1]" in shown
    assert f"fix: {catalogue()['CZ205'].fix[:30]}" in shown


def test_what_was_waived_stays_visible_and_fails_nothing() -> None:
    report = Report("1", Options(), (WAIVED, PASSED))
    assert report.exit_code == 0
    shown = text(report)
    assert "waived  CZ205" in shown
    assert "waived until 2027-01-31 (CZ2, for waived*): kept\\x1b[31m as it is" in shown
    assert shown.splitlines()[-1].startswith(
        "czcheck 1: 2 files: 2 passed, 0 failed, 0 incomplete, 1 finding waived"
    )
    first, second = report.to_json()["files"]
    assert first["findings"] == second["waived"] == []
    assert first["waived"][0]["waiver"] == {
        "code": "CZ2",
        "reason": "kept\\x1b[31m as it is",
        "path": "waived*",
        "expires": "2027-01-31",
    }


def test_quiet_leaves_out_what_passed() -> None:
    assert "good.czmodel" not in text(REPORT, quiet=True)
    assert text(Report("1", Options(), (PASSED,)), quiet=True) == ""


def test_names_from_files_cannot_steer_a_terminal_or_a_log() -> None:
    for shown in (text(REPORT), json.dumps(REPORT.to_json(), ensure_ascii=False)):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "\n::" not in shown
    assert "<script>" not in REPORT._repr_html_()


def test_notebooks_show_every_finding_and_what_was_not_checked() -> None:
    html = Report("1.2.3", Options(), (*REPORT.files, WAIVED))._repr_html_()
    for found in (*REPORT.findings, *WAIVED.waived):
        assert found.code in html
    assert "waived until 2027-01-31" in html
    assert "crashed CZ207: KeyError" in html
    assert "nothing was checked, because the runner did not start" in html


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("plain \u00e4 \u6838", "plain \u00e4 \u6838"),
        ("a\nb\r\t", "a\\x0ab\\x0d\\x09"),
        ("\x9b31m", "\\x9b31m"),
        ("::set-output", "\\x3a:set-output"),
        ("  ::error::x", "  \\x3a:error::x"),
        ("std::vector", "std::vector"),
        ("see ##[error]x", "see \\x23#[error]x"),
        ("##vso[task.setvariable]", "\\x23#vso[task.setvariable]"),
        ("a # b", "a # b"),
        ("Nucl\u200beus\u00ad", "Nucl\\u200beus\\xad"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("\ufffe\uffff", "\\ufffe\\uffff"),
    ],
)
def test_escaping(raw: str, safe: str) -> None:
    assert printable(raw) == safe
    assert printable(safe) == safe


def test_neighbouring_codes_are_drawn_together() -> None:
    codes = list(catalogue())
    assert ranges(codes[:3]) == f"{codes[0]}-{codes[2]}"
    assert ranges([codes[0], codes[2]]) == f"{codes[0]}, {codes[2]}"
