"""Finds the configuration that holds for a call, and those that lie beside files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from czcheck.configuration.layers import ConfigurationFile, Trust
from czcheck.configuration.reading import read_configuration, says_something

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
        return _read(named.parent.resolve() / named.name, Trust.NAMED)
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = _in_folder(folder)
        if path is not None and (folder == here or _is_ours(path, here)):
            return _read(path, Trust.FOUND)
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
                self._by_folder[folder] = None if path is None else _read(path, Trust.BESIDE)
            if (found := self._by_folder[folder]) is not None:
                return found
        return None


def looked_at(files: Iterable[Path]) -> set[Path]:
    """All files that may be read to find out whether they are configurations.

    Args:
        files: The checked files.
    """
    starts = [Path.cwd(), *(each.parent.resolve() for each in files)]
    folders = {folder for start in starts for folder in (start, *start.parents)}
    return {folder / name for folder in folders for name in NAMES if (folder / name).is_file()}


def _in_folder(folder: Path) -> Path | None:
    for name in NAMES:
        path = folder / name
        if path.is_file() and says_something(path):
            return path
    return None


def _read(path: Path, trust: Trust) -> ConfigurationFile | None:
    return read_configuration(path, trust, needed=trust is Trust.NAMED)


def _is_ours(path: Path, here: Path) -> bool:
    """Whether a file above the working folder belongs to whom that folder belongs.

    Anybody can leave a file in `/tmp`, above folders of others.
    """
    if os.name != "posix":
        return True
    owners = {0, os.geteuid(), here.stat().st_uid}
    return path.stat().st_uid in owners
