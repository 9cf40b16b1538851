"""Checks one file: its settings, facts to outcomes to report, level by level."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import czcheck.report
import czcheck.runtime
from czcheck.configuration.applying import applied, today
from czcheck.configuration.configuration import Configuration
from czcheck.configuration.settings import Settings
from czcheck.configuration.showing import of_report
from czcheck.images.folders import images_in
from czcheck.limits import Limits
from czcheck.report.report import FileReport
from czcheck.rules.catalogue import catalogue, rules_on_waivers
from czcheck.rules.declaring import Level
from czcheck.rules.engine import Facts, Outcome, evaluate
from czcheck.rules.finding import Finding, JsonPlace, WholeFile, XmlPath
from czcheck.runtime.source import WorkerSource
from czcheck.sources import Sources
from czcheck.specification import SpecModel, open_checked
from czcheck.verifying.gathering import examined, facts_of
from czcheck.verifying.running import FileRun, Recording

if TYPE_CHECKING:
    from czcheck.cache.verdicts import Verdicts
    from czcheck.model import Model
    from czcheck.progress import FileProgress
    from czcheck.report.examined import FileSummary
    from czcheck.runtime.baseline import Baseline


@dataclass(frozen=True, slots=True)
class FileToCheck:
    """One file with its settings and its baseline.

    Attributes:
        path: The file.
        settings: Its effective settings.
        baseline: The stored outputs to compare with; None for none.
    """

    path: Path
    settings: Settings
    baseline: Baseline | None


def file_to_check(path: Path, settings: Settings) -> FileToCheck:
    """One file with its settings and its baseline, after checking that its images exist.

    Raises:
        UsageError: An image does not exist, a folder has none, or the baseline is not one.
    """
    options = settings.options
    check_images(options.tiles)
    baseline = None
    if options.baseline is not None:
        baseline = czcheck.runtime.read_baseline(options.baseline).with_tolerances(
            options.tolerances
        )
    return FileToCheck(path, settings, baseline)


def sources_of(
    paths: Iterable[Path], configured: Configuration, python: str | None = None
) -> Sources:
    """All that checking some files reads.

    Args:
        paths: The files.
        configured: The configuration of the call.
        python: Interpreter that runs the networks; None for this one.
    """
    sources = Sources()
    paths = list(paths)
    for path in paths:
        sources.model(path)
    configured.add_sources(sources, paths)
    sources.program(python, "the interpreter that runs the network")
    return sources


def check_images(paths: Iterable[Path]) -> None:
    """Check that there are images where some were named, before anything is run.

    Args:
        paths: Images, and folders of them.

    Raises:
        UsageError: One does not exist, or a folder has none.
    """
    for path in paths:
        images_in(path)


def outcomes_of(model: Model, settings: Settings, facts: Facts) -> tuple[Outcome, ...]:
    """How the rules end on a file, except for those about the configuration.

    Args:
        model: The opened archive.
        settings: Its effective settings.
        facts: What the rules read.

    Returns:
        Outcomes, before severities and waivers of the configuration.
    """
    last = rules_on_waivers()
    rules = {code: rule for code, rule in catalogue().items() if code not in last}
    outcomes = evaluate(rules, facts, level=settings.options.level, chosen=settings.chosen)
    return _placed(model, tuple(outcomes))


def report_of(
    model: Model,
    settings: Settings,
    outcomes: tuple[Outcome, ...],
    examined: FileSummary,
    cached: str | None = None,
) -> FileReport:
    """The report on a file, with its effective severities and waivers.

    Args:
        model: The opened archive.
        settings: Its effective settings.
        outcomes: How the rules ended.
        examined: What was examined of it; known once the rules have ended.
        cached: When the rules were checked, if that was in an earlier run.
    """
    return FileReport(
        path=str(model.path),
        size=model.path.stat().st_size,
        sha256=model.sha256,
        fail_on=settings.options.fail_on,
        outcomes=applied(outcomes, settings, today()),
        examined=examined,
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
            return report_of(model, settings, found.outcomes, found.examined, found.checked)
        with FileRun(model, options, file.baseline, source, recording, progress) as run:
            if options.level is Level.RUN:
                run.start_early()
            facts = facts_of(model, options, run)
            outcomes = outcomes_of(model, settings, facts)
            found_in_file = examined(model, options.level, facts)
            if verdicts is not None and key is not None and model.is_unchanged():
                verdicts.put(key, outcomes, found_in_file, facts.known("run"))
            report = report_of(model, settings, outcomes, found_in_file)
            if recording.preview_side is not None:
                report = dataclasses.replace(
                    report,
                    inspection=czcheck.report.as_far_as_read(model, options.level),
                    gallery=run.gallery([*report.findings, *report.waived]),
                )
            if written := run.write_evidence(report.findings):
                found_in_file = found_in_file._replace(evidence=tuple(written))
                report = dataclasses.replace(report, examined=found_in_file)
            return report
