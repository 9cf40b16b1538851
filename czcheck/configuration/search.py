"""Finds the configuration that holds for a call, and those that lie beside files."""

from __future__ import annotations

import os
from pathlib import Path

from czcheck.configuration.layers import ConfigurationFile, Trust
from czcheck.configuration.reading import OWN, PYPROJECT, read_configuration, says_something
from czcheck.errors import UsageError


def configuration_of_call(named: Path | None) -> ConfigurationFile | None:
    """The configuration that the user named, or that of the folder in which the user works.

    Args:
        named: The file that was named; None to look upwards from the working folder.

    Raises:
        UsageError: The file cannot be read, or holds what czcheck does not know.
    """
    if named is not None:
        return read_configuration(named.parent.resolve() / named.name, Trust.NAMED)
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = _in_folder(folder)
        if path is not None and (folder == here or _is_ours(path, here)):
            return read_configuration(path, Trust.FOUND, needed=False)
    return None


class Beside:
    """Configurations that lie where the checked files lie, each read once."""

    def __init__(self) -> None:
        """Read nothing yet."""
        self._by_folder: dict[Path, ConfigurationFile | None] = {}

    def of(self, file: Path) -> ConfigurationFile | None:
        """The nearest configuration in the folder of a file or above.

        Args:
            file: The file.

        Returns:
            The configuration; None where there is none, or where the nearest lies in the folder in
            which the user works, or above it.

        Raises:
            UsageError: It cannot be read, or holds what czcheck does not know.
        """
        here = Path.cwd()
        outside = [here, *here.parents]
        nearest = file.parent.resolve()
        for folder in (nearest, *nearest.parents):
            if folder in outside:
                return None
            if folder not in self._by_folder:
                path = _in_folder(folder)
                self._by_folder[folder] = (
                    None if path is None else read_configuration(path, Trust.BESIDE, needed=False)
                )
            if (found := self._by_folder[folder]) is not None:
                return found
        return None


def _in_folder(folder: Path) -> Path | None:
    for name in (OWN, PYPROJECT):
        path = folder / name
        try:
            if says_something(path):
                return path
        except UsageError:
            if name == OWN:
                raise
            # Somebody else's broken file, which nobody can say is meant for czcheck.
            if b"czcheck" in _beginning(path):
                raise
    return None


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(1 << 20)
    except OSError:
        return b""


def _is_ours(path: Path, here: Path) -> bool:
    """Whether a file above the working folder belongs to whom that folder belongs.

    Anybody can leave a file in `/tmp`, above folders of others.
    """
    if os.name != "posix":
        return True
    owners = {0, os.geteuid(), here.stat().st_uid}
    return path.stat().st_uid in owners
