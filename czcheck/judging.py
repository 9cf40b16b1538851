"""Facts to outcomes, and outcomes to the report on a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from czcheck.configuration.applying import POLICY, applied, today
from czcheck.configuration.merging import InForce
from czcheck.configuration.showing import of_report
from czcheck.planning import chosen_rules
from czcheck.report.report import FileReport
from czcheck.rules.catalogue import catalogue
from czcheck.rules.engine import Facts, Outcome, evaluate
from czcheck.specification import placed

if TYPE_CHECKING:
    from czcheck.model import CzModel


def outcomes_of(model: CzModel, force: InForce, facts: Facts) -> tuple[Outcome, ...]:
    """How the rules end on a file, but for those about the configuration.

    Args:
        model: The opened archive.
        force: What is in force for it.
        facts: What the rules read.

    Returns:
        Outcomes, before severities and waivers of the configuration.
    """
    rules = {code: rule for code, rule in catalogue().items() if POLICY not in rule.needs}
    outcomes = evaluate(rules, facts, level=force.level, chosen=chosen_rules(force))
    return placed(model, tuple(outcomes))


def report_of(
    model: CzModel,
    force: InForce,
    outcomes: tuple[Outcome, ...],
    looked_at: Mapping[str, Any],
    cached: str | None = None,
) -> FileReport:
    """The report on a file, with the severities and waivers in force.

    Args:
        model: The opened archive.
        force: What is in force for it.
        outcomes: How the rules ended.
        looked_at: What the file holds and what was done with it; known once the rules have ended.
        cached: When the rules were checked, if that was in an earlier run.
    """
    return FileReport(
        path=str(model.path),
        size=model.path.stat().st_size,
        sha256=model.sha256,
        fail_on=force.fail_on,
        outcomes=applied(outcomes, force, today()),
        looked_at=looked_at,
        configuration=of_report(force),
        cached=cached,
    )
