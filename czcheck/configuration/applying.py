"""Applies severities and waivers to what rules found, and tells of waivers that do not fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

from czcheck.configuration.layers import GrantedWaiver
from czcheck.configuration.settings import Settings
from czcheck.rules.catalogue import catalogue
from czcheck.rules.engine import Facts, Outcome, SkipCause, Status, evaluate
from czcheck.rules.finding import Finding, Waiver

if TYPE_CHECKING:
    from czcheck.report.report import FileReport

POLICY = "policy"
"""Name of the fact that holds what a configuration says of a file beyond its settings. Rules that
read it are checked last, once all files of a call are."""


class WaiverUse(NamedTuple):
    """A waiver, and what came of it in a call.

    Attributes:
        granted: The waiver.
        expired: Whether its last day is over.
        idle: Number of files that it is meant for, if it met no finding in any of them though all
            its rules were checked; else 0.
    """

    granted: GrantedWaiver
    expired: bool = False
    idle: int = 0


class Policy(NamedTuple):
    """What a configuration says of a file beyond its settings; a fact.

    Attributes:
        waivers: The waivers that are meant for the file.
    """

    waivers: tuple[WaiverUse, ...] = ()


def applied(outcomes: Iterable[Outcome], settings: Settings, today: date) -> tuple[Outcome, ...]:
    """Outcomes with the effective severities and waivers.

    Args:
        outcomes: Outcomes as the rules ended.
        settings: The effective settings for the file.
        today: The day on which waivers have to hold.
    """
    severities = settings.severities
    valid = [each.waiver for each in settings.waivers if not is_expired(each.waiver, today)]

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
    """The day on which waivers have to hold, where the user is."""
    return datetime.now().astimezone().date()


def judge(
    reports: Sequence[FileReport], plans: Sequence[tuple[Settings, Collection[str]]]
) -> tuple[FileReport, ...]:
    """Reports with what there is to say of the configuration itself.

    Args:
        reports: One report for each file of a call, severities and waivers applied.
        plans: For each of them, what is in force and the codes of the rules that count.
    """
    rules = catalogue()
    last = {code: rule for code, rule in rules.items() if POLICY in rule.needs}
    ledger = Ledger(today())
    for number, (report, (settings, chosen)) in enumerate(zip(reports, plans, strict=True)):
        deeper = {
            code for code, rule in rules.items() if rule.level.depth > settings.options.level.depth
        }
        ledger.enter(number, settings, report.outcomes, deeper | (rules.keys() - set(chosen)))
    judged = []
    for number, (report, (settings, chosen)) in enumerate(zip(reports, plans, strict=True)):
        policy = ledger.policy(number, settings)
        said = evaluate(last, _facts(policy), level=settings.options.level, chosen=chosen)
        # A waiver of everything waives nothing of what is said about waivers.
        severities = dataclasses.replace(settings, waivers=())
        by_code = {each.code: each for each in report.outcomes}
        by_code |= {each.code: each for each in applied(said, severities, ledger.today)}
        outcomes = tuple(by_code[code] for code in rules if code in by_code)
        judged.append(dataclasses.replace(report, outcomes=outcomes))
    return tuple(judged)


def judge_releases(
    outcomes: Sequence[Outcome], settings: Settings, chosen: Collection[str]
) -> tuple[Outcome, ...]:
    """Outcomes of rules on two releases, with what there is to say of the configuration itself.

    Args:
        outcomes: How the rules ended, severities and waivers applied.
        settings: The effective settings for the second release.
        chosen: Codes of the rules about the configuration that count.

    Returns:
        The outcomes, and behind them those of the rules about the configuration.
    """
    from czcheck.rules.families import release_rules  # noqa: PLC0415

    # Waivers of findings on one file have their say in `czcheck verify`.
    ours = tuple(
        each
        for each in settings.waivers
        if any(code.startswith(each.waiver.code) for code in release_rules())
    )
    settings = dataclasses.replace(settings, waivers=ours)
    last = {code: rule for code, rule in catalogue().items() if POLICY in rule.needs}
    ledger = Ledger(today())
    ledger.enter(0, settings, outcomes, [])
    policy = ledger.policy(0, settings)
    said = evaluate(last, _facts(policy), level=settings.options.level, chosen=chosen)
    return (*outcomes, *applied(said, dataclasses.replace(settings, waivers=()), ledger.today))


def _facts(policy: Policy) -> Facts:
    return Facts({POLICY: lambda: policy})


def is_expired(waiver: Waiver, today: date) -> bool:
    """Whether a waiver's last day is over."""
    return waiver.expires is not None and waiver.expires < today


@dataclass
class Ledger:
    """What waivers met over all files of a call.

    Attributes:
        today: The day on which waivers have to hold.
        files: For each waiver, by its number, the files that it is meant for.
        met: Numbers of waivers that met a finding, or whose rules were not all checked.
        checked: Numbers of waivers of which a rule was checked.
    """

    today: date
    files: dict[int, list[int]] = field(default_factory=dict)
    met: set[int] = field(default_factory=set)
    checked: set[int] = field(default_factory=set)

    def enter(
        self,
        number: int,
        settings: Settings,
        outcomes: Sequence[Outcome],
        open_codes: Collection[str],
    ) -> None:
        """Keep what waivers met in a file.

        Args:
            number: The file's number in the call.
            settings: Its effective settings.
            outcomes: Outcomes of the rules.
            open_codes: Rules that were not to be checked: not selected, ignored, or too deep.
        """
        for granted in settings.waivers:
            self.files.setdefault(granted.number, []).append(number)
            for outcome in outcomes:
                if not outcome.code.startswith(granted.waiver.code):
                    continue
                if outcome.status is Status.PASSED:
                    self.checked.add(granted.number)
                elif outcome.cause is not SkipCause.CHOICE or outcome.code in open_codes:
                    self.met.add(granted.number)

    def policy(self, number: int, settings: Settings) -> Policy:
        """What there is to say of the waivers of a file, once all files are entered.

        A waiver that met nothing is told once, with the first file that it is meant for.

        Args:
            number: The file's number in the call.
            settings: Its effective settings.
        """
        uses = []
        for granted in settings.waivers:
            meant = self.files[granted.number]
            expired = is_expired(granted.waiver, self.today)
            idle = granted.number in self.checked - self.met and not expired
            told = idle and meant[0] == number
            uses.append(WaiverUse(granted, expired, len(meant) if told else 0))
        return Policy(tuple(uses))
