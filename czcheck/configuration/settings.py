"""The effective settings of a file or a call: defaults, profiles, the configuration, the caller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from czcheck.configuration.keys import key_named, keys, near
from czcheck.errors import UsageError
from czcheck.limits import GIB
from czcheck.options import Options
from czcheck.rules.catalogue import catalogue
from czcheck.rules.declaring import Level
from czcheck.rules.finding import GrantedWaiver, Severity
from czcheck.runtime.limits import DEFAULT_RUNNER_LIMITS, Budgets, given_limits
from czcheck.tolerances import Tolerances


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
    """A setting and where it was made.

    Attributes:
        value: The setting.
        origin: Where.
    """

    value: Any
    origin: Origin


Layer = Mapping[str, Setting]
"""Settings by the names of their keys."""


class Profile(NamedTuple):
    """Settings under a name.

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
        """Whether its settings or waivers differ from file to file."""
        return bool(self.overrides) or any(each.waiver.path for each in self.waivers)


def matches(pattern: str, file: Path, folder: Path) -> bool:
    """Whether a file is one that a pattern is for.

    Args:
        pattern: The pattern: `*.czmodel` at any depth, `legacy/*.czmodel` in that folder alone,
            `legacy/` everything below.
        file: The file.
        folder: The folder to which the pattern is relative. A file that lies elsewhere is matched
            by patterns of names alone.
    """
    absolute = file.parent.resolve() / file.name
    try:
        relative = absolute.relative_to(folder).as_posix()
    except ValueError:
        if "/" in pattern:
            return False
        relative = absolute.name
    found: bool = _compiled(pattern).match_file(relative)
    return found


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    import pathspec  # noqa: PLC0415 - only where there are patterns

    return pathspec.GitIgnoreSpec.from_lines([pattern])


def _built_in(name: str, **settings: object) -> Profile:
    origin = Origin(Kind.PROFILE, name=name)
    return Profile(
        name, {key.replace("_", "-"): Setting(value, origin) for key, value in settings.items()}
    )


BUILT_IN: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        _built_in("release", level=Level.RUN, fail_on=Severity.WARNING, thorough=True),
        _built_in("quick", level=Level.NETWORK),
    )
}


def layers_of(name: str, own: Mapping[str, Profile], where: str) -> Iterator[Layer]:
    """The layers of a profile, the one that it builds on first.

    Args:
        name: Name of the profile.
        own: Profiles of the configuration file.
        where: What names it, for errors.

    Yields:
        Settings; later ones count.

    Raises:
        UsageError: There is no such profile, or profiles build on each other in a circle.
    """
    chain: list[Profile] = []
    next_name: str | None = name
    while next_name is not None:
        if any(profile.name == next_name for profile in chain):
            names = " -> ".join([*(profile.name for profile in chain), next_name])
            raise UsageError(f"{where}: profiles extend each other in a circle: {names}")
        profile = own.get(next_name) or BUILT_IN.get(next_name)
        if profile is None:
            there = [*BUILT_IN, *own]
            raise UsageError(
                f"{where}: there is no profile {next_name!r}; choose from: {', '.join(there)}"
                f"{near(next_name, there)}"
            )
        chain.append(profile)
        next_name = profile.extends
    for profile in reversed(chain):
        yield profile.settings


_DEFAULT = Origin(Kind.DEFAULT)


