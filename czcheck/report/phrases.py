"""Phrases that several formats use: counts, reasons and measurements in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from czcheck.limits import GIB
from czcheck.report.record import Verdict
from czcheck.rules.catalogue import every_rule
from czcheck.rules.engine import Outcome, SkipCause
from czcheck.rules.finding import Finding, Waiver
from czcheck.text import count, percent, printable, rounded_percent

if TYPE_CHECKING:
    from czcheck.report.examined import (
        BaselineSummary,
        BorderSummary,
        CostSummary,
        FileSummary,
        RuntimeSummary,
    )
    from czcheck.report.record import FileRecord, ReportRecord

# One fault can show in many places; beyond these, the number of the others is enough.
MAX_PLACES = 10


class Judged(Protocol):
    """What rules were run on: one file, or two releases."""

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """How each rule ended."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that count."""

    @property
    def waived(self) -> tuple[Finding, ...]:
        """Those that a waiver accepts."""


def waiver_text(waiver: Waiver) -> str:
    """Why a finding is accepted, and until when."""
    until = "" if waiver.expires is None else f" until {waiver.expires.isoformat()}"
    path = "" if waiver.path is None else f", for {printable(waiver.path)}"
    return f"waived{until} ({printable(waiver.code)}{path}): {printable(waiver.reason)}"


def further_text(findings: int, omitted: int, shown: int = MAX_PLACES) -> str:
    """How many findings of a rule there are beyond those that are shown; empty for none.

    Args:
        findings: Findings that the report holds.
        omitted: Findings beyond those.
        shown: Most findings that are shown.
    """
    further = max(0, findings - shown)
    if not further + omitted:
        return ""
    text = f"and {further + omitted} more"
    if further:
        text += f"; `--format json` names {f'the first {findings}' if omitted else 'them all'}"
    return text


def unchecked(judged: Judged, *, tool_only: bool = False) -> dict[str, list[str]]:
    """Codes of the rules that could not be checked, by reason; those left out by choice are not.

    Args:
        judged: What rules were run on.
        tool_only: Only those that the tool could not check, not those whose prerequisite failed.
    """
    causes = [SkipCause.TOOL] if tool_only else [SkipCause.PREREQUISITE, SkipCause.TOOL]
    groups: dict[str, list[str]] = {}
    for outcome in judged.outcomes:
        if outcome.cause in causes:
            groups.setdefault(outcome.reason, []).append(outcome.code)
    return groups


def unchecked_texts(judged: Judged) -> Iterator[str]:
    """What could not be checked, and why: a sentence for each reason.

    Args:
        judged: What rules were run on.
    """
    requested = sum(outcome.cause is not SkipCause.CHOICE for outcome in judged.outcomes)
    for reason, codes in unchecked(judged).items():
        if len(codes) == requested:
            yield f"nothing was checked, because {printable(reason)}"
        else:
            yield f"not checked, because {printable(reason)}: {ranges(codes)}"


def found_text(file: FileRecord) -> str:
    """Findings by severity, and those waived: `2 errors, 1 note, 1 waived`.

    Args:
        file: The report on one file.
    """
    parts = [count(number, name) for name, number in file.severities.items() if number]
    if file.waived:
        parts.append(f"{len(file.waived)} waived")
    return ", ".join(parts)


def ranges(codes: Iterable[str]) -> str:
    """Codes with neighbours drawn together: `CZ303-CZ306, CZ309`.

    Args:
        codes: Rule codes in order.
    """
    order = list(every_rule())
    runs: list[list[str]] = []
    for code in codes:
        if runs and order.index(code) == order.index(runs[-1][-1]) + 1:
            runs[-1].append(code)
        else:
            runs.append([code])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def tally(report: ReportRecord) -> list[str]:
    """Files by verdict, and waived findings where there are some: `1 passed`, `0 failed`, ...."""
    parts = [
        f"{sum(file.verdict is verdict for file in report.files)} {verdict.value}"
        for verdict in (Verdict.PASSED, Verdict.FAILED, Verdict.INCOMPLETE)
    ]
    if waived := sum(len(file.waived) for file in report.files):
        parts.append(f"{count(waived, 'finding')} waived")
    return parts


