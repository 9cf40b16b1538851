"""The report as lines of text; whoever prints them may give them colours."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from czcheck.limits import GIB
from czcheck.report.escape import printable
from czcheck.rules.catalogue import catalogue
from czcheck.rules.engine import SkipCause, Status
from czcheck.rules.finding import Finding
from czcheck.rules.waiver import Waiver

if TYPE_CHECKING:
    from czcheck.report.report import FileReport, Report

WIDTH = 100
# One fault can show in many places; beyond these, the number of the others says enough.
MAX_PLACES = 10


class _Line(NamedTuple):
    text: str
    style: str = ""
    swatch: str = ""


class Line(_Line):
    """A line of a report, safe to print whatever went into it.

    Attributes:
        text: The line.
        style: What it is: a verdict, a severity, a fix, ...; empty for plain text.
        swatch: Colour `#rrggbb` to show at the line's beginning, where colours can be shown.
    """

    __slots__ = ()

    def __new__(cls, text: str, style: str = "", swatch: str = "") -> Line:  # noqa: PYI034
        """Make the text printable: a name that was broken over two lines may have become unsafe."""
        return super().__new__(cls, printable(text), style, swatch)


def _wrapped(text: str, indent: str, style: str = "") -> Iterator[Line]:
    for line in textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=" " * len(indent),
        break_long_words=False,
        break_on_hyphens=False,
    ):
        yield Line(line, style)


def _rule_lines(findings: Sequence[Finding]) -> Iterator[Line]:
    """The findings of one rule: its title and its fix once, each place and message between."""
    rule = catalogue()[findings[0].code]
    severity = findings[0].severity.value
    yield Line(f"  {severity:<7} {rule.code} {rule.title}", severity)
    for finding in findings[:MAX_PLACES]:
        yield from _wrapped(_told(finding), " " * 10)
    if (further := len(findings) - MAX_PLACES) > 0:
        yield Line(f"{' ' * 10}and {further} more; `--format json` names them all")
    yield from _wrapped(f"fix: {rule.fix}", " " * 10, "fix")


def _told(finding: Finding) -> str:
    """Place and message."""
    place = printable(str(finding.at))
    message = printable(finding.message)
    return f"[{place}] {message}" if place else message


def waiver_text(waiver: Waiver) -> str:
    """Why a finding is accepted, and until when.

    Args:
        waiver: The waiver.
    """
    until = "" if waiver.expires is None else f" until {waiver.expires.isoformat()}"
    path = "" if waiver.path is None else f", for {printable(waiver.path)}"
    return f"waived{until} ({printable(waiver.code)}{path}): {printable(waiver.reason)}"


def _waived_lines(findings: Sequence[Finding]) -> Iterator[Line]:
    """Waived findings of one rule: what they would have been, and why they are accepted."""
    rule = catalogue()[findings[0].code]
    yield Line(f"  {'waived':<7} {rule.code} {rule.title} ({findings[0].severity.value})", "waived")
    for waiver, same in groupby(findings, key=lambda finding: finding.waiver):
        found = list(same)
        for finding in found[:MAX_PLACES]:
            yield from _wrapped(_told(finding), " " * 10)
        if (further := len(found) - MAX_PLACES) > 0:
            yield Line(f"{' ' * 10}and {further} more; `--format json` names them all")
        if waiver is not None:
            yield from _wrapped(waiver_text(waiver), " " * 10, "waived")


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: `1 file`, `2 classes`.

    Args:
        number: How many.
        noun: What, where there is one.
        plural: What, otherwise; the noun and an s if left out.
    """
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def looked_at_text(looked_at: Mapping[str, Any]) -> str:
    """What was looked at, in one sentence.

    Args:
        looked_at: As in `FileReport.looked_at`.
    """
    parts = []
    if (members := looked_at.get("members")) is not None:
        parts.append(count(members, "member"))
    if metadata := looked_at.get("metadata"):
        classes = count(metadata["classes"], "class", "classes")
        parts.append(f"metadata {metadata['version']} ({printable(metadata['name'])}, {classes})")
    if network := looked_at.get("network"):
        parts.append(
            f"network {network['input']} -> {network['output']}"
            f" ({network['parameters']:,} parameters, saved by TensorFlow {network['tensorflow']})"
        )
    if run := looked_at.get("run"):
        parts.append(f"{count(run['tiles'], 'tile')} in TensorFlow {run['tensorflow']}")
        parts.append(run["isolation"])
        parts.extend(_compared(run))
    return "; ".join(parts)


def _compared(run: Mapping[str, Any]) -> Iterator[str]:
    """What the answers were held against, and how far they were apart."""
    others = {"runtime": "TensorFlow {tensorflow}", "baseline": "the baseline of {model_id}"}
    for name, template in others.items():
        compared = run.get(name)
        if compared and compared["tiles"]:
            yield printable(
                f"compared with {template.format(**compared)}: {100 * compared['agreement']:.6g} %"
                f" of the labels are the same, probabilities within {compared['change']:.2g}"
            )


