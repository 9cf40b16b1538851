"""Runs rules over facts: each ends as passed, failed, skipped (with the reason) or crashed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from czcheck.errors import IncompleteError, NotApplicableError, UnavailableError
from czcheck.rules.declaring import Level, Rule
from czcheck.rules.finding import Finding


class Fact(NamedTuple):
    """One fact.

    Attributes:
        level: First level at which a rule may read it.
        kind: Its type, as module and name.
        what: What it is, in one line.
    """

    level: Level
    kind: str
    what: str


_ARCHIVE, _METADATA, _NETWORK, _RUN = Level

# Where they come from: `czcheck.verifying.gathering.facts_of`.
FACTS: dict[str, Fact] = {
    "archive": Fact(_ARCHIVE, "czcheck.archive.reader.Archive", "members and their bytes"),
    "archives": Fact(
        _ARCHIVE,
        "czcheck.rules.container.Archives",
        "the archive and the payload's own, each with its name",
    ),
    "container": Fact(
        _ARCHIVE, "czcheck.archive.container.Container", "the roles of the members, and the ids"
    ),
    "payload": Fact(_ARCHIVE, "czcheck.archive.container.Payload", "the packed network"),
    "model_payload": Fact(
        _ARCHIVE, "czcheck.archive.container.Payload | None", "the same; None where there is none"
    ),
    "plugins": Fact(
        _ARCHIVE, "tuple[czcheck.rules.plugins.Plugin, ...]", "packages that add rules"
    ),
    "waivers": Fact(
        _ARCHIVE,
        "tuple[czcheck.rules.finding.WaiverUse, ...]",
        "waivers, and whether they match findings; such rules run last, when all files are known",
    ),
    "specification": Fact(
        _ARCHIVE, "czcheck.specification.Specification", "a JSON specification as it was read"
    ),
    "document": Fact(
        _METADATA, "czcheck.metadata.document.XmlDocument", "the Model XML as it was parsed"
    ),
    "metadata": Fact(
        _METADATA, "czcheck.ModelMetadata", "the content of the Model XML or the specification"
    ),
    "saved_model": Fact(
        _NETWORK, "czcheck.network.facts.Network", "the network, however large its graph is"
    ),
    "network": Fact(
        _NETWORK,
        "czcheck.network.facts.Network",
        "signature, operations, variables, shapes, reach",
    ),
    "safety": Fact(
        _NETWORK, "czcheck.network.safety.Safety", "findings of the scan before the run"
    ),
    "static_cost": Fact(
        _NETWORK, "czcheck.network.reach.StaticCost | None", "multiply-adds and memory of a tile"
    ),
    "kernel_faults": Fact(
        _NETWORK,
        "tuple[czcheck.network.kernels.KernelFault, ...]",
        "what the target's kernels refuse or compute differently",
    ),
    "allow_op": Fact(
        _NETWORK, "collections.abc.Collection[str]", "operations that the user allows"
    ),
    "target": Fact(
        _NETWORK, "czcheck.network.target.Target", "the runtime that the network has to load in"
    ),
    "run": Fact(_RUN, "czcheck.runtime.record.RunRecord", "measurements of the run on test tiles"),
    "borders": Fact(
        _RUN, "czcheck.runtime.record.RunRecord", "the same, where borders were measured"
    ),
    "budgets": Fact(_RUN, "czcheck.runtime.limits.Budgets", "what the network may cost"),
    "tolerances": Fact(_RUN, "czcheck.tolerances.Tolerances", "tolerances of the checks"),
    "elsewhere": Fact(
        _RUN, "czcheck.runtime.compare.RuntimeComparison", "the outputs of `--runtime`, compared"
    ),
    "evaluation": Fact(_RUN, "czcheck.figures.record.Evaluation", "the figures on labelled images"),
    "goals": Fact(_RUN, "czcheck.figures.record.Goals", "the goals for these figures"),
    "baseline": Fact(
        _RUN, "czcheck.runtime.baseline.BaselineComparison", "the outputs of `--baseline`, compared"
    ),
}


# A broken file can break a rule in a million places; a report names the first ones.
MAX_FINDINGS = 50


class Status(Enum):
    """How a rule ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CRASHED = "crashed"


