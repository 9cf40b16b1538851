"""Stored verdicts: when one may be used again, and when one may be stored."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.cache import circumstances
from czcheck.cache.entries import (
    NotPlainError,
    outcome_from_plain,
    outcome_to_plain,
    plain_value,
)
from czcheck.cache.store import Store
from czcheck.configuration.showing import plain
from czcheck.report.examined import Examined
from czcheck.rules.engine import Outcome, SkipCause, Status

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
class Verdict:
    """How the rules ended on a file.

    Attributes:
        outcomes: Outcomes, before severities and waivers of a configuration.
        examined: What was examined of it.
        checked: When it was checked, such as `2026-11-25T23:20:11Z`.
    """

    outcomes: tuple[Outcome, ...]
    examined: Examined
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

    def get(self, key: str) -> Verdict | None:
        """A stored verdict; None if there is none.

        Args:
            key: What `key` gave.
        """
        entry = self._store.get(key)
        if entry is None:
            return None
        try:
            return Verdict(
                tuple(outcome_from_plain(each) for each in entry["outcomes"]),
                Examined.from_json(entry["looked_at"]),
                str(entry["checked"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            return None

    def put(
        self,
        key: str,
        outcomes: tuple[Outcome, ...],
        examined: Examined,
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