@dataclass(frozen=True)
class Settings:
    """The effective settings of one file, or of a call as a whole.

    Attributes:
        entries: Every setting by the name of its key, and where it comes from; of severities,
            those that were set.
        file: The configuration file; None for none.
        profile: The profile; None for none.
        waivers: The waivers that apply to the file, expired ones included.
    """

    entries: Mapping[str, Setting]
    file: ConfigurationFile | None = None
    profile: str | None = None
    waivers: tuple[GrantedWaiver, ...] = ()

    def __getitem__(self, key: str) -> Any:
        """The setting of a key."""
        return self.entries[key].value

    @cached_property
    def options(self) -> Options:
        """The settings as options of a check, typed."""
        tolerances = Tolerances.__dataclass_fields__
        memory = self["max-memory"]
        return Options(
            level=self["level"],
            target=self["target"],
            fail_on=self["fail-on"],
            select=self["select"],
            ignore=tuple(each.code for each in self["ignore"]),
            allow_op=tuple(dict.fromkeys(self["allow-op"])),
            tiles=self["tiles"],
            thorough=self["thorough"],
            runtime=self["runtime"],
            baseline=self["baseline"],
            budgets=Budgets(
                self["max-load-seconds"],
                self["max-tile-seconds"],
                None if memory is None else int(memory * GIB),
            ),
            tolerances=Tolerances(
                **{name: self[f"tolerances.{name.replace('_', '-')}"] for name in tolerances}
            ),
            runner_limits=given_limits(self["timeout"], self["memory"], self["backend"])
            or DEFAULT_RUNNER_LIMITS,
            jobs=self["jobs"],
            require_sandbox=self["require-sandbox"],
            cache=self["cache"],
        )

    @cached_property
    def chosen(self) -> frozenset[str]:
        """Codes of the rules on one file whose findings count."""
        return self.options.chosen(catalogue())

    @property
    def severities(self) -> dict[str, Severity]:
        """Severities that were set, by code."""
        return {
            name.partition(".")[2]: setting.value
            for name, setting in self.entries.items()
            if name.startswith("severity.")
        }

    @property
    def changed(self) -> dict[str, Setting]:
        """The settings that are not those of the default, by the names of their keys."""
        return {
            name: setting
            for name, setting in self.entries.items()
            if setting.value != key_named(name).default
        }


def effective_settings(
    given: Mapping[str, Any],
    configuration: ConfigurationFile | None = None,
    profile: str | None = None,
    *,
    path: Path | None = None,
) -> Settings:
    """The effective settings of a file.

    Later entries override earlier ones: the defaults; the profile that the configuration names;
    the configuration; the profile that the caller names; overrides for the file, in their order;
    what the caller says. A setting is replaced as a whole; of the tables `tolerances` and
    `severity`, each key by itself.

    Args:
        given: What the caller says, by the names of the keys; paths are relative to the working
            folder.
        configuration: The configuration of the call.
        profile: The profile that the caller names.
        path: The file; None for what holds for the call as a whole.

    Raises:
        UsageError: There is no such profile, or a configuration that nobody named lets something
            run.
    """
    by_caller = {
        name: Setting(value, Origin(Kind.COMMAND_LINE))
        for name, value in given.items()
        if value is not None
    }
    merged: dict[str, Setting] = {
        name: Setting(key.default, _DEFAULT) for name, key in keys().items()
    }
    for layer in _layers(configuration, profile, path):
        merged.update(layer)
    _refuse_to_run(merged, by_caller, configuration)
    merged.update(by_caller)
    waivers: tuple[GrantedWaiver, ...] = ()
    if configuration is not None:
        waivers = tuple(
            each
            for each in configuration.waivers
            if path is None
            or each.waiver.path is None
            or matches(each.waiver.path, path, configuration.folder)
        )
    named = profile or (None if configuration is None else configuration.profile)
    return Settings(merged, configuration, named, waivers)


def _layers(
    configuration: ConfigurationFile | None, profile: str | None, path: Path | None
) -> Iterator[Layer]:
    own = {} if configuration is None else configuration.profiles
    if configuration is not None:
        # A profile that the caller names stands in the place of the file's, and above its settings.
        if profile is None and configuration.profile is not None:
            line = configuration.profile_line
            where = configuration.shown + ("" if line is None else f", line {line}")
            yield from layers_of(configuration.profile, own, where)
        yield configuration.settings
    if profile is not None:
        yield from layers_of(profile, own, "--profile")
    if configuration is not None and path is not None:
        for override in configuration.overrides:
            if matches(override.files, path, configuration.folder):
                yield override.settings


def _refuse_to_run(
    merged: Mapping[str, Setting],
    by_caller: Mapping[str, Setting],
    configuration: ConfigurationFile | None,
) -> None:
    """Refuse settings of a configuration that was only found, not named, if they run something.

    Raises:
        UsageError: A configuration that was only found says so.
    """
    if configuration is None or configuration.named:
        return
    for name, key in keys().items():
        setting = merged[name]
        if key.named_only and name not in by_caller and setting.value != key.default:
            origin = setting.origin
            line = "" if origin.line is None else f", line {origin.line}"
            raise UsageError(
                f"{configuration.shown}{line}: `{name}` lets something run, so it counts only in a"
                f" configuration that you name; say --config {configuration.shown}, or --{name}"
            )
