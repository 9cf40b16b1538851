"""Rules of other packages: found by entry point, in the same form as our own.

A package names a module, or a function that returns its checks, in the group `czcheck.rules`. What
cannot be used is stored as a fault and reported by CZ901: a verdict without the rules that somebody
relies on must not look like one with them.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from czcheck.errors import UsageError
from czcheck.rules.declaring import RETIRED, Rule, by_code, declared, own_rules, release_rules
from czcheck.rules.engine import FACTS
from czcheck.text import nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "czcheck.rules"


class Plugin(NamedTuple):
    """What one entry point gave.

    Attributes:
        package: Name and version of the package, such as `acme-rules 1.2`.
        entry: The entry point, as the package declares it: `name = module:function`.
        rules: Its rules, in the order of their codes.
        fault: Why it cannot be used; empty where it can. It has no rules then.
    """

    package: str
    entry: str
    rules: tuple[Rule, ...] = ()
    fault: str = ""

    def __str__(self) -> str:
        return f"the package {self.package} cannot be used ({self.entry}): {self.fault}"


@cache
def plugins() -> tuple[Plugin, ...]:
    """What other packages add, by their names; those that cannot be used included."""
    if not _may_be_there():
        return ()
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow, and seldom needed

    found: list[Plugin] = []
    taken = dict.fromkeys(own_rules(), "czcheck")
    points = sorted(entry_points(group=GROUP), key=lambda point: (_package_of(point), point.name))
    for point in points:
        plugin = _load(point, taken)
        taken.update(dict.fromkeys((each.code for each in plugin.rules), plugin.package))
        found.append(plugin)
    return tuple(found)


def _may_be_there() -> bool:
    """Whether `importlib.metadata`, which takes longer than our own rules, is worth asking.

    It reads the same files as this; where packages may lie in another way (in a ZIP archive, or
    through an import hook), this is true.
    """
    hooks = (
        finder
        for finder in sys.meta_path
        if hasattr(finder, "find_distributions") and getattr(finder, "__name__", "") != "PathFinder"
    )
    if any(True for _ in hooks):
        return True
    for entry in dict.fromkeys(sys.path):
        folder = Path(entry or ".")
        if folder.is_file():
            return True
        if any(map(_declares_rules, _metadata_in(folder))):
            return True
    return False


def _metadata_in(folder: Path) -> list[Path]:
    """The metadata of the packages in a folder; `Path.glob` takes twice as long."""
    try:
        with os.scandir(folder) as entries:
            return [
                Path(each.path)
                for each in entries
                if each.name.endswith((".dist-info", ".egg-info"))
            ]
    except OSError:
        return []


def _declares_rules(metadata: Path) -> bool:
    try:
        return f"[{GROUP}]".encode() in (metadata / "entry_points.txt").read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _package_of(point: EntryPoint) -> str:
    package = point.dist
    return "?" if package is None else f"{package.name} {package.version}"


def _load(point: EntryPoint, taken: dict[str, str]) -> Plugin:
    package, entry = _package_of(point), f"{point.name} = {point.value}"
    try:
        loaded = point.load()
        rules = tuple(_rules_of(loaded, package))
        fault = next(_faults(rules, taken), "")
    # Whatever the package does when it is imported, the tool's own rules are there.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        fault = f"{type(error).__name__}: {error}"
    return Plugin(package, entry, fault=fault) if fault else Plugin(package, entry, rules)


def _rules_of(loaded: Any, package: str) -> Iterator[Rule]:
    """The rules that a module holds or that a function returns, with their package's name."""
    if isinstance(loaded, ModuleType):
        checks: Iterable[Any] = vars(loaded).values()
    elif callable(loaded):
        checks = loaded()
    else:
        raise TypeError("the entry point names neither a module nor a function")
    own = own_rules()
    for each in declared(dict.fromkeys(check for check in checks if callable(check))):
        if each is not own.get(each.code):
            yield dataclasses.replace(each, package=package)


def _faults(rules: tuple[Rule, ...], taken: dict[str, str]) -> Iterator[str]:
    """What is wrong with the rules of one entry point, first things first."""
    if not rules:
        yield "no function in it is decorated with czcheck.rules.rule"
    known = set(own_rules())
    for each in by_code(rules).values():
        if each.code in taken:
            yield f"rule {each.code}: the code is taken by {taken[each.code]}"
        for name in each.needs:
            if name not in FACTS:
                yield f"rule {each.code}: there is no fact {name!r}{_near(name, FACTS)}"
            elif FACTS[name].level.depth > each.level.depth:
                yield (
                    f"rule {each.code}: level {each.level.value} is too early for the fact"
                    f" {name!r}, which takes level {FACTS[name].level.value}"
                )
        for code in each.requires:
            if code not in known:
                yield f"rule {each.code}: it requires {code}, which is no rule that comes before"
        known.add(each.code)


def _near(name: str, names: Iterable[str]) -> str:
    near = nearest(name, names)
    return f", did you mean {near!r}?" if near else ""


def no_such_rule(prefix: str) -> UsageError:
    """The error to raise where a code or prefix selects no rule.

    Args:
        prefix: The code or prefix.
    """
    if (code := prefix.upper()) in RETIRED:
        return UsageError(f"{code} was {RETIRED[code]}; leave it out")
    message = f"no rule begins with {prefix!r}; `czcheck rules` lists them all"
    if prefix and any(code.startswith(prefix.upper()) for code in release_rules()):
        message = f"{prefix!r}: rules on two releases are checked by `czcheck diff`"
    return UsageError("; ".join([message, *map(str, unusable())]))


def unusable() -> tuple[Plugin, ...]:
    """The packages that cannot be used."""
    return tuple(plugin for plugin in plugins() if plugin.fault)
