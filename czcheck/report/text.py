"""The report as lines of text, with styles that a terminal can show as colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from czcheck.configuration.showing import configuration_text
from czcheck.report.evaluation_text import evaluation_lines
from czcheck.report.phrases import (
    MAX_PLACES,
    Judged,
    border_text,
    cost_text,
    examined_text,
    found_text,
    further_text,
    tally,
    unchecked_texts,
    waiver_text,
)
from czcheck.report.record import Verdict
from czcheck.rules.catalogue import every_rule
from czcheck.rules.declaring import PACKAGE
from czcheck.rules.engine import Status
from czcheck.rules.finding import Finding
from czcheck.text import Line, count, printable, wrapped

if TYPE_CHECKING:
    from czcheck.report.record import FileRecord, ReportRecord


def _rule_lines(findings: Sequence[Finding], omitted: int) -> Iterator[Line]:
    """The findings of one rule: its title and its fix once, each place and message between."""
    rule = every_rule()[findings[0].code]
    severity = findings[0].severity.value
    yield Line(f"  {severity:<7} {rule.code} {rule.title}", severity)
    yield from _place_lines(findings, omitted)
    yield from wrapped(f"fix: {rule.fix}", " " * 10, "fix")


def _place_lines(findings: Sequence[Finding], omitted: int = 0) -> Iterator[Line]:
    for finding in findings[:MAX_PLACES]:
        yield from wrapped(_place_and_message(finding), " " * 10)
    if further := further_text(len(findings), omitted):
        yield Line(f"{' ' * 10}{further}")


def _place_and_message(finding: Finding) -> str:
    """Place and message."""
    place = printable(str(finding.at))
    message = printable(finding.message)
    return f"[{place}] {message}" if place else message


def _waived_lines(findings: Sequence[Finding]) -> Iterator[Line]:
    """Waived findings of one rule: what they would have been, and why they are accepted."""
    rule = every_rule()[findings[0].code]
    yield Line(f"  {'waived':<7} {rule.code} {rule.title} ({findings[0].severity.value})", "waived")
    for waiver, same in groupby(findings, key=lambda finding: finding.waiver):
        found = list(same)
        yield from _place_lines(found)
        if waiver is not None:
            yield from wrapped(waiver_text(waiver), " " * 10, "waived")


def _file_lines(file: FileRecord, level: str) -> Iterator[Line]:
    level = file.configuration.get("level", level)
    yield Line(
        f"{printable(file.path)}: {file.verdict.value.upper()} at level {level}", file.verdict.value
    )
    yield from outcome_lines(file)
    counts = ", ".join(f"{number} {status}" for status, number in file.counts.items())
    found = f"; {found_text(file)}" if file.findings or file.waived else ""
    yield Line(f"  {len(file.outcomes)} rules: {counts}{found}", "counts")
    examined, run = file.examined, file.examined.run
    if summary := examined_text(examined):
        yield from wrapped(f"examined: {summary}", "  ")
    if examined.evaluation:
        yield from evaluation_lines(examined.evaluation)
    if run is not None and run.cost is not None:
        yield Line(f"  cost: {cost_text(run.cost)}")
    if run is not None and run.border is not None:
        yield from wrapped(f"border: {border_text(run.border)}", "  ")
    if file.cached is not None:
        when = file.cached.replace("T", " ").replace("Z", " UTC")
        yield Line(f"  cached: nothing has changed since {when}; --no-cache checks anew")
    if configuration := configuration_text(file.configuration):
        yield from wrapped(f"configuration: {configuration}", "  ")
    if examined.evidence:
        yield from wrapped(f"evidence: {', '.join(examined.evidence)}", "  ")


def outcome_lines(judged: Judged) -> Iterator[Line]:
    """Findings, waived ones, and what was not checked, of one file or of two releases.

    Args:
        judged: What rules were run on.
    """
    omitted = {outcome.code: outcome.omitted for outcome in judged.outcomes}
    for code, findings in groupby(judged.findings, key=lambda finding: finding.code):
        yield from _rule_lines(list(findings), omitted[code])
    for _, findings in groupby(judged.waived, key=lambda finding: finding.code):
        yield from _waived_lines(list(findings))
    for outcome in judged.outcomes:
        if outcome.status is Status.CRASHED:
            package = every_rule()[outcome.code].package
            to = "" if package == PACKAGE else f" to the makers of {package}"
            text = f"crashed {outcome.code}: {printable(outcome.reason)} - please report this{to}"
            yield from wrapped(text, "  ", "crashed")
    yield from _skip_lines(judged)
    if codes := dict.fromkeys(finding.code for finding in (*judged.findings, *judged.waived)):
        yield from wrapped(f"why: czcheck rules {' '.join(codes)}", "  ", "fix")


def _skip_lines(judged: Judged) -> Iterator[Line]:
    for text in unchecked_texts(judged):
        yield from wrapped(text, "  ", "skipped")


def report_lines(report: ReportRecord, *, quiet: bool = False) -> Iterator[Line]:
    """The report, files that passed first, so that what matters stands at the end.

    Args:
        report: The report.
        quiet: Leave out files that passed.
    """
    order = [Verdict.PASSED, Verdict.INCOMPLETE, Verdict.FAILED]
    for file in sorted(report.files, key=lambda file: order.index(file.verdict)):
        if quiet and file.verdict is Verdict.PASSED:
            continue
        yield from _file_lines(file, report.options.level.value)
        yield Line("")
    if quiet and report.passed:
        return
    options = report.options
    files = count(len(report.files), "file")
    yield Line(
        f"czcheck {report.tool_version}: {files}: {', '.join(tally(report))}"
        f" (level {options.level.value}, target {options.target},"
        f" fails on {options.fail_on.value})",
        report.verdict.value,
    )


def report_text(report: ReportRecord) -> str:
    """The report as plain text, each line with its end."""
    return "".join(f"{line.text}\n" for line in report_lines(report))
