"""The rules of this package, family by family."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from czcheck.rules.declaring import Rule, by_code, declared_here, is_on_releases

# Modules of this package that hold rules.
FAMILIES = (
    "container",
    "metadata",
    "network",
    "safety",
    "run",
    "behaviour",
    "cost",
    "comparison",
    "kernels",
    "border",
    "labelled",
    "tool",
)
# Those that hold rules on two releases of a model, CZ6xx: `czcheck diff` checks them.
RELEASE_FAMILIES = ("releases",)


def own_rules() -> Mapping[str, Rule]:
    """The rules of this package on one file by code, in the order of their codes."""
    return _ours(FAMILIES, releases=False)


@cache
def release_rules() -> Mapping[str, Rule]:
    """The rules on two releases of a model by code, in the order of their codes."""
    return MappingProxyType(_ours(RELEASE_FAMILIES, releases=True))


def _ours(families: Iterable[str], *, releases: bool) -> dict[str, Rule]:
    for family in families:
        importlib.import_module(f"{__package__}.{family}")
    return by_code(each for each in declared_here() if is_on_releases(each.code) is releases)
