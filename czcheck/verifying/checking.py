"""Check one file: facts to rules to report, level by level."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from czcheck.limits import Limits
from czcheck.report.report import FileReport
from czcheck.rules.declaring import Level
from czcheck.runtime.source import WorkerSource
from czcheck.specification import SpecModel, open_checked
from czcheck.verifying.gathering import facts_of, looked_at
from czcheck.verifying.judging import outcomes_of, report_of
from czcheck.verifying.planning import FileToCheck
from czcheck.verifying.running import FileRun, Recording

if TYPE_CHECKING:
    from czcheck.cache.verdicts import Verdicts
    from czcheck.progress import FileProgress


def check_file(
    file: FileToCheck,
    limits: Limits,
    source: WorkerSource,
    recording: Recording,
    progress: FileProgress | None = None,
    verdicts: Verdicts | None = None,
) -> FileReport:
    """Check one file. Rules about the configuration run later, when all files are known.

    Args:
        file: The file and what it is checked by.
        limits: Limits on everything that is read.
        source: Where processes come from.
        recording: What to store of the run.
        progress: Called after each tile.
        verdicts: The verdicts of earlier runs; None for none.
    """
    settings, options = file.settings, file.settings.options
    with open_checked(file.path, limits) as model:
        key = None
        if verdicts is not None and options.level is Level.RUN and not isinstance(model, SpecModel):
            key = verdicts.key(model.path, model.sha256, settings)
        if verdicts is not None and key is not None and (found := verdicts.get(key)) is not None:
            return report_of(model, settings, found.outcomes, found.looked_at, found.checked)
        with FileRun(model, options, file.baseline, source, recording, progress) as run:
            if options.level is Level.RUN:
                run.start_early()
            facts = facts_of(model, options, run)
            outcomes = outcomes_of(model, settings, facts)
            examined = looked_at(model, options.level, facts)
            if verdicts is not None and key is not None and model.is_unchanged():
                verdicts.put(key, outcomes, examined, facts.known("run"))
            report = report_of(model, settings, outcomes, examined)
            if recording.preview_side is not None:
                from czcheck.report.inspection import as_far_as_read  # noqa: PLC0415

                report = dataclasses.replace(
                    report,
                    inspection=as_far_as_read(model, options.level),
                    gallery=run.gallery([*report.findings, *report.waived]),
                )
            if written := run.write_evidence(report.findings):
                examined = {**examined, "evidence": written}
                report = dataclasses.replace(report, looked_at=examined)
            return report