def cost_text(cost: Mapping[str, Any]) -> str:
    """What the run cost, on one short line.

    Args:
        cost: As in `FileReport.looked_at`.
    """
    parts = [f"loaded in {cost['load_seconds']:.2f} s"]
    if cost["tile_seconds"] is None:
        parts.append(f"{cost['first_tile_seconds']:.2f} s for the only tile")
    else:
        parts.append(
            f"{cost['tile_seconds']:.3g} s per tile ({cost['megapixel_seconds']:.3g} s per"
            f" megapixel, first tile {cost['first_tile_seconds']:.2g} s)"
        )
    if cost["peak_bytes"] is not None:
        parts.append(f"{cost['peak_bytes'] / GIB:.2f} GiB at its peak")
    return ", ".join(parts)


def border_text(border: Mapping[str, Any]) -> str:
    """How far the border reaches, on one line.

    Args:
        border: As in `FileReport.looked_at`.
    """
    kinds = {
        "local": "",
        "global-input": "statistics of the whole tile left aside, ",
        "global-inside": "the network looks at the whole tile; ",
    }
    reaches = []
    for row in border["distances"]:
        edges = [row[edge] for edge in ("top", "bottom", "left", "right")]
        far = "to the middle" if None in edges else f"{max(edges)} px"
        reaches.append(f"{far} at {row['tolerance']:g}")
    text = f"{kinds[border['kind']]}reaches {', '.join(reaches)}; BorderSize {border['declared']}"
    if border["recommended"] is None:
        return f"{text}, and none would be enough"
    cost = 100 * border["recommended_cost"]
    return f"{text}, recommended {border['recommended']} ({cost:.0f} % of each tile)"


def _file_lines(file: FileReport, level: str) -> Iterator[Line]:
    yield Line(
        f"{printable(file.path)}: {file.verdict.value.upper()} at level {level}", file.verdict.value
    )
    for _, findings in groupby(file.findings, key=lambda finding: finding.code):
        yield from _rule_lines(list(findings))
    for _, findings in groupby(file.waived, key=lambda finding: finding.code):
        yield from _waived_lines(list(findings))
    for outcome in file.outcomes:
        if outcome.omitted:
            text = f"{outcome.code}: {outcome.omitted} more findings are not shown"
            yield from _wrapped(text, "  ")
        if outcome.status is Status.CRASHED:
            text = f"crashed {outcome.code}: {printable(outcome.reason)} - please report this"
            yield from _wrapped(text, "  ", "crashed")
    yield from _skip_lines(file)
    counts = ", ".join(f"{number} {status}" for status, number in file.counts.items())
    waived = f"; {count(len(file.waived), 'finding')} waived" if file.waived else ""
    yield Line(f"  {len(file.outcomes)} rules: {counts}{waived}", "counts")
    if looked_at := looked_at_text(file.looked_at):
        yield from _wrapped(f"looked at: {looked_at}", "  ")
    if cost := file.looked_at.get("run", {}).get("cost"):
        yield Line(f"  cost: {cost_text(cost)}")
    if border := file.looked_at.get("run", {}).get("border"):
        yield from _wrapped(f"border: {border_text(border)}", "  ")
    if evidence := file.looked_at.get("evidence"):
        yield from _wrapped(f"evidence: {', '.join(evidence)}", "  ")


def unchecked(file: FileReport) -> dict[str, list[str]]:
    """Codes of the rules that could not be checked, by reason; those left out by choice are not.

    Args:
        file: The report on one file.
    """
    groups: dict[str, list[str]] = {}
    for outcome in file.outcomes:
        if outcome.cause in (SkipCause.PREREQUISITE, SkipCause.TOOL):
            groups.setdefault(outcome.reason, []).append(outcome.code)
    return groups


def _skip_lines(file: FileReport) -> Iterator[Line]:
    for reason, codes in unchecked(file).items():
        text = f"not checked, because {printable(reason)}: {ranges(codes)}"
        yield from _wrapped(text, "  ", "skipped")


def ranges(codes: Iterable[str]) -> str:
    """Codes with neighbours drawn together: `CZ303-CZ306, CZ309`.

    Args:
        codes: Rule codes in order.
    """
    order = list(catalogue())
    runs: list[list[str]] = []
    for code in codes:
        if runs and order.index(code) == order.index(runs[-1][-1]) + 1:
            runs[-1].append(code)
        else:
            runs.append([code])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def tally(report: Report) -> list[str]:
    """Files by verdict, and waived findings where there are some: `1 passed`, `0 failed`, ....

    Args:
        report: The report.
    """
    from czcheck.report.report import Verdict  # noqa: PLC0415 - the report knows this module

    parts = [
        f"{sum(file.verdict is verdict for file in report.files)} {verdict.value}"
        for verdict in (Verdict.PASSED, Verdict.FAILED, Verdict.INCOMPLETE)
    ]
    if waived := sum(len(file.waived) for file in report.files):
        parts.append(f"{count(waived, 'finding')} waived")
    return parts


def report_lines(report: Report, *, quiet: bool = False) -> Iterator[Line]:
    """The report, files that passed first, so that what matters stands at the end.

    Args:
        report: The report.
        quiet: Leave out files that passed.

    Yields:
        Lines without line ends.
    """
    from czcheck.report.report import Verdict  # noqa: PLC0415 - the report knows this module

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


def report_text(report: Report) -> str:
    """The report as plain text, each line with its end."""
    return "".join(f"{line.text}\n" for line in report_lines(report))
