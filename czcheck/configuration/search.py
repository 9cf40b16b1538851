"""Finds the configuration file of a call: the one named, or from the working folder upwards."""

from __future__ import annotations

import os
from pathlib import Path

from czcheck.configuration.layers import ConfigurationFile

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
