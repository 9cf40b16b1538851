"""Check one file: facts to rules to report, level by level."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.limits import Limits
from czcheck.report.report import FileReport
from czcheck.rules.declaring import Level
from czcheck.runtime.source import WorkerSource
from czcheck.specification import SpecModel, open_checked
from czcheck.verifying.comparisons import Comparisons
from czcheck.verifying.gathering import facts_of, looked_at
from czcheck.verifying.judging import outcomes_of, report_of
from czcheck.verifying.planning import Plan
from czcheck.verifying.running import FileRun

if TYPE_CHECKING:
    from czcheck.cache.verdicts import Verdicts
    from czcheck.model import Model
    from czcheck.runtime.asking import Keep
    from czcheck.verifying.running import Progress


@dataclass(frozen=True, slots=True)
class Looking:
    """What is kept of a run beside its verdict.

    Attributes:
        evidence: Folder for what findings rest on; None to keep nothing.
        keep: Called with each tile and its answer; None for nobody.
        preview_side: Most pixels along a side of a picture of a tile; None to make none.
    """

    evidence: Path | None = None
    keep: Keep | None = None
    preview_side: int | None = None


def checked(
    plan: Plan,
    limits: Limits,
    source: WorkerSource,
    looking: Looking,
    progress: Progress | None = None,
    verdicts: Verdicts | None = None,
) -> FileReport:
    """Check one file, but for what there is to say of the configuration itself.

    Args:
        plan: The file and what is in force for it.
        limits: Limits on everything that is read.
        source: Where processes come from.
        looking: What is kept of the run.
        progress: Called after each tile.
        verdicts: Where verdicts are kept; None for nowhere.
    """
    force = plan.force
    with open_checked(plan.path, limits) as model:
        run = FileRun(model, force["tiles"], source, progress, force["allow-op"])
        run.thorough = force["thorough"]
        run.budgets = force.budgets
        run.tolerances = force.tolerances
        run.evidence = looking.evidence
        run.comparisons = Comparisons(
            model, force["runtime"], plan.golden, run.another, looking.keep, force.tolerances
        )
        run.preview_side = looking.preview_side
        try:
            return _verify_one(model, plan, run, verdicts)
        finally:
            run.close()


def _verify_one(model: Model, plan: Plan, run: FileRun, verdicts: Verdicts | None) -> FileReport:
    force = plan.force
    key = None
    if verdicts is not None and force.level is Level.RUN and not isinstance(model, SpecModel):
        key = verdicts.key(model.path, model.sha256, force)
    if verdicts is not None and key is not None and (kept := verdicts.get(key)) is not None:
        return report_of(model, force, kept.outcomes, kept.looked_at, kept.checked)
    if force.level is Level.RUN:
        run.start_early()
    facts = facts_of(
        model,
        force["target"],
        run.record,
        force["allow-op"],
        force.budgets,
        run.comparisons,
        force.tolerances,
    )
    outcomes = outcomes_of(model, force, facts)
    told = looked_at(model, force.level, run.done, run.comparisons)
    if verdicts is not None and key is not None and model.is_unchanged():
        verdicts.put(key, outcomes, told, run.done)
    report = report_of(model, force, outcomes, told)
    if run.preview_side is not None:
        from czcheck.report.inspection import as_far_as_read  # noqa: PLC0415

        report = dataclasses.replace(
            report,
            inspection=as_far_as_read(model, force.level),
            gallery=run.gallery([*report.findings, *report.waived]),
        )
    evidence = run.keep_evidence(report.findings)
    if not evidence:
        return report
    return dataclasses.replace(report, looked_at={**report.looked_at, "evidence": evidence})
