"""Stored verdicts: when one may be used again, and when one may be stored."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.cache import circumstances
from czcheck.cache.store import Store
from czcheck.configuration.showing import plain
from czcheck.report.examined import FileSummary
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

if TYPE_CHECKING:
    from czcheck.configuration.settings import Settings
    from czcheck.limits import Limits
    from czcheck.runtime.limits import RunnerLimits
    from czcheck.runtime.record import RunRecord

# These do not change how rules end, only the verdict.
_AFTERWARDS = ("fail-on", "jobs", "cache")
# A run that was too slow, or in which something failed, may go better the next time.
_OF_THE_MOMENT = ("CZ401", "CZ402", "CZ422", "CZ425")


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """How the rules ended on a file.

    Attributes:
        outcomes: Outcomes, before severities and waivers of a configuration.
        examined: What was examined of it.
        checked: When it was checked, such as `2026-11-25T23:20:11Z`.
    """

    outcomes: tuple[Outcome, ...]
    examined: FileSummary
    checked: str


class Verdicts:
    """Reads and stores the verdicts of one call."""

    def __init__(
        self,
        folder: Path,
        python: str | None,
        limits: Limits,
        runner_limits: RunnerLimits,
        *,
        require_sandbox: bool,
    ) -> None:
        """Open the store.

        Args:
            folder: Where verdicts are stored.
            python: Interpreter that runs networks; None for this one.
            limits: Limits on everything that is read.
            runner_limits: Limits on the network's process.
            require_sandbox: Whether networks are run only where they can be shut in.

        Raises:
            UsageError: Verdicts cannot be stored there.
        """
        self._store = Store(folder)
        self._python = python
        self._call = [
            dataclasses.asdict(limits),
            dataclasses.asdict(runner_limits),
            require_sandbox,
        ]

    def key(self, path: Path, sha256: str, settings: Settings) -> str | None:
        """The key of a verdict: everything that it depends on, as one digest.

        Args:
            path: The file; rules read its name.
            sha256: Its digest.
            settings: Its effective settings.

        Returns:
            Hexadecimal digits; None where not everything can be found out.
        """
        options = settings.options
        interpreters = [circumstances.interpreter(self._python)]
        if options.runtime is not None:
            interpreters.append(circumstances.interpreter(options.runtime))
        named = [circumstances.contents(each) for each in options.tiles]
        if options.baseline is not None:
            named.append(circumstances.contents(options.baseline))
        if None in interpreters or None in named:
            return None
        values = {
            name: plain(setting.value)
            for name, setting in settings.entries.items()
            if name not in _AFTERWARDS and not name.startswith("severity.")
        }
        values["ignore"] = list(options.ignore)
        everything = [
            circumstances.tool(),
            circumstances.machine(),
            interpreters,
            self._call,
            [path.name, sha256],
            values,
            named,
        ]
        return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()

    def get(self, key: str) -> StoredVerdict | None:
        """A stored verdict; None if there is none.

        Args:
            key: What `key` gave.
        """
        entry = self._store.get(key)
        if entry is None:
            return None
        try:
            return StoredVerdict(
                tuple(outcome_from_plain(each) for each in entry["outcomes"]),
                FileSummary.from_json(entry["looked_at"]),
                str(entry["checked"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            return None

    def put(
        self,
        key: str,
        outcomes: tuple[Outcome, ...],
        examined: FileSummary,
        run: RunRecord | None,
    ) -> None:
        """Store a verdict if another run would give the same one.

        Args:
            key: What `key` gave.
            outcomes: Outcomes, before severities and waivers of a configuration.
            examined: What was examined of the file.
            run: What running the network showed; None if it was not run.
        """
        if not is_lasting(outcomes, run):
            return
        now = datetime.now(timezone.utc)
        try:
            entry = {
                "checked": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "outcomes": [outcome_to_plain(each) for each in outcomes],
                "looked_at": plain_value(examined.to_json()),
            }
        except NotPlainError:
            return
        self._store.put(key, entry)


def is_lasting(outcomes: tuple[Outcome, ...], run: RunRecord | None) -> bool:
    """Whether a verdict would be the same the next time.

    Args:
        outcomes: How the rules ended.
        run: What running the network showed.

    Returns:
        False where the network was not run, where something failed while it ran, where a budget
        was exceeded, and where not everything could be checked.
    """
    if run is None or run.all_failures:
        return False
    if run.behaviour is not None and run.behaviour.batch_failure is not None:
        return False
    return not any(
        outcome.status is Status.CRASHED
        or outcome.cause in (SkipCause.TOOL, SkipCause.PREREQUISITE)
        or (outcome.status is Status.FAILED and outcome.code in _OF_THE_MOMENT)
        for outcome in outcomes
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