class SkipCause(Enum):
    """Why a rule was skipped.

    `CHOICE`: the user requested that, or the rule does not apply in this file.
    `PREREQUISITE`: another rule failed or a fact is missing, so the outcome would mean nothing.
    `TOOL`: the tool could not do its work.
    """

    CHOICE = "choice"
    PREREQUISITE = "prerequisite"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one rule ended on one file.

    Attributes:
        code: The rule's code.
        status: How it ended.
        findings: What it found; empty unless it failed.
        cause: Why it was skipped; None unless it was.
        reason: The reason in words, for skipped and crashed rules.
        omitted: Findings beyond the first ones.
    """

    code: str
    status: Status
    findings: tuple[Finding, ...] = ()
    cause: SkipCause | None = None
    reason: str = ""
    omitted: int = 0


class Facts:
    """Facts by name, each worked out once, when the first rule reads it."""

    def __init__(
        self,
        sources: Mapping[str, Callable[[], Any]],
        not_requested: Mapping[str, str] | None = None,
        inapplicable: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the sources.

        Args:
            sources: For each name, a function that returns the fact or raises `UnavailableError`
                (the file does not yield it) or `IncompleteError` (the tool could not get it).
            not_requested: Facts that the user did not request, with the reason in words; rules that
                read one are skipped by choice.
            inapplicable: Codes of rules that say nothing about this kind of file, with the reason
                in words; they are skipped by choice, and do not keep others from being checked.
        """
        self.not_requested = not_requested or {}
        self.inapplicable = inapplicable or {}
        self._sources = sources
        self._known: dict[str, Any] = {}
        self._errors: dict[str, Exception] = {}

    def __getitem__(self, name: str) -> Any:
        """The fact.

        Raises:
            Exception: What its source raised.
        """
        if name in self._errors:
            raise self._errors[name]
        if name not in self._known:
            try:
                self._known[name] = self._sources[name]()
            except Exception as error:
                self._errors[name] = error
                raise
        return self._known[name]

    def known(self, name: str) -> Any:
        """A fact that a rule has read; None where none did, or where there is no such fact."""
        return self._known.get(name)


def evaluate(
    rules: Mapping[str, Rule],
    facts: Facts,
    *,
    level: Level,
    chosen: Collection[str],
) -> Iterator[Outcome]:
    """Run rules in the order of their codes.

    A rule that was not chosen is still run where a chosen one requires it, so that leaving one out
    does not switch others off; its findings are dropped.

    Args:
        rules: The catalogue.
        facts: What the rules read.
        level: Deepest level to check.
        chosen: Codes whose findings count.

    Yields:
        One outcome for each rule, in the order of their codes.
    """
    ended: dict[str, Outcome] = {}
    for code, rule in rules.items():
        if rule.level.depth > level.depth:
            reason = f"beyond level {level.value}"
            ended[code] = Outcome(code, Status.SKIPPED, cause=SkipCause.CHOICE, reason=reason)
        else:
            ended[code] = _run(rule, facts, ended)
        outcome = ended[code]
        if code not in chosen and outcome.cause is not SkipCause.CHOICE:
            outcome = Outcome(
                code, Status.SKIPPED, cause=SkipCause.CHOICE, reason="not selected, or ignored"
            )
        yield outcome


def _left_out(rule: Rule, facts: Facts, ended: Mapping[str, Outcome]) -> Outcome | None:
    """The outcome of a rule that is not to be checked; None for one that is."""
    if rule.code in facts.inapplicable:
        return _skipped(rule, SkipCause.CHOICE, facts.inapplicable[rule.code])
    for name in rule.needs:
        if name in facts.not_requested:
            return _skipped(rule, SkipCause.CHOICE, facts.not_requested[name])
    for code in rule.requires:
        if code in facts.inapplicable:
            continue
        before = ended[code]
        if before.status is Status.FAILED:
            return _skipped(rule, SkipCause.PREREQUISITE, f"{code} failed")
        if before.status is Status.CRASHED:
            return _skipped(rule, SkipCause.TOOL, f"{code} crashed")
        if before.status is Status.SKIPPED:
            return _skipped(rule, before.cause or SkipCause.PREREQUISITE, before.reason)
    return None


def _run(rule: Rule, facts: Facts, ended: Mapping[str, Outcome]) -> Outcome:
    if (outcome := _left_out(rule, facts, ended)) is not None:
        return outcome
    try:
        arguments = [facts[name] for name in rule.needs]
    except NotApplicableError as error:
        return _skipped(rule, SkipCause.CHOICE, str(error))
    except UnavailableError as error:
        return _skipped(rule, SkipCause.PREREQUISITE, str(error))
    except IncompleteError as error:
        return _skipped(rule, SkipCause.TOOL, str(error))
    except Exception as error:  # noqa: BLE001 - a fault of ours must end as "crashed", never as "fine"
        return _crashed(rule, error)
    try:
        found = list(rule.check(*arguments))
        findings = tuple(
            Finding(
                code=rule.code,
                severity=rule.severity,
                at=each.at,
                message=rule.says.format_map(each.fields),
                fields=tuple(each.fields.items()),
            )
            for each in found[:MAX_FINDINGS]
        )
    except Exception as error:  # noqa: BLE001 - as above
        return _crashed(rule, error)
    if findings:
        omitted = max(0, len(found) - MAX_FINDINGS)
        return Outcome(rule.code, Status.FAILED, findings, omitted=omitted)
    return Outcome(rule.code, Status.PASSED)


def _skipped(rule: Rule, cause: SkipCause, reason: str) -> Outcome:
    return Outcome(rule.code, Status.SKIPPED, cause=cause, reason=reason)


def _crashed(rule: Rule, error: Exception) -> Outcome:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = ""
    if trace is not None:
        name = trace.tb_frame.f_code.co_filename.replace("\\", "/").rsplit("/", 1)[-1]
        place = f" ({name}, line {trace.tb_lineno})"
    return Outcome(rule.code, Status.CRASHED, reason=f"{type(error).__name__}: {error}{place}")
