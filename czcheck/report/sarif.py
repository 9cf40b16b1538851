"""The report as SARIF 2.1.0, as code scanning services and editors read it."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs
import sarif_om as om

from czcheck.report.json_form import (
    finding_to_json,
    location_to_json,
    plain_json,
    waiver_to_json,
)
from czcheck.report.phrases import ranges, unchecked, waiver_text
from czcheck.rules.catalogue import catalogue
from czcheck.rules.declaring import Rule
from czcheck.rules.engine import Status
from czcheck.rules.finding import Finding, InMember, JsonPlace, WholeFile
from czcheck.text import count, printable

if TYPE_CHECKING:
    from czcheck.report.record import FileRecord, ReportRecord

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
FINGERPRINT = "czcheckFinding/v1"
# The one fingerprint that GitHub reads; it would make one from the lines of the file otherwise.
GITHUB_FINGERPRINT = "primaryLocationLineHash"


def report_sarif(report: ReportRecord) -> str:
    """The report as SARIF 2.1.0.

    Each finding is a result; waived ones are suppressed, with the waiver's reason. What crashed or
    could not be checked is a notification of the invocation.

    Args:
        report: The report.
    """
    rules = list(catalogue().values())
    driver = om.ToolComponent(
        name="czcheck",
        version=report.tool_version,
        rules=[_descriptor(rule) for rule in rules],
        notifications=[
            om.ReportingDescriptor(id="crashed", short_description=_message("A rule crashed")),
            om.ReportingDescriptor(
                id="not-checked", short_description=_message("Rules could not be checked")
            ),
            om.ReportingDescriptor(
                id="omitted", short_description=_message("Findings beyond the first ones")
            ),
        ],
    )
    index = {rule.code: number for number, rule in enumerate(rules)}
    log = om.SarifLog(
        version="2.1.0",
        schema_uri=SCHEMA,
        runs=[
            om.Run(
                tool=om.Tool(driver=driver),
                column_kind="unicodeCodePoints",
                invocations=[_invocation(report)],
                artifacts=[_artifact(file) for file in report.files],
                results=[
                    result
                    for number, file in enumerate(report.files)
                    for result in _results(file, number, index)
                ],
                properties=_run_properties(report),
            )
        ],
    )
    return json.dumps(_plain(log), indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    """Models as plain data: what is left at its default is left out, but for levels."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not attrs.has(type(value)):
        return value
    plain = {}
    for field in attrs.fields(type(value)):
        content, default = getattr(value, field.name), field.default
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
            default = default.factory()
        if content is not None and (content != default or field.name == "level"):
            plain[field.metadata["schema_property_name"]] = _plain(content)
    return plain


def _message(text: str) -> Any:
    return om.Message(text=printable(text))


def _run_properties(report: ReportRecord) -> dict[str, Any]:
    options = report.options
    return {
        "level": options.level.value,
        "target": printable(options.target),
        "failOn": options.fail_on.value,
        "verdict": report.verdict.value,
    }


def _descriptor(rule: Rule) -> Any:
    sections = {"Why": rule.why, "Fix": rule.fix, "Format": rule.source, "More": rule.command}
    return om.ReportingDescriptor(
        id=rule.code,
        name=rule.name,
        short_description=_message(rule.title),
        full_description=_message(rule.why),
        help=om.MultiformatMessageString(
            text="\n".join(f"{name}: {text}" for name, text in sections.items() if text),
            markdown="\n\n".join(f"**{name}** {text}" for name, text in sections.items() if text),
        ),
        default_configuration=om.ReportingConfiguration(level=rule.severity.value),
        help_uri=rule.url,
        properties={"level": rule.level.value},
    )


def _invocation(report: ReportRecord) -> Any:
    notes = [
        note
        for number, file in enumerate(report.files)
        for note in _notifications(file, _file_location(file, number))
    ]
    return om.Invocation(
        # Whether the tool did its work, not whether it found something.
        execution_successful=not any(note.level == "error" for note in notes),
        exit_code=report.exit_code,
        exit_code_description=report.verdict.value,
        tool_execution_notifications=notes,
    )


