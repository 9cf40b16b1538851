"""The report as Markdown: short, for the summary of a step on a build server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from czcheck.report.escape import printable
from czcheck.report.text import MAX_PLACES, count, ranges, tally, unchecked, waiver_text
from czcheck.rules.catalogue import catalogue
from czcheck.rules.engine import Status
from czcheck.rules.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from czcheck.report.report import FileReport, Report

# A step summary holds a megabyte for all steps together; nobody reads a table that long.
MAX_ROWS = 100
_SIGNS = {"passed": "\u2705", "failed": "\u274c", "incomplete": "\u26a0\ufe0f"}
_MARKS = re.compile(r"([\\`*_{}\[\]<>()#+!|~@&$-])")


def marked(text: str) -> str:
    """Text from a file or a rule, with everything escaped that Markdown or HTML would read.

    Args:
        text: Any text.
    """
    return _MARKS.sub(r"\\\1", printable(text)).replace("://", ":\\//")


def _quoted(text: str) -> str:
    """Text as code in a table's cell, whatever backquotes and bars it holds."""
    safe = printable(text).replace("|", "\\|")
    runs = [len(run) for run in re.findall("`+", safe)]
    fence = "`" * (1 + max(runs, default=0))
    return f"{fence}{safe}{fence}" if len(fence) == 1 else f"{fence} {safe} {fence}"


def report_markdown(report: Report) -> str:
    """The report as GitHub-flavoured Markdown.

    Args:
        report: The report.
    """
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    options = report.options
    yield (
        f"### {_SIGNS[report.verdict.value]} czcheck: {report.verdict.value},"
        f" {count(len(report.files), 'file')}"
    )
    yield ""
    yield (
        f"{', '.join(tally(report))} (level {options.level.value}, target"
        f" {marked(options.target)}, fails on {options.fail_on.value};"
        f" czcheck {marked(report.tool_version)})"
    )
    yield ""
    yield "| file | verdict | errors | warnings | notes | waived | passed | skipped | crashed |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|--:|"
    for file in report.files[:MAX_ROWS]:
        yield _row(file)
    if (further := len(report.files) - MAX_ROWS) > 0:
        yield f"| and {further} more | | | | | | | | |"
    rows = MAX_ROWS
    for file in report.files:
        told = list(_details(file))
        if not told:
            continue
        if rows <= 0:
            yield ""
            yield "More was found than is shown here; other formats hold all."
            return
        rows -= len(told)
        yield ""
        yield f"#### {_quoted(file.path)}"
        yield ""
        yield from told


def _row(file: FileReport) -> str:
    severities = [finding.severity.value for finding in file.findings]
    numbers = [
        *(severities.count(name) for name in ("error", "warning", "note")),
        len(file.waived),
        *(file.counts[name] for name in ("passed", "skipped", "crashed")),
    ]
    verdict = file.verdict.value
    cells = [_quoted(file.path), f"{_SIGNS[verdict]} {verdict}", *map(str, numbers)]
    return f"| {' | '.join(cells)} |"


def _details(file: FileReport) -> Iterator[str]:
    for _, same in groupby(file.findings, key=lambda finding: finding.code):
        findings = list(same)
        rule = catalogue()[findings[0].code]
        yield f"- **{findings[0].severity.value} {rule.code}** {marked(rule.title)}"
        yield from _places(findings)
        yield f"  - fix: {marked(rule.fix)}"
    for outcome in file.outcomes:
        if outcome.omitted:
            yield f"- {outcome.code}: {outcome.omitted} more findings are not shown"
        if outcome.status is Status.CRASHED:
            yield f"- **crashed {outcome.code}** {marked(outcome.reason)}"
    for reason, codes in unchecked(file).items():
        yield f"- not checked, because {marked(reason)}: {ranges(codes)}"
    for (_, waiver), same in groupby(file.waived, key=lambda found: (found.code, found.waiver)):
        findings = list(same)
        rule = catalogue()[findings[0].code]
        yield f"- waived {findings[0].severity.value} {rule.code} {marked(rule.title)}"
        yield from _places(findings)
        if waiver is not None:
            yield f"  - {marked(waiver_text(waiver))}"


def _places(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings[:MAX_PLACES]:
        place = str(finding.at)
        yield f"  - {_quoted(place) + ' ' if place else ''}{marked(finding.message)}"
    if (further := len(findings) - MAX_PLACES) > 0:
        yield f"  - and {further} more"