def examined_text(examined: FileSummary) -> str:
    """What was examined, in one sentence.

    Args:
        examined: As in `FileReport.examined`.
    """
    parts = []
    if examined.members is not None:
        parts.append(count(examined.members, "member"))
    if metadata := examined.metadata:
        classes = count(metadata.classes, "class", "classes")
        name = printable(metadata.name).strip() or "no name"
        parts.append(f"metadata {metadata.version} ({name}, {classes})")
    if network := examined.network:
        parts.append(
            f"network {network.input} -> {network.output}"
            f" ({network.parameters:,} parameters, saved by TensorFlow {network.tensorflow})"
        )
        if binary := network.binary:
            parts.append(f"p: {printable(binary.p)}, 1 - p: {printable(binary.rest)}")
    if run := examined.run:
        tiles = f"{count(run.tiles, 'tile')} in TensorFlow {run.tensorflow}"
        parts.append(f"{tiles} ({printable(backend_text(run.backend, run.backend_reason))})")
        parts.append(run.isolation)
        if run.runtime and run.runtime.tiles:
            parts.append(_compared(f"TensorFlow {run.runtime.tensorflow}", run.runtime))
        if run.baseline and run.baseline.tiles:
            parts.append(_compared(f"the baseline of {run.baseline.model_id}", run.baseline))
    if examined.left_to_build:
        parts.append(f"left to `czcheck build`: {examined.left_to_build}")
    return "; ".join(parts)


def backend_text(backend: str, reason: str | None) -> str:
    """How TensorFlow was reached, in words.

    Args:
        backend: `c` or `python`.
        reason: Why it is Python; None where that was requested or is the only way.
    """
    if backend == "c":
        return "C library"
    return "Python" if reason is None else f"Python: {reason}"


def _compared(other: str, found: RuntimeSummary | BaselineSummary) -> str:
    """What the outputs were compared with, and how far they differ."""
    return printable(
        f"compared with {other}: {percent(found.agreement or 0, 6)} of the labels are the same,"
        f" probabilities within {found.change:.2g}"
    )


def cost_text(cost: CostSummary) -> str:
    """What the run cost, on one short line.

    Args:
        cost: As in `FileReport.examined.run`.
    """
    parts = [f"loaded in {cost.load_seconds:.2f} s"]
    if cost.tile_seconds is None:
        parts.append(f"{cost.first_tile_seconds:.2f} s for the only tile")
    else:
        parts.append(
            f"{cost.tile_seconds:.3g} s per tile ({cost.megapixel_seconds:.3g} s per"
            f" megapixel, first tile {cost.first_tile_seconds:.2g} s)"
        )
    if cost.peak_bytes is not None:
        parts.append(f"{cost.peak_bytes / GIB:.2f} GiB peak memory")
    return ", ".join(parts)


def border_text(border: BorderSummary) -> str:
    """How far the border reaches, on one line.

    Args:
        border: As in `FileReport.examined.run`.
    """
    kinds = {
        "local": "",
        "global-input": "apart from whole-tile statistics, ",
        "global-inside": "the network uses the whole tile; ",
    }
    reaches = []
    for tolerance, *edges in border.distances:
        far = "to the middle" if None in edges else f"{max(each or 0 for each in edges)} px"
        reaches.append(f"{far} at {tolerance:g}")
    text = f"{kinds[border.kind]}reaches {', '.join(reaches)}; BorderSize {border.declared}"
    if border.recommended is None or border.recommended_cost is None:
        return f"{text}, and no border is large enough"
    cost = rounded_percent(border.recommended_cost)
    return f"{text}, recommended {border.recommended} ({cost} of each tile)"
