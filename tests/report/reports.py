"""Reports to tell in every format: the ordinary ones and the worst ones, over rules that stay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from czcheck.options import Options
from czcheck.report import FileReport, FileSummary, Report
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

HOSTILE = "evil\x1b[31m\n::error::\u202egnp.exe<script>alert(1)</script>|`*_[x](y)\ufffe"
WAIVER = Waiver("CZ20", "the customer's own colours | **kept**", "old*", date(2027, 1, 31))
# A snapshot must not change whenever somebody adds a rule.
CODES = (
    *("CZ101", "CZ102", "CZ119", "CZ205", "CZ206", "CZ207", "CZ301", "CZ302", "CZ303"),
    *("CZ320", "CZ401", "CZ406", "CZ407"),
)


def finding(code: str, at: Any, message: str = "something is wrong") -> Finding:
    fields = (("n", 1), ("x", float("nan")))
    return Finding(code, catalogue()[code].severity, at, message, fields)


def failed(code: str, *findings: Finding, omitted: int = 0) -> Outcome:
    return Outcome(code, Status.FAILED, findings, omitted=omitted)


def waived(code: str, *findings: Finding, waiver: Waiver = WAIVER) -> Outcome:
    return failed(code, *(replace(each, waiver=waiver) for each in findings))


def skipped(codes: Iterable[str], cause: SkipCause, reason: str) -> list[Outcome]:
    return [Outcome(code, Status.SKIPPED, cause=cause, reason=reason) for code in codes]


def file_report(
    path: str, *special: Outcome, codes: Sequence[str] = CODES, fail_on: Severity = Severity.ERROR
) -> FileReport:
    by_code = {outcome.code: outcome for outcome in special}
    outcomes = [by_code.get(code, Outcome(code, Status.PASSED)) for code in codes]
    return FileReport(path, 10, "0" * 64, fail_on, tuple(outcomes), FileSummary(3))


def many_findings() -> FileReport:
    """40 findings: one rule broken in many places, others in some."""
    pixels = [
        finding("CZ406", TilePixel("noise", row, 7, 1), f"1.{row:03d} at row {row}, column 7")
        for row in range(26)
    ]
    classes = [
        finding("CZ206", XmlPath(f"/Model/TrainingClasses/Item[{n}]", n), f"LabelValue is {n + 1}")
        for n in range(1, 9)
    ]
    return file_report(
        "release/forty.czmodel",
        failed("CZ406", *pixels, omitted=1034),
        failed("CZ206", *classes),
        failed("CZ119", finding("CZ119", InMember("LICENSE.txt")), finding("CZ119", InMember("x"))),
        failed("CZ207", finding("CZ207", XmlPath("/Model/TrainingClasses", 9))),
        failed("CZ320", *(finding("CZ320", InGraph(name)) for name in ("answer", "add"))),
        failed("CZ102", finding("CZ102", InMember(HOSTILE), HOSTILE)),
    )


def crashed() -> FileReport:
    return file_report(
        "release/crash.czmodel",
        Outcome("CZ207", Status.CRASHED, reason="KeyError: 'colour' (metadata.py, line 7)"),
        *skipped(["CZ301", "CZ302"], SkipCause.TOOL, "CZ207 crashed"),
    )


def nothing_checked() -> FileReport:
    reason = "the runner did not start: no space left on device"
    return file_report("release/none.czmodel", *skipped(CODES, SkipCause.TOOL, reason))


def with_waivers() -> FileReport:
    return file_report(
        "release/old.czmodel",
        waived("CZ206", finding("CZ206", XmlPath("/Model/TrainingClasses/Item[2]", 4))),
        waived("CZ207", finding("CZ207", XmlPath("/Model/TrainingClasses", 9))),
        failed("CZ119", finding("CZ119", InMember("LICENSE.txt"))),
    )


def unmet() -> FileReport:
    """A prerequisite failed mildly, so that the verdict is incomplete."""
    return file_report(
        "release/unmet.czmodel",
        failed("CZ207", finding("CZ207", XmlPath("/Model/TrainingClasses", 9))),
        *skipped(["CZ301", "CZ302"], SkipCause.PREREQUISITE, "CZ207 failed"),
        *skipped(["CZ401", "CZ406", "CZ407"], SkipCause.CHOICE, "beyond level network"),
    )


def passed() -> FileReport:
    return file_report("release/good.czmodel")


def report(*files: FileReport, level: Level = Level.RUN) -> Report:
    return Report("1.2.3", Options(level), files)


def many_mild() -> FileReport:
    """Notes that no format shows all of, and one that is left out."""
    members = [finding("CZ119", InMember(f"file{n}.txt")) for n in range(12)]
    return file_report(
        "release/mild.czmodel",
        failed("CZ119", *members, omitted=7),
        failed("CZ320", finding("CZ320", InGraph("answer")), omitted=1),
    )


REPORTS = {
    "mild": report(many_mild()),
    "passed": report(passed()),
    "forty": report(many_findings()),
    "crash": report(crashed()),
    "nothing": report(nothing_checked()),
    "waived": report(with_waivers()),
    "unmet": report(unmet(), level=Level.NETWORK),
    "all": report(many_findings(), passed(), crashed(), nothing_checked(), with_waivers(), unmet()),
    "notes fail": Report(
        "1.2.3",
        Options(fail_on=Severity.NOTE),
        (
            file_report(
                "release/noted.czmodel",
                failed("CZ119", finding("CZ119", InMember("LICENSE.txt"))),
                waived("CZ320", finding("CZ320", InGraph("answer"))),
                fail_on=Severity.NOTE,
            ),
        ),
    ),
    "warnings fail": Report(
        "1.2.3",
        Options(fail_on=Severity.WARNING),
        (
            file_report(
                "release/warned.czmodel",
                failed("CZ207", finding("CZ207", XmlPath("/Model/TrainingClasses", 9))),
                failed("CZ119", finding("CZ119", InMember("LICENSE.txt"))),
                fail_on=Severity.WARNING,
            ),
        ),
    ),
}
