"""The catalogue: all rules, our own and those of other packages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from czcheck.rules.declaring import Rule, by_code, docs_url, own_rules, release_rules
from czcheck.rules.plugins import plugins


@cache
def catalogue() -> Mapping[str, Rule]:
    """All rules on one file by code: our own in the order of their codes, then those of others.

    Raises:
        UsageError: The environment names an address of the documentation that is none.
    """
    docs_url()
    rules = dict(own_rules())
    for plugin in plugins():
        rules.update(by_code(plugin.rules))
    return MappingProxyType(rules)


WAIVERS = "waivers"
"""Fact of the rules about waivers. They run last, once all files of a call are checked."""


@cache
def rules_on_waivers() -> Mapping[str, Rule]:
    """The rules on one file that are about waivers, by code."""
    rules = {code: rule for code, rule in catalogue().items() if WAIVERS in rule.needs}
    return MappingProxyType(rules)


@cache
def every_rule() -> Mapping[str, Rule]:
    """All rules by code, on one file and on two releases: our own, then those of other packages.

    Raises:
        UsageError: As `catalogue`.
    """
    ours = {**own_rules(), **release_rules()}
    return MappingProxyType({**dict(sorted(ours.items())), **catalogue()})
