"""The configuration of one call: found, read, and merged with what the caller gives."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.configuration.keys import WrongValueError, keys
from czcheck.configuration.settings import ConfigurationFile, Settings, effective_settings
from czcheck.errors import UsageError
from czcheck.rules.catalogue import catalogue
from czcheck.rules.declaring import release_rules
from czcheck.rules.plugins import no_such_rule

if TYPE_CHECKING:
    from czcheck.sources import Sources


# In one folder the first of them counts.
NAMES = ("czcheck.toml", "pyproject.toml")


def configuration_of_call(named: Path | None) -> ConfigurationFile | None:
    """The configuration that the user named, or that of the folder in which the user works.

    Args:
        named: The file that was named; None to look upwards from the working folder.

    Raises:
        UsageError: The file cannot be read, or holds what czcheck does not know.
    """
    if named is not None:
        return _read(named.parent.resolve() / named.name, named=True)
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = _in_folder(folder)
        if path is not None and (folder == here or _is_ours(path, here)):
            return _read(path, named=False)
    return None


def candidates() -> set[Path]:
    """All files that may be read to find the configuration of the working folder."""
    here = Path.cwd()
    paths = (folder / name for folder in (here, *here.parents) for name in NAMES)
    return {path for path in paths if path.is_file()}


def _in_folder(folder: Path) -> Path | None:
    for name in NAMES:
        path = folder / name
        if path.is_file():
            from czcheck.configuration.reading import says_something  # noqa: PLC0415

            if says_something(path):
                return path
    return None


def _read(path: Path, *, named: bool) -> ConfigurationFile | None:
    from czcheck.configuration.reading import read_configuration  # noqa: PLC0415 - if there is one

    return read_configuration(path, named=named)


def _is_ours(path: Path, here: Path) -> bool:
    """Whether a file above the working folder belongs to whom that folder belongs.

    Anybody can leave a file in `/tmp`, above folders of others.
    """
    if os.name != "posix":
        return True
    owners = {0, os.geteuid(), here.stat().st_uid}
    return path.stat().st_uid in owners


ALONE = ("level", "select", "ignore", "fail-on", "target", "allow-op")
"""Keys whose values name themselves in what is wrong with them."""


class Configuration:
    """The configurations of one call.

    Attributes:
        call: The effective settings of the call as a whole.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        config: str | Path | None = None,
        profile: str | None = None,
        *,
        find: bool = False,
        releases: bool = False,
    ) -> None:
        """Read the configuration of the call.

        Args:
            given: What the caller gives, by the names of the keys; None for what was not given.
            config: The configuration file; None for none, or for the one that is found.
            profile: A profile to put above it.
            find: Whether to look for a configuration from the working folder upwards, unless
                `config` names one.
            releases: Whether two releases are compared: the caller's `select` and `ignore` name
                rules on those then, and rules on one file otherwise. A configuration may name both.

        Raises:
            UsageError: A value is wrong, or a configuration.
        """
        self._given = read_values(given)
        for code in (*self._given.get("select", ()), *self._given.get("ignore", ())):
            _check_family(getattr(code, "code", code), releases=releases)
        self._profile = profile
        self._finds = find and config is None
        self._file: ConfigurationFile | None = None
        if config is not None or find:
            self._file = configuration_of_call(None if config is None else Path(config))
        self.call = effective_settings(self._given, self._file, profile)

    def of(self, path: Path) -> Settings:
        """The effective settings of a file."""
        if self._file is None or not self._file.depends_on_the_path:
            return self.call
        return effective_settings(self._given, self._file, self._profile, path=path)

    def add_sources(self, sources: Sources, paths: Iterable[Path]) -> None:
        """Add what the configuration makes a call read, itself included."""
        if self._finds:
            for found in candidates():
                sources.file(found, "a configuration file")
        for settings in (self.call, *map(self.of, paths)):
            if settings.file is not None:
                sources.file(settings.file.path, "the configuration")
            for image in settings["tiles"]:
                sources.images(image, "a test tile's image")
            if settings["baseline"] is not None:
                sources.file(settings["baseline"], "the baseline")
            sources.program(settings["runtime"], "the interpreter of --runtime")


def _check_family(code: str, *, releases: bool) -> None:
    """Refuse a code of rules that the command does not check."""
    if any(each.startswith(code) for each in (release_rules() if releases else catalogue())):
        return
    if releases:
        raise UsageError(
            f"no rule on two releases begins with {code!r}; `czcheck rules CZ6` lists them"
        )

    raise no_such_rule(code)


def read_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a caller says, as settings.

    Args:
        given: Values by the names of the keys; None for what was not given.

    Raises:
        UsageError: A value is wrong.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        try:
            found[name] = keys()[name].read(value, Path())
        except WrongValueError as error:
            raise UsageError(str(error) if name in ALONE else f"{name} {error}") from None
    return found
