"""The report as plain data, as `schemas/report.schema.json` describes it."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from czcheck.rules.catalogue import every_rule
from czcheck.rules.engine import Outcome, Status
from czcheck.rules.finding import (
    ConfigurationPlace,
    Finding,
    InGraph,
    InMember,
    JsonPlace,
    Location,
    TilePixel,
    Waiver,
    XmlPath,
)
from czcheck.rules.plugins import plugins
from czcheck.text import printable

if TYPE_CHECKING:
    from czcheck.report.record import FileRecord, ReportRecord

REPORT_VERSION = "1.0"
_KINDS: dict[type, str] = {
    InMember: "member",
    XmlPath: "xml",
    JsonPlace: "json",
    InGraph: "graph",
    TilePixel: "pixel",
    ConfigurationPlace: "configuration",
}


def plain_json(value: Any) -> Any:
    """A value of JSON types only, with its text made safe to print.

    Args:
        value: Any value; what JSON does not know becomes text.
    """
    if isinstance(value, str):
        return printable(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        # JSON has no NaN and no infinities.
        return value if value - value == 0 else str(value)
    if isinstance(value, (list, tuple)):
        return [plain_json(item) for item in value]
    if isinstance(value, dict):
        return {printable(str(key)): plain_json(item) for key, item in value.items()}
    return printable(str(value))


def json_text(value: Any) -> str:
    """A value as JSON text, with a line end at its end.

    Args:
        value: What JSON can hold; what it cannot becomes text.
    """
    return json.dumps(plain_json(value), indent=2, ensure_ascii=False) + "\n"


def location_to_json(at: Location) -> dict[str, Any]:
    """A location with its kind.

    `file`, `member`, `xml`, `json`, `graph`, `pixel` or `configuration`.
    """
    plain: dict[str, Any] = {"kind": _KINDS.get(type(at), "file")}
    for field in fields(at):
        plain[field.name] = plain_json(getattr(at, field.name))
    return plain


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """One finding, with the texts of its rule."""
    rule = every_rule()[finding.code]
    plain = {
        "code": finding.code,
        "name": rule.name,
        "severity": finding.severity.value,
        "title": rule.title,
        "message": printable(finding.message),
        "fix": rule.fix,
        "url": rule.url,
        "location": location_to_json(finding.at),
        "fields": {name: plain_json(value) for name, value in finding.fields},
    }
    if finding.waiver is not None:
        plain["waiver"] = waiver_to_json(finding.waiver)
    return plain


def waiver_to_json(waiver: Waiver) -> dict[str, Any]:
    """A waiver as plain data; its last day as `2027-01-31`."""
    return {
        "code": waiver.code,
        "reason": printable(waiver.reason),
        "path": None if waiver.path is None else printable(waiver.path),
        "expires": None if waiver.expires is None else waiver.expires.isoformat(),
    }


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """How one rule ended; without its findings."""
    plain: dict[str, Any] = {"code": outcome.code, "status": outcome.status.value}
    if outcome.cause is not None:
        plain["cause"] = outcome.cause.value
    if outcome.status in (Status.SKIPPED, Status.CRASHED):
        plain["reason"] = printable(outcome.reason)
    if outcome.omitted:
        plain["omitted"] = outcome.omitted
    return plain


def file_to_json(file: FileRecord) -> dict[str, Any]:
    """The report on one file."""
    return {
        "path": printable(file.path),
        "size": file.size,
        "sha256": file.sha256,
        "cached": file.cached,
        "verdict": file.verdict.value,
        "counts": file.counts,
        "findings": [finding_to_json(finding) for finding in file.findings],
        "waived": [finding_to_json(finding) for finding in file.waived],
        "rules": [outcome_to_json(outcome) for outcome in file.outcomes],
        "looked_at": plain_json(file.looked_at),
        "configuration": plain_json(dict(file.configuration)) if file.configuration else None,
    }


def report_to_json(report: ReportRecord) -> dict[str, Any]:
    """The report on all files."""
    options = report.options
    return {
        "report_version": REPORT_VERSION,
        "tool": {
            "name": "czcheck",
            "version": report.tool_version,
            "rules_from": [plugin.package for plugin in plugins() if plugin.rules],
        },
        "options": {
            "level": options.level.value,
            "target": options.target,
            "fail_on": options.fail_on.value,
            "select": list(options.select),
            "ignore": list(options.ignore),
            "allow_op": list(options.allow_op),
        },
        "verdict": report.verdict.value,
        "exit_code": report.exit_code,
        "files": [file_to_json(file) for file in report.files],
    }


def report_json(report: ReportRecord) -> str:
    """The report on all files as JSON text."""
    return json_text(report_to_json(report))
