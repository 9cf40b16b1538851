"""What is to be done with each file of a call."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck import runtime
from czcheck.configuration.calling import Configured, read_values
from czcheck.configuration.merging import InForce
from czcheck.images.folders import images_in
from czcheck.report.report import Options
from czcheck.rules.catalogue import catalogue
from czcheck.runtime.limits import DEFAULT_RUNNER_LIMITS, RunnerLimits, given_limits
from czcheck.sources import Sources

if TYPE_CHECKING:
    from czcheck.runtime.baseline import Baseline


@dataclass(frozen=True, slots=True)
class FilePlan:
    """One file and what is to be done with it.

    Attributes:
        path: The file.
        force: What is in force for it.
        chosen: Rules whose findings count.
        golden: The baseline; None for none.
    """

    path: Path
    force: InForce
    chosen: frozenset[str]
    golden: Baseline | None


def plan_of(path: Path, force: InForce) -> FilePlan:
    """What is to be done with a file.

    Args:
        path: The file.
        force: What is in force for it.

    Raises:
        UsageError: An image is not there, a folder holds none, or the baseline is none.
    """
    check_images(force["tiles"])
    golden = None
    if force["baseline"] is not None:
        golden = runtime.read_baseline(force["baseline"]).with_tolerances(force.tolerances)
    return FilePlan(path, force, chosen_rules(force), golden)


def sources_of(paths: Iterable[Path], configured: Configured, python: str | None = None) -> Sources:
    """All that checking some files reads.

    Args:
        paths: The files.
        configured: What is in force.
        python: Interpreter that runs the networks; None for this one.

    Raises:
        UsageError: A configuration beside one of them is wrong.
    """
    sources = Sources()
    paths = list(paths)
    for path in paths:
        sources.model(path)
    configured.add_sources(sources, paths)
    sources.program(python, "the interpreter that runs the network")
    return sources


def check_images(paths: Iterable[Path]) -> None:
    """See that there are images where some were named, before anything is run.

    Args:
        paths: Images, and folders of them.

    Raises:
        UsageError: One is not there, or a folder holds none.
    """
    for path in paths:
        images_in(path)


def chosen_rules(force: InForce, rules: Collection[str] | None = None) -> frozenset[str]:
    """Codes of the rules whose findings count.

    Args:
        force: What is in force. What it says of rules of another kind is no matter; where it
            selects none of this kind, all of them count.
        rules: Codes of the rules that there are; those on one file if left out.
    """
    known = catalogue() if rules is None else rules
    ignored = tuple(each.code for each in force["ignore"])
    chosen = {code for code in known if code.startswith(force["select"])}
    return frozenset(code for code in chosen or known if not code.startswith(ignored))


def options_of(force: InForce) -> Options:
    """What was asked for in a call as a whole.

    Args:
        force: What is in force for it.
    """
    return Options(
        force.level,
        force["target"],
        force.fail_on,
        force["select"],
        tuple(each.code for each in force["ignore"]),
        admitted(force["allow-op"]),
    )


def admitted(allow_op: Sequence[str]) -> tuple[str, ...]:
    """Operations that the user admits, each once.

    Args:
        allow_op: Their names.

    Raises:
        UsageError: A name is none that an operation in a file may have.
    """
    read: tuple[str, ...] = read_values({"allow-op": allow_op})["allow-op"]
    return tuple(dict.fromkeys(read))


def runner_limits_of(force: InForce) -> RunnerLimits:
    """Limits on the network's process.

    Args:
        force: What is in force for the call.
    """
    return given_limits(force["timeout"], force["memory"]) or DEFAULT_RUNNER_LIMITS
