"""The report as Markdown: short, for the summary of a step on a build server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from czcheck.configuration.showing import configuration_text
from czcheck.report.evaluation_text import goals_text, image_notes, padding_text
from czcheck.report.phrases import further_text, tally, unchecked_texts, waiver_text
from czcheck.rules.catalogue import catalogue
from czcheck.rules.engine import Status
from czcheck.rules.finding import Finding, Severity
from czcheck.text import count, printable

if TYPE_CHECKING:
    from czcheck.report.record import FileRecord, ReportRecord

# A step summary holds a megabyte for all steps together, which is more than anyone reads.
MAX_FILES = 100
MAX_LINES = 500
PLACES = 5
_SIGNS = {"passed": "\u2705", "failed": "\u274c", "incomplete": "\u26a0\ufe0f"}
_MARKS = re.compile(r"[\\`*_{}\[\]<>()|~@&$]|(?<=www)\.|(?<=:)/(?=/)")
# What at the beginning of a line makes a list, a heading or a quotation of it.
_START = re.compile(r"^(\d*)(?=[-+#=>]|\.(?:\s|$))")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def marked(text: str) -> str:
    """Text from a file, with everything escaped that Markdown or HTML would read."""
    escaped = _MARKS.sub(lambda found: f"\\{found[0]}", printable(text).strip())
    return _START.sub(r"\1\\", escaped)


def prose(text: str) -> str:
    """Text of a rule, which is Markdown but no HTML."""
    return printable(text).translate(_HTML)


def quoted(text: str) -> str:
    """Text as code, whatever backquotes it holds."""
    safe = printable(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", safe)), default=0))
    return f"{fence}{safe}{fence}" if len(fence) == 1 else f"{fence} {safe} {fence}"


def report_markdown(report: ReportRecord) -> str:
    """The report as GitHub-flavoured Markdown."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: ReportRecord) -> Iterator[str]:
    options = report.options
    files = count(len(report.files), "file")
    yield f"### {_SIGNS[report.verdict.value]} czcheck: {report.verdict.value}, {files}"
    yield ""
    yield (
        f"{', '.join(tally(report))} (level {options.level.value}, target"
        f" {marked(options.target)}, fails on {options.fail_on.value};"
        f" czcheck {marked(report.tool_version)})"
    )
    yield ""
    yield from _table(report.files)
    left = MAX_LINES
    for file in report.files:
        lines = list(_details(file))
        if not lines:
            continue
        if left <= 0:
            yield ""
            yield "More was found than is shown here; the other formats contain everything."
            return
        left -= len(lines)
        yield ""
        yield f"#### {quoted(file.path)}"
        yield ""
        yield from lines
        if configuration := configuration_text(file.configuration):
            yield f"- configuration: {marked(configuration)}"


def _table(files: Sequence[FileRecord]) -> Iterator[str]:
    numbers = ("errors", "warnings", "notes", "waived", "passed", "skipped", "crashed")
    yield f"| file | verdict | {' | '.join(numbers)} |"
    yield f"|---|---|{'--:|' * len(numbers)}"
    for file in files[:MAX_FILES]:
        verdict = file.verdict.value
        cells = [
            quoted(file.path).replace("|", "\\|"),
            f"{_SIGNS[verdict]} {verdict}",
            *map(str, file.severities.values()),
            str(len(file.waived)),
            *(str(file.counts[name]) for name in ("passed", "skipped", "crashed")),
        ]
        yield f"| {' | '.join(cells)} |"
    if (further := len(files) - MAX_FILES) > 0:
        yield f"| and {further} more |{' |' * (1 + len(numbers))}"


def _labelled(file: FileRecord) -> Iterator[str]:
    """What was demanded on labelled images, how much was padding, and what is missing."""
    if evaluation := file.examined.evaluation:
        padding = padding_text(evaluation["tiles"])
        for text in (goals_text(evaluation), padding, *image_notes(evaluation)):
            if text:
                yield f"- {marked(text)}"


def _details(file: FileRecord) -> Iterator[str]:
    """What was found, a list; notes that fail nothing in a line each: they need no action."""
    yield from _labelled(file)
    omitted = {outcome.code: outcome.omitted for outcome in file.outcomes}
    unlinked = []
    for findings in _by_rule(file.findings):
        rule, severity = catalogue()[findings[0].code], findings[0].severity
        if severity is Severity.NOTE and file.fail_on is not Severity.NOTE:
            number = len(findings) + omitted[rule.code]
            yield f"- note {rule.code} {prose(rule.title)} ({number})"
            continue
        code = rule.code if rule.url is None else f"[{rule.code}]({rule.url})"
        if rule.url is None:
            unlinked.append(rule.code)
        yield f"- **{severity.value} {code}** {prose(rule.title)}"
        yield from _places(findings, omitted[rule.code])
        yield f"  - fix: {prose(rule.fix)}"
    if unlinked:
        yield f"- why: `czcheck rules {' '.join(unlinked)}`"
    for outcome in file.outcomes:
        if outcome.status is Status.CRASHED:
            yield f"- **crashed {outcome.code}** {marked(outcome.reason)}"
    for text in unchecked_texts(file):
        yield f"- {marked(text)}"
    for findings in _by_rule(file.waived):
        rule, severity = catalogue()[findings[0].code], findings[0].severity
        yield f"- waived {severity.value} {rule.code} {prose(rule.title)}"
        yield from _places(findings, 0)
        for waiver in dict.fromkeys(finding.waiver for finding in findings):
            if waiver is not None:
                yield f"  - {marked(waiver_text(waiver))}"


def _by_rule(findings: Iterable[Finding]) -> Iterator[list[Finding]]:
    for _, same in groupby(findings, key=lambda finding: finding.code):
        yield list(same)


def _places(findings: Sequence[Finding], omitted: int) -> Iterator[str]:
    for finding in findings[:PLACES]:
        place = str(finding.at)
        yield f"  - {f'{quoted(place)} ' if place else ''}{marked(finding.message)}"
    if further := further_text(len(findings), omitted, PLACES):
        yield f"  - {further}"
