"""Facts to outcomes, and outcomes to the report on a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from czcheck.configuration.applying import POLICY, applied, today
from czcheck.configuration.settings import Settings
from czcheck.configuration.showing import of_report
from czcheck.report.report import FileReport
from czcheck.rules.catalogue import catalogue
from czcheck.rules.engine import Facts, Outcome, evaluate
from czcheck.rules.finding import Finding, JsonPlace, WholeFile, XmlPath
from czcheck.specification import SpecModel

if TYPE_CHECKING:
    from czcheck.model import Model


def outcomes_of(model: Model, settings: Settings, facts: Facts) -> tuple[Outcome, ...]:
    """How the rules end on a file, except for those about the configuration.

    Args:
        model: The opened archive.
        settings: Its effective settings.
        facts: What the rules read.

    Returns:
        Outcomes, before severities and waivers of the configuration.
    """
    rules = {code: rule for code, rule in catalogue().items() if POLICY not in rule.needs}
    options = settings.options
    chosen = options.chosen(catalogue())
    outcomes = evaluate(rules, facts, level=options.level, chosen=chosen)
    return _placed(model, tuple(outcomes))


def report_of(
    model: Model,
    settings: Settings,
    outcomes: tuple[Outcome, ...],
    looked_at: Mapping[str, Any],
    cached: str | None = None,
) -> FileReport:
    """The report on a file, with its effective severities and waivers.

    Args:
        model: The opened archive.
        settings: Its effective settings.
        outcomes: How the rules ended.
        looked_at: What the file holds and what was done with it; known once the rules have ended.
        cached: When the rules were checked, if that was in an earlier run.
    """
    return FileReport(
        path=str(model.path),
        size=model.path.stat().st_size,
        sha256=model.sha256,
        fail_on=settings.options.fail_on,
        outcomes=applied(outcomes, settings, today()),
        looked_at=looked_at,
        configuration=of_report(settings),
        cached=cached,
    )


def _placed(model: Model, outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """Outcomes with the places in the specification where rules name those in the metadata XML.

    Args:
        model: What is verified.
        outcomes: Outcomes of the rules.
    """
    if not isinstance(model, SpecModel):
        return outcomes

    def moved(finding: Finding) -> Finding:
        if not isinstance(finding.at, XmlPath):
            return finding
        place = model.place(finding.at.path)
        at = JsonPlace(place.path, place.line, place.column) if place.path else WholeFile()
        return dataclasses.replace(finding, at=at)

    return tuple(
        dataclasses.replace(outcome, findings=tuple(map(moved, outcome.findings)))
        for outcome in outcomes
    )