def _notifications(file: FileRecord, where: Any) -> Iterator[Any]:
    def note(name: str, level: str, text: str, code: str | None = None) -> Any:
        return om.Notification(
            message=_message(text),
            level=level,
            descriptor=om.ReportingDescriptorReference(id=name),
            associated_rule=code and om.ReportingDescriptorReference(id=code),
            locations=[om.Location(physical_location=om.PhysicalLocation(artifact_location=where))],
        )

    for outcome in file.outcomes:
        if outcome.status is Status.CRASHED:
            yield note("crashed", "error", f"{outcome.code}: {outcome.reason}", outcome.code)
        if outcome.omitted:
            text = f"{outcome.code}: {count(outcome.omitted, 'more finding')} not shown"
            yield note("omitted", "note", text, outcome.code)
    tool = set(unchecked(file, tool_only=True))
    for reason, codes in unchecked(file).items():
        level = "error" if reason in tool else "warning"
        yield note("not-checked", level, f"{reason}: not checked: {ranges(codes)}")


def _artifact(file: FileRecord) -> Any:
    return om.Artifact(
        location=om.ArtifactLocation(uri=_uri(file.path)),
        length=file.size,
        hashes={"sha-256": file.sha256},
        roles=["analysisTarget"],
        properties={
            "verdict": file.verdict.value,
            "counts": file.counts,
            "waived": len(file.waived),
            "failOn": file.fail_on.value,
            "configuration": plain_json(dict(file.configuration)),
        },
    )


def _uri(path: str) -> str:
    """A path as it stands in SARIF: relative, or of scheme `file`."""
    place = Path(path)
    if place.is_absolute():
        return place.as_uri()
    return quote(os.fsencode(place.as_posix()))


def _file_location(file: FileRecord, number: int) -> Any:
    return om.ArtifactLocation(uri=_uri(file.path), index=number)


def _results(file: FileRecord, number: int, index: dict[str, int]) -> Iterator[Any]:
    seen: Counter[str] = Counter()
    for finding in (*file.findings, *file.waived):
        digest = _digest(file, finding)
        seen[digest] += 1
        fingerprint = f"{digest}:{seen[digest]}"
        waiver = finding.waiver
        plain = finding_to_json(finding)
        yield om.Result(
            rule_id=finding.code,
            rule_index=index[finding.code],
            level=finding.severity.value,
            message=_message(_place_and_message(finding)),
            locations=[_location(file, number, finding)],
            partial_fingerprints={FINGERPRINT: fingerprint, GITHUB_FINGERPRINT: fingerprint},
            suppressions=None
            if waiver is None
            else [
                om.Suppression(
                    kind="external",
                    justification=waiver_text(waiver),
                    properties=waiver_to_json(waiver),
                )
            ],
            properties={"location": plain["location"], "fields": plain["fields"]},
        )


def _place_and_message(finding: Finding) -> str:
    place = str(finding.at)
    return f"[{place}] {finding.message}" if place else finding.message


def _digest(file: FileRecord, finding: Finding) -> str:
    """What stays when a model is built anew: name, rule and place, but no lines or pixels."""
    place = location_to_json(finding.at)
    for moving in ("line", "column", "row", "channel"):
        place.pop(moving, None)
    parts = [Path(printable(file.path)).name, finding.code, place]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _location(file: FileRecord, number: int, finding: Finding) -> Any:
    """The archive as the physical place, what is inside it as the logical one.

    An archive has no lines. Code scanning services show only results that have one, so it is 1.
    """
    at = finding.at
    line, column = 1, None
    if isinstance(at, JsonPlace) and at.line is not None:
        line, column = at.line, at.column
    logical = None
    if not isinstance(at, WholeFile) and str(at):
        kinds = {InMember: "member", JsonPlace: "object"}
        name = printable(str(at))
        logical = [
            om.LogicalLocation(
                name=name,
                fully_qualified_name=f"{printable(file.path)}!{name}",
                kind=kinds.get(type(at), location_to_json(at)["kind"]),
            )
        ]
    return om.Location(
        physical_location=om.PhysicalLocation(
            artifact_location=_file_location(file, number),
            region=om.Region(start_line=line, start_column=column),
        ),
        logical_locations=logical,
    )
