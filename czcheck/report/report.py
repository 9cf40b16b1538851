"""The report: outcomes of all rules on all files, and the verdict that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from czcheck import report
from czcheck.report.formats import render
from czcheck.rules.catalogue import Level
from czcheck.rules.engine import Outcome, SkipCause, Status
from czcheck.rules.finding import Finding, Severity

if TYPE_CHECKING:
    from czcheck.evaluating.record import Evaluation
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


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for.

    Attributes:
        level: Deepest level that was checked.
        target: Runtime that the network is held to: `tf-2.0.0` or `any`.
        fail_on: Mildest severity that fails the verdict.
        select: Codes or prefixes to check; empty for all.
        ignore: Codes or prefixes to leave out.
        allow_op: Operations admitted though they are not on the allowlist.
    """

    level: Level = Level.RUN
    target: str = "tf-2.0.0"
    fail_on: Severity = Severity.ERROR
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    allow_op: tuple[str, ...] = ()


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
class FileReport:
    """All outcomes on one file.

    Attributes:
        path: The file, as the user named it.
        size: Its size in bytes.
        sha256: Its digest, in hexadecimal.
        fail_on: Mildest severity that fails the verdict.
        outcomes: One for each rule of the catalogue, in the order of their codes.
        looked_at: What the file holds and what was done with it, as plain data.
        configuration: What it was checked by: configuration file, profile, what differs from the
            defaults and where it was said, waivers; plain data. Empty where it is not known.
        inspection: What else is known of what it holds, as plain data, see
            `inspection.as_far_as_read`; None unless it was asked for.
        cached: When the rules were checked, such as `2026-11-25T23:20:11Z`, where that was in an
            earlier run whose verdict was kept; None where they were checked now.
        gallery: Pictures of the run; None unless they were asked for and there was one.
        evaluation: What it did on labelled images; None where it was not evaluated.
    """

    path: str
    size: int
    sha256: str
    fail_on: Severity
    outcomes: tuple[Outcome, ...]
    looked_at: Mapping[str, Any] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    inspection: Mapping[str, Any] | None = field(default=None, repr=False)
    cached: str | None = None
    gallery: Gallery | None = field(default=None, repr=False)
    evaluation: Evaluation | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        codes = list(dict.fromkeys(finding.code for finding in self.findings))
        found = f", found {', '.join(codes)}" if codes else ""
        return f"FileReport({self.path!r} {self.verdict.value}{found})"

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

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `schemas/report.schema.json` describes it."""
        return report.file_to_json(self)


@dataclass(frozen=True, slots=True)
class Report:
    """All outcomes on all files.

    Attributes:
        tool_version: Version of czcheck.
        options: What was asked for.
        files: One report for each file, in the order in which they were named.
    """

    tool_version: str
    options: Options
    files: tuple[FileReport, ...]

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

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `schemas/report.schema.json` describes it."""
        return report.report_to_json(self)

    def render(self, form: str) -> str:
        """The report as text in one of the formats of `czcheck verify --report`.

        Args:
            form: Name of the format, such as `json` or `junit`.

        Raises:
            UsageError: There is no such format.
        """
        return render(self, form)

    def __repr__(self) -> str:
        files = ", ".join(map(repr, self.files[:3])) + (", ..." if len(self.files) > 3 else "")
        return f"Report({self.verdict.value}, level {self.options.level.value}: {files})"

    def __str__(self) -> str:
        return "\n".join(line.text for line in report.report_lines(self))

    def _repr_html_(self) -> str:
        return report.report_html(self)
