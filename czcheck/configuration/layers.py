"""What a configuration file holds: layers of settings, waivers, and where each was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from czcheck.rules.finding import GrantedWaiver


class Kind(Enum):
    """What a setting comes from."""

    DEFAULT = "default"
    PROFILE = "profile"
    FILE = "file"
    OVERRIDE = "override"
    COMMAND_LINE = "command line"


class Origin(NamedTuple):
    """Where a setting comes from.

    Attributes:
        kind: What it comes from.
        file: The configuration file, as it is shown; None for none.
        line: Line, from 1, where it is known.
        name: Name of the profile, or pattern of the override.
    """

    kind: Kind
    file: str | None = None
    line: int | None = None
    name: str = ""

    def __str__(self) -> str:
        place = self.file or ""
        if self.file is not None and self.line is not None:
            place = f"{self.file}:{self.line}"
        what = {
            Kind.PROFILE: f"profile {self.name}",
            Kind.OVERRIDE: f"override for {self.name}",
            Kind.FILE: "",
        }.get(self.kind, self.kind.value)
        return ", ".join(part for part in (what, place) if part)


class Setting(NamedTuple):
    """A setting as it was said somewhere.

    Attributes:
        value: The setting.
        origin: Where.
    """

    value: Any
    origin: Origin


Layer = Mapping[str, Setting]
"""Settings by the names of their keys."""


class Profile(NamedTuple):
    """Settings that go by a name.

    Attributes:
        name: The name.
        settings: Its own settings.
        extends: The profile that it builds on; None for none.
    """

    name: str
    settings: Layer
    extends: str | None = None


class Override(NamedTuple):
    """Settings for some files.

    Attributes:
        files: Pattern of the files.
        settings: The settings.
    """

    files: str
    settings: Layer


@dataclass(frozen=True, slots=True)
class ConfigurationFile:
    """A configuration file that was read.

    Attributes:
        path: The file.
        shown: The file, as it is shown.
        named: Whether the user named it; else it was found from the working folder upwards.
        settings: What it says of all files.
        profile: The profile that it builds on; None for none.
        profile_line: Line that says so.
        profiles: Its own profiles, by name.
        overrides: What it says of some files, in the order in which it says so.
        waivers: What it waives.
    """

    path: Path
    shown: str
    named: bool
    settings: Layer = field(default_factory=dict)
    profile: str | None = None
    profile_line: int | None = None
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    waivers: tuple[GrantedWaiver, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder to which its paths and patterns are relative."""
        return self.path.parent

    @property
    def depends_on_the_path(self) -> bool:
        """Whether it says of some files what it does not say of others."""
        return bool(self.overrides) or any(each.waiver.path for each in self.waivers)
