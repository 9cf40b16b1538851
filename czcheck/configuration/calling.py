"""What is in force in one call: as a whole, and for each file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.configuration.keys import keys
from czcheck.configuration.layers import ConfigurationFile
from czcheck.configuration.merging import InForce, in_force
from czcheck.configuration.search import Beside, configuration_of_call, looked_at
from czcheck.configuration.values import WrongValueError
from czcheck.errors import UsageError
from czcheck.rules.catalogue import catalogue, release_rules
from czcheck.rules.plugins import no_such_rule

if TYPE_CHECKING:
    from czcheck.sources import Sources

ALONE = ("level", "select", "ignore", "fail-on", "target", "allow-op")
"""Keys whose values name themselves in what is wrong with them."""


class Configured:
    """The configurations of one call.

    Attributes:
        call: What is in force for the call as a whole.
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
            given: What the caller says, by the names of the keys; None for what was not said.
            config: The configuration file; None for none, or for the one that is found.
            profile: A profile to put above it.
            find: Whether to look for configurations: upwards from the working folder, unless
                `config` names one, and beside the files.
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
        self._beside = None
        if config is not None or find:
            self._file = configuration_of_call(None if config is None else Path(config))
            self._beside = Beside() if config is None else None
        self.call = in_force(self._given, self._file, profile)

    def of(self, path: Path) -> InForce:
        """What is in force for a file.

        Args:
            path: The file.

        Raises:
            UsageError: A configuration beside it is wrong.
        """
        beside = None if self._beside is None else self._beside.of(path)
        if beside is None and (self._file is None or not self._file.depends_on_the_path):
            return self.call
        return in_force(self._given, self._file, self._profile, path=path, beside=beside)

    def add_sources(self, sources: Sources, paths: Iterable[Path]) -> None:
        """Add what the configuration makes a call read, itself included.

        Args:
            sources: What is read.
            paths: The checked files.

        Raises:
            UsageError: A configuration beside one of them is wrong.
        """
        paths = list(paths)
        if self._finds:
            for found in looked_at(paths):
                sources.file(found, "a configuration file")
        for force in (self.call, *map(self.of, paths)):
            if force.file is not None:
                sources.file(force.file.path, "the configuration")
            for image in force["tiles"]:
                sources.images(image, "a test tile's image")
            if force["baseline"] is not None:
                sources.file(force["baseline"], "the baseline")
            sources.program(force["runtime"], "the interpreter of --runtime")


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
        given: Values by the names of the keys; None for what was not said.

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
