"""Turns what rules found into plain data and back, without loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from czcheck.rules.engine import Outcome, SkipCause, Status
from czcheck.rules.finding import (
    Finding,
    InGraph,
    InMember,
    JsonPlace,
    Location,
    Severity,
    TilePixel,
    WholeFile,
    XmlPath,
)

_PLACES: dict[str, type[Any]] = {
    each.__name__: each for each in (WholeFile, InMember, XmlPath, JsonPlace, InGraph, TilePixel)
}


class NotPlainError(TypeError):
    """A value that JSON would not restore unchanged."""


def outcome_to_plain(outcome: Outcome) -> dict[str, Any]:
    """An outcome as plain data.

    Args:
        outcome: As the rule ended, before severities and waivers of a configuration.

    Raises:
        NotPlainError: A finding holds something that would come back as something else.
    """
    return {
        "code": outcome.code,
        "status": outcome.status.value,
        "findings": [_finding_to_plain(finding) for finding in outcome.findings],
        "cause": None if outcome.cause is None else outcome.cause.value,
        "reason": outcome.reason,
        "omitted": outcome.omitted,
    }


def outcome_from_plain(plain: Mapping[str, Any]) -> Outcome:
    """The outcome from its plain data.

    Args:
        plain: What `outcome_to_plain` made.

    Raises:
        KeyError: It did not.
        TypeError: It did not.
        ValueError: It did not.
    """
    cause = plain["cause"]
    return Outcome(
        code=str(plain["code"]),
        status=Status(plain["status"]),
        findings=tuple(_finding_from_plain(each) for each in plain["findings"]),
        cause=None if cause is None else SkipCause(cause),
        reason=str(plain["reason"]),
        omitted=int(plain["omitted"]),
    )


def _finding_to_plain(finding: Finding) -> dict[str, Any]:
    kind = type(finding.at).__name__
    if kind not in _PLACES:
        raise NotPlainError(kind)
    place = {each.name: getattr(finding.at, each.name) for each in dataclasses.fields(finding.at)}
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "at": [kind, {name: plain_value(value) for name, value in place.items()}],
        "message": finding.message,
        "fields": [[name, plain_value(value)] for name, value in finding.fields],
    }


def _finding_from_plain(plain: Mapping[str, Any]) -> Finding:
    kind, place = plain["at"]
    at: Location = _PLACES[kind](**place)
    return Finding(
        code=str(plain["code"]),
        severity=Severity(plain["severity"]),
        at=at,
        message=str(plain["message"]),
        fields=tuple((str(name), _tuples(value)) for name, value in plain["fields"]),
    )


def plain_value(value: Any) -> Any:
    """A value that JSON restores unchanged; tuples become lists.

    Args:
        value: Any value.

    Raises:
        NotPlainError: It is, or holds, something else.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (tuple, list):
        return [plain_value(each) for each in value]
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: plain_value(each) for key, each in value.items()}
    raise NotPlainError(type(value).__name__)


def _tuples(value: Any) -> Any:
    """Lists as the tuples that they were."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
