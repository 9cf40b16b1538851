"""What a check has to do: one frozen object, made once at the door and handed on unchanged."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from czcheck.rules.declaring import Level
from czcheck.rules.finding import Severity
from czcheck.runtime.limits import DEFAULT_RUNNER_LIMITS, NO_BUDGETS, Budgets, RunnerLimits
from czcheck.tolerances import DEFAULT_TOLERANCES, Tolerances


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a check, typed, whatever file or command line they came from.

    Attributes:
        level: Deepest level to check.
        target: Runtime that the network has to work in: `tf-2.0.0` or `any`.
        fail_on: Mildest severity that fails the verdict.
        select: Codes or prefixes to check; empty for all.
        ignore: Codes or prefixes to leave out.
        allow_op: Operations to admit though they are not on the allowlist, each once.
        tiles: Images and folders of images to run beyond the built-in test tiles.
        thorough: Whether to load the network in a second process and compare the outputs.
        runtime: Another interpreter, whose outputs have to be the same; None for none.
        baseline: File of stored outputs to compare with; None for none.
        budgets: What the network may cost.
        tolerances: How far outputs may differ.
        runner_limits: Limits on the network's process.
        jobs: Files to work on at a time, from 1.
        require_sandbox: Whether to run no network outside a sandbox.
        cache: Whether a stored verdict may be taken.
    """

    level: Level = Level.RUN
    target: str = "tf-2.0.0"
    fail_on: Severity = Severity.ERROR
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    allow_op: tuple[str, ...] = ()
    tiles: tuple[Path, ...] = ()
    thorough: bool = False
    runtime: str | None = None
    baseline: Path | None = None
    budgets: Budgets = NO_BUDGETS
    tolerances: Tolerances = DEFAULT_TOLERANCES
    runner_limits: RunnerLimits = DEFAULT_RUNNER_LIMITS
    jobs: int = 1
    require_sandbox: bool = False
    cache: bool = True

    def chosen(self, codes: Collection[str]) -> frozenset[str]:
        """Codes of the rules whose findings count.

        Args:
            codes: Codes of the rules that there are. Where `select` names none of them, because it
                names rules of another kind, all of them count.
        """
        chosen = {code for code in codes if code.startswith(self.select)}
        return frozenset(code for code in chosen or codes if not code.startswith(self.ignore))
