"""The report as users hold it: its data, and every form that it can be written in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from czcheck.report.formats import render
from czcheck.report.record import FileRecord, ReportRecord


class FileReport(FileRecord):
    """All outcomes on one file.

    Attributes:
        path: The file, as the user named it.
        size: Its size in bytes.
        sha256: Its digest, in hexadecimal.
        fail_on: Mildest severity that fails the verdict.
        outcomes: One for each rule of the catalogue, in the order of their codes.
        examined: What was examined: its content and measurements. `looked_at` is the same as
            plain data.
        configuration: What it was checked by: configuration file, profile, what differs from the
            defaults and where it was set, waivers; plain data. Empty where it is not known.
        inspection: What else is known of what it holds, as plain data, see
            `inspection.as_far_as_read`; None unless it was requested.
        cached: When the rules were checked, such as `2026-11-25T23:20:11Z`, where that was in an
            earlier run whose verdict was stored; None if they were checked now.
        gallery: Previews of the run; None unless they were requested and there was one.
        evaluation: What it did on labelled images; None where it was not evaluated.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        codes = list(dict.fromkeys(finding.code for finding in self.findings))
        found = f", found {', '.join(codes)}" if codes else ""
        return f"FileReport({self.path!r} {self.verdict.value}{found})"

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `schemas/report.schema.json` describes it."""
        from czcheck.report.json_form import file_to_json  # noqa: PLC0415

        return file_to_json(self)


@dataclass(frozen=True, slots=True)
class Report(ReportRecord):
    """All outcomes on all files.

    Attributes:
        tool_version: Version of czcheck.
        options: The options of the call.
        files: One report for each file, in the order in which they were named.
    """

    files: tuple[FileReport, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `schemas/report.schema.json` describes it."""
        from czcheck.report.json_form import report_to_json  # noqa: PLC0415

        return report_to_json(self)

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
        from czcheck.report.text import report_lines  # noqa: PLC0415

        return "\n".join(line.text for line in report_lines(self))

    def _repr_html_(self) -> str:
        from czcheck.report.notebook import report_html  # noqa: PLC0415

        return report_html(self)
