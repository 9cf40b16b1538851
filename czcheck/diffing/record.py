"""The outcome of a comparison of two releases, and the verdict that follows from it.

What writes it reads this record; `Diff` adds how it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from czcheck.report.record import Verdict, found_in, verdict_of

if TYPE_CHECKING:
    from czcheck.changes.metadata import FieldChange, MetadataChange
    from czcheck.changes.network import NetworkChange
    from czcheck.changes.outputs import OutputsChange, Picture
    from czcheck.changes.weights import WeightsChange
    from czcheck.network.reach import StaticCost
    from czcheck.rules.declaring import Level
    from czcheck.rules.engine import Outcome
    from czcheck.rules.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """The options of a comparison.

    Attributes:
        level: `network` compares without running, `run` runs both networks.
        fail_on: Mildest severity that fails the verdict.
        select: Codes or prefixes to check; empty for all.
        ignore: Codes or prefixes to leave out.
        allow_op: Operations admitted though they are not on the allowlist.
    """

    level: Level
    fail_on: Severity
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    allow_op: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why something could not be compared.

    Attributes:
        reason: The reason, as part of a sentence.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One of the two files.

    Attributes:
        path: The file, as the user named it.
        size: Its size in bytes.
        sha256: Its digest, in hexadecimal.
        parameters: Values in the network's weights; None where it cannot be read.
        cost: What a tile costs, by the graph; None where that is not known.
    """

    path: str
    size: int
    sha256: str
    parameters: int | None = None
    cost: StaticCost | None = None


@dataclass(frozen=True, slots=True)
class DiffRecord:
    """What changed between two releases, as data. `comparing.Diff` describes the fields."""

    tool_version: str
    options: DiffOptions
    before: ReleaseFile
    after: ReleaseFile
    members: tuple[FieldChange, ...] | Fault
    metadata: MetadataChange | Fault
    network: NetworkChange | Fault
    weights: WeightsChange | Fault
    outputs: OutputsChange | Fault
    outcomes: tuple[Outcome, ...]
    configuration: Mapping[str, Any] | None = None

    @property
    def same_file(self) -> bool:
        """Whether the two files are the same, byte for byte."""
        return self.before.sha256 == self.after.sha256

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings except the waived ones, errors first, then in the order of their codes."""
        return tuple(each for each in found_in(self.outcomes) if each.waiver is None)

    @property
    def waived(self) -> tuple[Finding, ...]:
        """The findings that a waiver accepts, in the same order; they fail no verdict."""
        return tuple(each for each in found_in(self.outcomes) if each.waiver is not None)

    @property
    def equal(self) -> bool | None:
        """Whether the outputs are the same; None if that is not known."""
        from czcheck.changes.outputs import OutputsChange  # noqa: PLC0415

        return self.outputs.equal if isinstance(self.outputs, OutputsChange) else None

    @property
    def drawing(self) -> Picture | None:
        """The tile on which both disagree most; None where no tile was compared."""
        from czcheck.changes.outputs import OutputsChange  # noqa: PLC0415

        return self.outputs.picture if isinstance(self.outputs, OutputsChange) else None

    @property
    def picture(self) -> bytes | None:
        """The same as one PNG: input, both class maps, where they differ."""
        return None if self.drawing is None else self.drawing.whole

    @property
    def verdict(self) -> Verdict:
        """Passed if the outputs are the same and no rule found anything that fails."""
        return verdict_of(self.findings, self.outcomes, self.options.fail_on)

    @property
    def exit_code(self) -> int:
        """The command line's exit code.

        0 where the outputs are the same; 1 where they are not, or something else was found that
        fails; 3 where not everything could be compared.
        """
        return self.verdict.exit_code
