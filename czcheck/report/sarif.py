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

Data = dict[str, Any]

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
    """
    rules = list(catalogue().values())
    driver = _object(
        name="czcheck",
        version=report.tool_version,
        rules=[_descriptor(rule) for rule in rules],
        notifications=[
            _object(id="crashed", shortDescription=_message("A rule crashed")),
            _object(id="not-checked", shortDescription=_message("Rules could not be checked")),
            _object(id="omitted", shortDescription=_message("Findings beyond the first ones")),
        ],
    )
    index = {rule.code: number for number, rule in enumerate(rules)}
    log = _object(
        version="2.1.0",
        **{"$schema": SCHEMA},
        runs=[
            _object(
                tool=_object(driver=driver),
                columnKind="unicodeCodePoints",
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
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _object(**fields: Any) -> Data:
    """An object of SARIF without the properties that are None."""
    return {name: value for name, value in fields.items() if value is not None}


def _message(text: str) -> Data:
    return {"text": printable(text)}


def _run_properties(report: ReportRecord) -> dict[str, Any]:
    options = report.options
    return {
        "level": options.level.value,
        "target": printable(options.target),
        "failOn": options.fail_on.value,
        "verdict": report.verdict.value,
    }


def _descriptor(rule: Rule) -> Data:
    sections = {"Why": rule.why, "Fix": rule.fix, "Format": rule.source, "More": rule.command}
    return _object(
        id=rule.code,
        name=rule.name,
        shortDescription=_message(rule.title),
        fullDescription=_message(rule.why),
        help=_object(
            text="\n".join(f"{name}: {text}" for name, text in sections.items() if text),
            markdown="\n\n".join(f"**{name}** {text}" for name, text in sections.items() if text),
        ),
        defaultConfiguration=_object(level=rule.severity.value),
        helpUri=rule.url,
        properties={"level": rule.level.value},
    )


def _invocation(report: ReportRecord) -> Data:
    notes = [
        note
        for number, file in enumerate(report.files)
        for note in _notifications(file, _file_location(file, number))
    ]
    return _object(
        # Whether the tool did its work, not whether it found something.
        executionSuccessful=not any(note["level"] == "error" for note in notes),
        exitCode=report.exit_code,
        exitCodeDescription=report.verdict.value,
        toolExecutionNotifications=notes,
    )


def _notifications(file: FileRecord, where: Data) -> Iterator[Data]:
    def note(name: str, level: str, text: str, code: str | None = None) -> Data:
        return _object(
            message=_message(text),
            level=level,
            descriptor=_object(id=name),
            associatedRule=code and _object(id=code),
            locations=[_object(physicalLocation=_object(artifactLocation=where))],
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


def _artifact(file: FileRecord) -> Data:
    return _object(
        location=_object(uri=_uri(file.path)),
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


def _file_location(file: FileRecord, number: int) -> Data:
    return _object(uri=_uri(file.path), index=number)


def _results(file: FileRecord, number: int, index: dict[str, int]) -> Iterator[Data]:
    seen: Counter[str] = Counter()
    for finding in (*file.findings, *file.waived):
        digest = _digest(file, finding)
        seen[digest] += 1
        fingerprint = f"{digest}:{seen[digest]}"
        waiver = finding.waiver
        plain = finding_to_json(finding)
        yield _object(
            ruleId=finding.code,
            ruleIndex=index[finding.code],
            level=finding.severity.value,
            message=_message(_place_and_message(finding)),
            locations=[_location(file, number, finding)],
            partialFingerprints={FINGERPRINT: fingerprint, GITHUB_FINGERPRINT: fingerprint},
            suppressions=None
            if waiver is None
            else [
                _object(
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


def _location(file: FileRecord, number: int, finding: Finding) -> Data:
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
            _object(
                name=name,
                fullyQualifiedName=f"{printable(file.path)}!{name}",
                kind=kinds.get(type(at), location_to_json(at)["kind"]),
            )
        ]
    return _object(
        physicalLocation=_object(
            artifactLocation=_file_location(file, number),
            region=_object(startLine=line, startColumn=column),
        ),
        logicalLocations=logical,
    )
