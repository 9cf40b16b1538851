"""Outcomes of all rules on all files, and the verdict that follows from them.

What writes a report reads these records; `Report` and `FileReport` add how they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from czcheck.options import Options
from czcheck.report.examined import NOTHING, FileSummary
from czcheck.rules.engine import Outcome, SkipCause, Status
from czcheck.rules.finding import Finding, Severity

if TYPE_CHECKING:
    from czcheck.figures.record import Evaluation
    from czcheck.report.gallery import Gallery


class Verdict(Enum):
    """What the outcomes come to.

    `INCOMPLETE`: nothing that fails was found, but not everything could be checked.
    """

    PASSED = "passed"
    FAILED = "failed"
    INCOMPLETE = "incomplete"

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 3 incomplete; the same for every output format."""
        return {Verdict.PASSED: 0, Verdict.FAILED: 1, Verdict.INCOMPLETE: 3}[self]


def found_in(outcomes: Iterable[Outcome]) -> list[Finding]:
    """All findings of some outcomes, errors first, then in the order of their codes."""
    found = [finding for outcome in outcomes for finding in outcome.findings]
    return sorted(found, key=lambda finding: (finding.severity.rank, finding.code))


def verdict_of(
    findings: Iterable[Finding], outcomes: Iterable[Outcome], fail_on: Severity
) -> Verdict:
    """What outcomes come to.

    Args:
        findings: The findings that count.
        outcomes: How all rules ended.
        fail_on: Mildest severity that fails the verdict.
    """
    if any(finding.severity.rank <= fail_on.rank for finding in findings):
        return Verdict.FAILED
    unchecked = any(
        outcome.status is Status.CRASHED
        or outcome.cause in (SkipCause.PREREQUISITE, SkipCause.TOOL)
        for outcome in outcomes
    )
    return Verdict.INCOMPLETE if unchecked else Verdict.PASSED


@dataclass(frozen=True, slots=True)
class FileRecord:
    """All outcomes on one file, as data. `report.FileReport` describes the fields."""

    path: str
    size: int
    sha256: str
    fail_on: Severity
    outcomes: tuple[Outcome, ...]
    examined: FileSummary = NOTHING
    configuration: Mapping[str, Any] = field(default_factory=dict)
    inspection: Mapping[str, Any] | None = field(default=None, repr=False)
    cached: str | None = None
    gallery: Gallery | None = field(default=None, repr=False)
    evaluation: Evaluation | None = field(default=None, repr=False)

    @property
    def looked_at(self) -> dict[str, Any]:
        """What was examined, as plain data with the keys of the JSON report."""
        return self.examined.to_json()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings but the waived ones, errors first, then in the order of their codes."""
        return tuple(finding for finding in found_in(self.outcomes) if finding.waiver is None)

    @property
    def waived(self) -> tuple[Finding, ...]:
        """The findings that a waiver accepts, in the same order; they fail no verdict."""
        return tuple(finding for finding in found_in(self.outcomes) if finding.waiver is not None)

    @property
    def counts(self) -> dict[str, int]:
        """Number of rules that passed, failed, were skipped and crashed."""
        counts = {status.value: 0 for status in Status}
        for outcome in self.outcomes:
            counts[outcome.status.value] += 1
        return counts

    @property
    def severities(self) -> dict[str, int]:
        """Number of findings by severity, those that were left out included, waived ones not."""
        numbers = {severity.value: 0 for severity in Severity}
        for outcome in self.outcomes:
            active = [finding for finding in outcome.findings if finding.waiver is None]
            for finding in active:
                numbers[finding.severity.value] += 1
            if active:
                numbers[active[0].severity.value] += outcome.omitted
        return numbers

    @property
    def verdict(self) -> Verdict:
        """What the outcomes come to."""
        return verdict_of(self.findings, self.outcomes, self.fail_on)


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """All outcomes on all files, as data. `report.Report` describes the fields."""

    tool_version: str
    options: Options
    files: tuple[FileRecord, ...]

    @property
    def verdict(self) -> Verdict:
        """Failed if one file failed; incomplete if one could not be checked whole."""
        verdicts = {file.verdict for file in self.files}
        for verdict in (Verdict.FAILED, Verdict.INCOMPLETE):
            if verdict in verdicts:
                return verdict
        return Verdict.PASSED

    @property
    def passed(self) -> bool:
        """Whether every file was checked whole and passed."""
        return self.verdict is Verdict.PASSED

    @property
    def exit_code(self) -> int:
        """The command line's exit code: 0 passed, 1 failed, 3 not everything could be checked."""
        return self.verdict.exit_code

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all files."""
        return tuple(finding for file in self.files for finding in file.findings)
