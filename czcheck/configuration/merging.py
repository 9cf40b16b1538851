"""Puts together what is in force: the one place that knows who is heard over whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from czcheck.configuration.keys import key_named, keys
from czcheck.configuration.layers import (
    ConfigurationFile,
    Granted,
    Kind,
    Layer,
    Origin,
    Said,
)
from czcheck.configuration.patterns import is_meant
from czcheck.configuration.profiles import layers_of
from czcheck.errors import UsageError
from czcheck.limits import GIB
from czcheck.rules.declaring import Level
from czcheck.rules.finding import Severity
from czcheck.runtime.limits import Budgets
from czcheck.tolerances import Tolerances

_DEFAULT = Origin(Kind.DEFAULT)


@dataclass(frozen=True)
class InForce:
    """What is in force for one file, or for a call as a whole.

    Attributes:
        settings: Every setting by the name of its key, and where it comes from; of severities,
            those that were set.
        file: The configuration file; None for none.
        profile: The profile; None for none.
        waivers: The waivers that are meant for the file, expired ones included.
    """

    settings: Mapping[str, Said]
    file: ConfigurationFile | None = None
    profile: str | None = None
    waivers: tuple[Granted, ...] = ()

    def __getitem__(self, key: str) -> Any:
        """The setting of a key."""
        return self.settings[key].value

    @property
    def level(self) -> Level:
        """Deepest level to check."""
        level: Level = self["level"]
        return level

    @property
    def fail_on(self) -> Severity:
        """Mildest severity that fails the verdict."""
        severity: Severity = self["fail-on"]
        return severity

    @property
    def budgets(self) -> Budgets:
        """What the network may cost."""
        memory = self["max-memory"]
        return Budgets(
            self["max-load-seconds"],
            self["max-tile-seconds"],
            None if memory is None else int(memory * GIB),
        )

    @property
    def tolerances(self) -> Tolerances:
        """How far answers may be off."""
        names = Tolerances.__dataclass_fields__
        return Tolerances(**{name: self[f"tolerances.{name.replace('_', '-')}"] for name in names})

    @property
    def severities(self) -> dict[str, Severity]:
        """Severities that were set, by code."""
        return {
            name.partition(".")[2]: said.value
            for name, said in self.settings.items()
            if name.startswith("severity.")
        }

    @property
    def changed(self) -> dict[str, Said]:
        """The settings that are not those of the default, by the names of their keys."""
        return {
            name: said
            for name, said in self.settings.items()
            if said.value != key_named(name).default
        }


def in_force(
    given: Mapping[str, Any],
    configuration: ConfigurationFile | None = None,
    profile: str | None = None,
    *,
    path: Path | None = None,
) -> InForce:
    """What is in force for a file.

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
    asked = {
        name: Said(value, Origin(Kind.COMMAND_LINE))
        for name, value in given.items()
        if value is not None
    }
    merged: dict[str, Said] = {name: Said(key.default, _DEFAULT) for name, key in keys().items()}
    for layer in _layers(configuration, profile, path):
        merged.update(layer)
    _refuse_to_run(merged, asked, configuration)
    merged.update(asked)
    waivers: tuple[Granted, ...] = ()
    if configuration is not None:
        waivers = tuple(
            each
            for each in configuration.waivers
            if path is None
            or each.waiver.path is None
            or is_meant(each.waiver.path, path, configuration.folder)
        )
    named = profile or (None if configuration is None else configuration.profile)
    return InForce(merged, configuration, named, waivers)


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
            if is_meant(override.files, path, configuration.folder):
                yield override.settings


def _refuse_to_run(
    merged: Mapping[str, Said], asked: Mapping[str, Said], configuration: ConfigurationFile | None
) -> None:
    """Let nothing run because of a file that nobody named.

    Raises:
        UsageError: A configuration that was only found says so.
    """
    if configuration is None or configuration.named:
        return
    for name, key in keys().items():
        said = merged[name]
        if key.named_only and name not in asked and said.value != key.default:
            origin = said.origin
            line = "" if origin.line is None else f", line {origin.line}"
            raise UsageError(
                f"{configuration.shown}{line}: `{name}` lets something run, so it counts only in a"
                f" configuration that you name; say --config {configuration.shown}, or --{name}"
            )
