"""The report as JUnit XML, as Jenkins, GitLab and most other build servers read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from lxml import etree

from czcheck.configuration.showing import configuration_text
from czcheck.report.phrases import examined_text, ranges, unchecked, waiver_text
from czcheck.report.record import Verdict
from czcheck.rules.catalogue import catalogue
from czcheck.rules.engine import Outcome, Status
from czcheck.rules.finding import Finding
from czcheck.text import count, printable, printable_lines

if TYPE_CHECKING:
    from czcheck.report.record import FileRecord, ReportRecord

WHOLE = "everything was checked"


def report_junit(report: ReportRecord) -> str:
    """The report as JUnit XML: a suite for each file, a case for each rule.

    A rule fails where a finding fails the verdict; milder findings and waived ones stand in the
    case's output, so that the build server's verdict is that of the exit code. One more case for
    each file is an error where the verdict is incomplete.
    """
    root = JUnitXml(f"czcheck {report.tool_version}")
    for file in report.files:
        root.append(_suite(file, report))
    root.update_statistics()
    tree = etree.fromstring(root.tostring())
    tree.attrib.pop("skipped")  # Jenkins knows it of a suite, but not of all suites together
    etree.indent(tree)
    text = etree.tostring(tree, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(file: FileRecord, report: ReportRecord) -> TestSuite:
    path = printable(file.path)
    suite = TestSuite(path)
    options, configuration = report.options, file.configuration
    properties = {
        "sha256": file.sha256,
        "size": str(file.size),
        "verdict": file.verdict.value,
        "level": configuration.get("level", options.level.value),
        "target": configuration.get("target", options.target),
        "fail_on": file.fail_on.value,
        "waived": str(len(file.waived)),
        "looked_at": examined_text(file.examined),
        "configuration": configuration_text(configuration),
    }
    for name, value in properties.items():
        suite.add_property(name, printable(value))
    suite.add_testcases([*(_case(path, file, each) for each in file.outcomes), _whole(path, file)])
    return suite


def _case(path: str, file: FileRecord, outcome: Outcome) -> TestCase:
    rule = catalogue()[outcome.code]
    case = TestCase(f"{rule.code} {rule.name}", path)
    if outcome.status is Status.CRASHED:
        error = Error(printable(outcome.reason), "crashed")
        error.text = printable(f"{rule.code} crashed: {outcome.reason} - please report this")
        case.result = [error]
    elif outcome.status is Status.SKIPPED:
        case.result = [Skipped(printable(outcome.reason), outcome.cause and outcome.cause.value)]
    # One element for all: Jenkins keeps the first alone.
    failing = [each for each in outcome.findings if _fails(file, each)]
    if failing:
        case.result = [_failure(failing, outcome)]
    messages = list(_messages(each for each in outcome.findings if not _fails(file, each)))
    if outcome.omitted and not failing:
        messages.append(_omitted(outcome))
    if messages:
        case.system_out = printable_lines("\n".join(messages))
    return case


def _fails(file: FileRecord, finding: Finding) -> bool:
    return finding.waiver is None and finding.severity.rank <= file.fail_on.rank


def _failure(findings: list[Finding], outcome: Outcome) -> Failure:
    rule = catalogue()[outcome.code]
    many = count(len(findings) + outcome.omitted, "finding")
    first = printable(findings[0].message)
    message = first if len(findings) == 1 else f"{many}, the first: {first}"
    failure = Failure(message, findings[0].severity.value)
    lines = [rule.title, *_messages(findings)]
    if outcome.omitted:
        lines.append(_omitted(outcome))
    lines += [f"why: {rule.why}", f"fix: {rule.fix}", f"more: {rule.url or rule.command}"]
    failure.text = printable_lines("\n".join(lines))
    return failure


def _omitted(outcome: Outcome) -> str:
    return f"{count(outcome.omitted, 'more finding')} not shown"


def _messages(findings: Iterable[Finding]) -> Iterator[str]:
    for each in findings:
        place = printable(str(each.at))
        text = f"{each.severity.value}: {f'[{place}] ' if place else ''}{printable(each.message)}"
        yield text if each.waiver is None else f"{waiver_text(each.waiver)} - {text}"


def _whole(path: str, file: FileRecord) -> TestCase:
    """The case that is an error where the verdict is incomplete."""
    case = TestCase(WHOLE, path)
    if file.verdict is Verdict.INCOMPLETE:
        crashed = [each.code for each in file.outcomes if each.status is Status.CRASHED]
        lines = [f"crashed: {', '.join(crashed)}"] if crashed else []
        lines += [f"because {reason}: {ranges(codes)}" for reason, codes in unchecked(file).items()]
        error = Error("not everything could be checked", "incomplete")
        error.text = printable_lines("\n".join(printable(line) for line in lines))
        case.result = [error]
    return case
