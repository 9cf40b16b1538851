"""Applies severities and waivers to outcomes, and runs the rules about the waivers themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from czcheck.configuration.settings import Settings
from czcheck.rules.catalogue import WAIVERS, catalogue, rules_on_waivers
from czcheck.rules.declaring import release_rules
from czcheck.rules.engine import Facts, Outcome, SkipCause, Status, evaluate
from czcheck.rules.finding import Finding, WaiverUse


def applied(outcomes: Iterable[Outcome], settings: Settings, today: date) -> tuple[Outcome, ...]:
    """Outcomes with the effective severities and waivers.

    Args:
        outcomes: Outcomes as the rules ended.
        settings: The effective settings for the file.
        today: The day on which waivers have to be valid.
    """
    severities = settings.severities
    valid = [each.waiver for each in settings.waivers if not each.waiver.is_expired(today)]

    def one(finding: Finding) -> Finding:
        return dataclasses.replace(
            finding,
            severity=severities.get(finding.code, finding.severity),
            waiver=next((each for each in valid if finding.code.startswith(each.code)), None),
        )

    return tuple(
        dataclasses.replace(outcome, findings=tuple(map(one, outcome.findings)))
        if outcome.findings
        else outcome
        for outcome in outcomes
    )


def today() -> date:
    """The day on which waivers have to be valid, where the user is."""
    return datetime.now().astimezone().date()


class _Checked(NamedTuple):
    """A checked file: `chosen` rules count, and those of `not_run` were not to be checked."""

    settings: Settings
    outcomes: Sequence[Outcome]
    chosen: Collection[str]
    not_run: Collection[str]


def with_waiver_rules(
    files: Sequence[tuple[Settings, Sequence[Outcome]]],
) -> list[tuple[Outcome, ...]]:
    """Outcomes on the files of a call, completed by those of the rules about waivers.

    Args:
        files: The settings of each file and its outcomes, severities and waivers applied.
    """
    rules = catalogue()
    checked = []
    for settings, outcomes in files:
        depth = settings.options.level.depth
        deeper = {code for code, rule in rules.items() if rule.level.depth > depth}
        not_run = deeper | (rules.keys() - settings.chosen)
        checked.append(_Checked(settings, outcomes, settings.chosen, not_run))
    completed = []
    for file, last in zip(checked, _about_waivers(checked), strict=True):
        by_code = {each.code: each for each in (*file.outcomes, *last)}
        completed.append(tuple(by_code[code] for code in rules if code in by_code))
    return completed


def releases_with_waiver_rules(
    outcomes: Sequence[Outcome], settings: Settings
) -> tuple[Outcome, ...]:
    """Outcomes on two releases, followed by those of the rules about waivers.

    Args:
        outcomes: How the rules ended, severities and waivers applied.
        settings: The effective settings for the second release.
    """
    # Waivers of findings on one file belong to `czcheck verify`.
    ours = tuple(
        each
        for each in settings.waivers
        if any(code.startswith(each.waiver.code) for code in release_rules())
    )
    settings = dataclasses.replace(settings, waivers=ours)
    chosen = settings.options.chosen(rules_on_waivers())
    (last,) = _about_waivers([_Checked(settings, outcomes, chosen, ())])
    return (*outcomes, *last)


def _about_waivers(files: Sequence[_Checked]) -> list[tuple[Outcome, ...]]:
    """For each file how the rules about waivers ended."""
    day = today()

    def ended(file: _Checked, uses: tuple[WaiverUse, ...]) -> tuple[Outcome, ...]:
        facts = Facts({WAIVERS: lambda: uses})
        level = file.settings.options.level
        outcomes = evaluate(rules_on_waivers(), facts, level=level, chosen=file.chosen)
        # A waiver of everything waives no finding about waivers.
        return applied(outcomes, dataclasses.replace(file.settings, waivers=()), day)

    return [ended(file, uses) for file, uses in zip(files, _uses(files, day), strict=True)]


def _uses(files: Sequence[_Checked], today: date) -> list[tuple[WaiverUse, ...]]:
    """What came of the waivers of each file.

    A waiver that matches nothing is reported once, with the first file that it applies to.
    """
    applies: dict[int, list[int]] = {}
    met, checked = set(), set()
    for place, file in enumerate(files):
        for number, waiver in ((each.number, each.waiver) for each in file.settings.waivers):
            applies.setdefault(number, []).append(place)
            for outcome in file.outcomes:
                if not outcome.code.startswith(waiver.code):
                    continue
                if outcome.status is Status.PASSED:
                    checked.add(number)
                elif outcome.cause is not SkipCause.CHOICE or outcome.code in file.not_run:
                    met.add(number)
    uses = []
    for place, file in enumerate(files):
        of_file = []
        for granted in file.settings.waivers:
            expired = granted.waiver.is_expired(today)
            number, places = granted.number, applies[granted.number]
            idle = number in checked - met and not expired and places[0] == place
            of_file.append(WaiverUse(granted, expired, len(places) if idle else 0))
        uses.append(tuple(of_file))
    return uses
