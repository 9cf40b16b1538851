"""Packages that only segmenting needs, checked before a network is loaded."""

from __future__ import annotations

from importlib.util import find_spec

from czcheck.errors import UsageError

_USES = {
    "cztile": "tiles are cut by the package cztile",
    "skimage": "objects are measured by the package scikit-image",
}


def need(*modules: str) -> None:
    """Check that packages of the extra for images are installed.

    Args:
        modules: `cztile`, `skimage`.

    Raises:
        UsageError: One is not.
    """
    for module in modules:
        if find_spec(module) is None:
            raise UsageError(
                f"{_USES[module]}, which is not installed; pip install 'czcheck[images]'"
            )
