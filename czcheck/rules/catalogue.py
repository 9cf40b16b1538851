"""The catalogue of rules: the one source of codes, severities, texts and fixes.

A rule is a function whose parameters name the facts it reads (`archive`, `metadata`, `network`,
...) and which yields a `Found` for each fault. Its docstring is its page: title, then the sections

    Says:   template over the fields of a `Found`
    Why:    why it matters to somebody who uses the model
    Fix:    what to do
    Format: section of the format that the rule rests on
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any

from czcheck.rules.finding import Found, Severity


class Level(Enum):
    """How deep a file is read; each level includes the ones before it."""

    ARCHIVE = "archive"
    METADATA = "metadata"
    NETWORK = "network"
    RUN = "run"

    @property
    def depth(self) -> int:
        """Position in the order of levels, 0 for `archive`."""
        return list(Level).index(self)


Check = Callable[..., Iterable[Found]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule with everything that is ever said about it.

    Attributes:
        code: `CZ` and three digits; the first says how deep the file was read. Never reused.
        name: Short name, for people.
        severity: Severity of its findings.
        level: First level at which it is checked.
        needs: Names of the facts that the check reads.
        requires: Codes of rules that must have passed; otherwise this one is skipped.
        title: What is wrong, in one line.
        says: Template of the message, over the finding's fields.
        why: Why it matters.
        fix: What to do about it.
        source: Section of the format.
        check: The function that finds.
    """

    code: str
    name: str
    severity: Severity
    level: Level
    needs: tuple[str, ...]
    requires: tuple[str, ...]
    title: str
    says: str
    why: str
    fix: str
    source: str
    check: Check


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
    "memory",
    "border",
)

_CATALOGUE: dict[str, Rule] = {}
_SECTION = re.compile(r"^(Says|Why|Fix|Format):\s*", re.MULTILINE)


def rule(
    code: str, *, severity: Severity, level: Level, requires: Iterable[str] = ()
) -> Callable[[Check], Check]:
    """Enter a check into the catalogue.

    Args:
        code: The rule's code, `CZ` and three digits.
        severity: Severity of its findings.
        level: First level at which it is checked.
        requires: Codes of rules without which its answer would mean nothing.

    Returns:
        A decorator that leaves the function as it is.
    """

    def enter(check: Check) -> Check:
        title, sections = _read_docstring(code, check.__doc__ or "")
        if code in _CATALOGUE:
            raise ValueError(f"rule code {code} is used twice")
        variables = check.__code__.co_varnames[: check.__code__.co_argcount]
        _CATALOGUE[code] = Rule(
            code=code,
            name=check.__name__.replace("_", "-"),
            severity=severity,
            level=level,
            needs=tuple(variables),
            requires=tuple(requires),
            title=title,
            says=sections["Says"],
            why=sections["Why"],
            fix=sections["Fix"],
            source=sections["Format"],
            check=check,
        )
        return check

    return enter


def _read_docstring(code: str, text: str) -> tuple[str, dict[str, str]]:
    """Split a check's docstring into its title and its sections, white space folded."""
    title, *parts = _SECTION.split("\n".join(line.strip() for line in text.splitlines()))
    sections = {
        name: " ".join(body.split()) for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
    missing = [name for name in ("Says", "Why", "Fix", "Format") if not sections.get(name)]
    if missing or not title.strip():
        raise ValueError(f"rule {code} lacks {', '.join(missing) or 'a title'} in its docstring")
    return " ".join(title.split()).rstrip("."), sections


@cache
def catalogue() -> Mapping[str, Rule]:
    """All rules by code, in the order of their codes."""
    for family in FAMILIES:
        importlib.import_module(f"czcheck.rules.{family}")
    return MappingProxyType(dict(sorted(_CATALOGUE.items())))


class UnknownRuleError(ValueError):
    """A code or prefix that selects no rule."""


def matching(prefixes: Iterable[str], rules: Mapping[str, Rule]) -> Iterator[str]:
    """Codes that start with one of the prefixes.

    Args:
        prefixes: Codes or their beginnings, such as `CZ2`; letter case does not matter.
        rules: The catalogue.

    Yields:
        Codes, in the order of the prefixes.

    Raises:
        UnknownRuleError: A prefix selects no rule; its argument is that prefix.
    """
    for prefix in prefixes:
        codes = [code for code in rules if code.startswith(prefix.upper())] if prefix else []
        if not codes:
            raise UnknownRuleError(prefix)
        yield from codes


def explain(found_rule: Rule) -> dict[str, Any]:
    """The rule as plain data, for JSON and for pages."""
    return {
        "code": found_rule.code,
        "name": found_rule.name,
        "severity": found_rule.severity.value,
        "level": found_rule.level.value,
        "requires": list(found_rule.requires),
        "title": found_rule.title,
        "why": found_rule.why,
        "fix": found_rule.fix,
        "format": found_rule.source,
    }
