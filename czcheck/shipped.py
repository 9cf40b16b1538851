"""Files that a package ships beside its code: schemas, lists."""

from __future__ import annotations

import pkgutil


def shipped(package: str, name: str) -> bytes:
    """One file, in whatever way the package is installed.

    `importlib.resources` does the same, but imports tempfile, zipfile and all that these need:
    a twentieth of what `verify --level network` costs.

    Args:
        package: Dotted name of the package.
        name: Name of the file in its folder.

    Raises:
        FileNotFoundError: The package does not ship it.
    """
    data = pkgutil.get_data(package, name)
    if data is None:
        raise FileNotFoundError(2, "cannot be read from its package", name)
    return data
