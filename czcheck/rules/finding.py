"""Findings: what a rule found, where, how severe, and whether it is waived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias


class Waiver(NamedTuple):
    """What is waived, why, where and until when.

    Attributes:
        code: Code of a rule, or the beginning of codes, such as `CZ4`.
        reason: Why the finding is accepted; never empty.
        path: Pattern of the files that it holds for; None for all.
        expires: Last day on which it holds; None for no end.
    """

    code: str
    reason: str
    path: str | None = None
    expires: date | None = None

    def is_expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.expires is not None and self.expires < today


class GrantedWaiver(NamedTuple):
    """A waiver with the place where it is granted.

    Attributes:
        waiver: The waiver.
        file: The configuration file, as it is shown.
        number: Number of the waiver in the file, from 0.
        line: Line of its table, from 1, where it is known.
    """

    waiver: Waiver
    file: str
    number: int
    line: int | None = None


class WaiverUse(NamedTuple):
    """A waiver, and what came of it in a call.

    Attributes:
        granted: The waiver.
        expired: Whether its last day is over.
        idle: Number of files that it applies to, if it matched no finding in any of them though
            its rules were checked; else 0.
    """

    granted: GrantedWaiver
    expired: bool = False
    idle: int = 0


class Severity(Enum):
    """How much a finding matters. An error means that the model should not be released."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @cached_property
    def rank(self) -> int:
        """0 for an error; higher is milder."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class WholeFile:
    """The file as a whole."""

    def __str__(self) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class InMember:
    """A member of the archive.

    Attributes:
        member: Its name; `outer!/inner` for a member of the SavedModel's own archive.
    """

    member: str

    def __str__(self) -> str:
        return self.member


@dataclass(frozen=True, slots=True)
class XmlPath:
    """A place in the metadata XML.

    Attributes:
        path: XPath with positions, such as `/Model/TrainingClasses/Item[2]`.
        line: Line in the document, from 1, where it is known.
    """

    path: str
    line: int | None = None

    def __str__(self) -> str:
        return self.path if self.line is None else f"{self.path}, line {self.line}"


@dataclass(frozen=True, slots=True)
class JsonPlace:
    """A place in a JSON specification.

    Attributes:
        path: Key, or key and number of an item from 0, such as `Classes[1]`; empty for the text as
            a whole.
        line: Line, from 1, where it is known.
        column: Column, from 1, where it is known.
    """

    path: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        numbers = (("line", self.line), ("column", self.column))
        parts = [f"{what} {number}" for what, number in numbers if number is not None]
        return ", ".join([self.path, *parts] if self.path else parts)


@dataclass(frozen=True, slots=True)
class InGraph:
    """A node, tensor, function or variable of the network.

    Attributes:
        name: Its name in the graph.
        function: The function that holds it; None for the main graph.
    """

    name: str
    function: str | None = None

    def __str__(self) -> str:
        return self.name if self.function is None else f"{self.function}/{self.name}"


@dataclass(frozen=True, slots=True)
class TilePixel:
    """A pixel of the network's output for a test tile.

    Attributes:
        tile: Name of the tile, such as `nuclei` or `zeros`.
        row: Row from the top, from 0; None for the tile as a whole.
        column: Column from the left, from 0.
        channel: Output channel, from 0; None for all of them.
    """

    tile: str
    row: int | None = None
    column: int | None = None
    channel: int | None = None

    def __str__(self) -> str:
        place = f"tile {self.tile}"
        if self.row is not None:
            place += f", row {self.row}, column {self.column}"
        if self.channel is not None:
            place += f", channel {self.channel}"
        return place


@dataclass(frozen=True, slots=True)
class ConfigurationPlace:
    """A place in the configuration that the file was checked by.

    Attributes:
        file: The configuration file.
        key: Its key, such as `waivers[0]`; empty for the file as a whole.
        line: Line, from 1, where it is known.
    """

    file: str
    key: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}, {self.key}" if self.key else place


Location: TypeAlias = (
    WholeFile | InMember | XmlPath | JsonPlace | InGraph | TilePixel | ConfigurationPlace
)


class Found:
    """One fault as a check yields it: a place, and the fields that the rule's template names."""

    __slots__ = ("at", "fields")

    def __init__(self, at: Location | None = None, **fields: Any) -> None:
        """Keep place and fields.

        Args:
            at: Where; the whole file if left out.
            **fields: Values for the rule's `Says` template: str, int, float, bool, None, or
                tuples of them.
        """
        self.at: Location = at if at is not None else WholeFile()
        self.fields = fields


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, complete.

    Attributes:
        code: The rule's code.
        severity: Effective severity.
        at: Where it is.
        message: What is wrong, made from the rule's template and `fields`.
        fields: The values behind the message.
        waiver: Who accepts it and why; None where nobody does. A waived finding stays visible and
            fails no verdict.
    """

    code: str
    severity: Severity
    at: Location
    message: str
    fields: tuple[tuple[str, Any], ...]
    waiver: Waiver | None = None
