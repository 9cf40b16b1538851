"""The outcome of a comparison of two releases, and the verdict that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from czcheck.diffing.answers import AnswersChange
from czcheck.report.report import Verdict, found_in, verdict_of

if TYPE_CHECKING:
    from czcheck.diffing.metadata import FieldChange, MetadataChange
    from czcheck.diffing.network import NetworkChange
    from czcheck.diffing.picture import Picture
    from czcheck.diffing.weights import WeightsChange
    from czcheck.network.cost import StaticCost
    from czcheck.rules.catalogue import Level
    from czcheck.rules.engine import Outcome
    from czcheck.rules.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """What was asked for.

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
        cost: What a tile costs, by the graph; None where that cannot be told.
    """

    path: str
    size: int
    sha256: str
    parameters: int | None = None
    cost: StaticCost | None = None


@dataclass(frozen=True, slots=True)
class Diff:
    """What changed between two releases of a model.

    Attributes:
        tool_version: Version of czcheck.
        options: What was asked for.
        before: The first file.
        after: The second file.
        members: Members beside marker, metadata and payload that changed, with their digests; of
            an archive that cannot be read, the reason.
        metadata: What changed in the metadata, or why that is not known.
        network: What changed in the network, or why that is not known.
        weights: What changed in the weights, or why that is not known.
        answers: What changed in the answers, or why that is not known.
        outcomes: How each rule on two releases ended, in the order of their codes; where there is
            a configuration, the rules about that one as well.
        configuration: What they were compared by, as plain data; None for the defaults and what
            was asked for.
    """

    tool_version: str
    options: DiffOptions
    before: ReleaseFile
    after: ReleaseFile
    members: tuple[FieldChange, ...] | Fault
    metadata: MetadataChange | Fault
    network: NetworkChange | Fault
    weights: WeightsChange | Fault
    answers: AnswersChange | Fault
    outcomes: tuple[Outcome, ...]
    configuration: Mapping[str, Any] | None = None

    @property
    def same_file(self) -> bool:
        """Whether the two files are the same, byte for byte."""
        return self.before.sha256 == self.after.sha256

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings but the waived ones, errors first, then in the order of their codes."""
        return tuple(each for each in found_in(self.outcomes) if each.waiver is None)

    @property
    def waived(self) -> tuple[Finding, ...]:
        """The findings that a waiver accepts, in the same order; they fail no verdict."""
        return tuple(each for each in found_in(self.outcomes) if each.waiver is not None)

    @property
    def equal(self) -> bool | None:
        """Whether the answers are the same; None where that is not known."""
        return self.answers.equal if isinstance(self.answers, AnswersChange) else None

    @property
    def drawing(self) -> Picture | None:
        """The tile on which both disagree most; None where no tile was compared."""
        return self.answers.picture if isinstance(self.answers, AnswersChange) else None

    @property
    def picture(self) -> bytes | None:
        """The same as one PNG: input, both class maps, where they differ."""
        return None if self.drawing is None else self.drawing.whole

    @property
    def verdict(self) -> Verdict:
        """Passed where the answers are the same and no rule found anything that fails."""
        return verdict_of(self.findings, self.outcomes, self.options.fail_on)

    @property
    def exit_code(self) -> int:
        """The command line's exit code.

        0 where the answers are the same; 1 where they are not, or something else was found that
        fails; 3 where not everything could be compared.
        """
        return self.verdict.exit_code

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `schemas/diff.schema.json` describes it."""
        from czcheck.diffing.json_form import diff_to_json  # noqa: PLC0415

        return diff_to_json(self)

    def to_html(self) -> str:
        """A page of its own, that needs nothing from anywhere else."""
        from czcheck.diffing.html import diff_page  # noqa: PLC0415

        return diff_page(self)

    def __str__(self) -> str:
        from czcheck.diffing.text import diff_lines  # noqa: PLC0415

        return "\n".join(line.text for line in diff_lines(self))

    def _repr_html_(self) -> str:
        from czcheck.diffing.notebook import diff_html  # noqa: PLC0415

        return diff_html(self)
