"""HTML tables for notebooks: a report, and an opened model."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from czcheck.report.phrases import examined_text, unchecked_texts, waiver_text
from czcheck.rules.catalogue import catalogue
from czcheck.rules.engine import Status
from czcheck.text import printable

if TYPE_CHECKING:
    from czcheck.report.record import ReportRecord

# Readable on light and dark notebook themes.
_COLOURS = {
    "passed": "#2a9d4e",
    "failed": "#d3413b",
    "incomplete": "#c28a00",
    "error": "#d3413b",
    "warning": "#c28a00",
    "note": "#4a86c8",
}


def text(value: Any) -> str:
    """A value as HTML text, safe whatever a file put into it."""
    return escape(printable(str(value)))


def badge(word: str) -> str:
    """A verdict or severity in its colour."""
    return f'<b style="color:{_COLOURS[word]}">{word}</b>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; cells are HTML already."""
    heading = "".join(f'<th scope="col" style="text-align:left">{name}</th>' for name in head)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align:left">{cell}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table>"


def report_html(report: ReportRecord) -> str:
    """The report as tables: one of the files, one of the findings of each."""
    parts = [f"<p>czcheck {text(report.tool_version)}: {badge(report.verdict.value)}</p>"]
    rules = catalogue()
    for file in report.files:
        counts = ", ".join(f"{number} {status}" for status, number in file.counts.items())
        parts.append(
            f"<p><b>{text(file.path)}</b>: {badge(file.verdict.value)}"
            f" at level {text(file.configuration.get('level', report.options.level.value))}"
            f"<br>{counts}"
            f"<br>{text(examined_text(file.examined))}</p>"
        )
        unchecked = [
            f"crashed {each.code}: {each.reason}"
            for each in file.outcomes
            if each.status is Status.CRASHED
        ]
        parts += [f"<p>{text(sentence)}</p>" for sentence in (*unchecked, *unchecked_texts(file))]
        rows = [
            (
                badge(finding.severity.value) if finding.waiver is None else "waived",
                finding.code,
                text(finding.at),
                text(finding.message),
                text(waiver_text(finding.waiver) if finding.waiver else rules[finding.code].fix),
            )
            for finding in (*file.findings, *file.waived)
        ]
        if rows:
            parts.append(table(("Severity", "Rule", "Where", "What", "Fix"), rows))
    return "".join(parts)
