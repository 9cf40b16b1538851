"""What a rule is, and how it is declared: the one source of codes, severities, texts and fixes.

A rule is a function whose parameters name the facts it reads (`archive`, `metadata`, `network`,
...) and which yields a `Found` for each fault. Its docstring is its page: title, then the sections

    Says:   template over the fields of a `Found`
    Why:    why it matters to somebody who uses the model
    Fix:    what to do
    Format: section of the format that the rule rests on, as in `docs/format.md`
    Since:  version that brought the rule, where that is not the first one (optional)
    Example: a message, for a rule that no file alone can break (optional)

Packages of others add rules in the same way: `plugins.py`.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any

from czcheck.errors import UsageError
from czcheck.rules.finding import Found, Severity

PACKAGE = "czcheck"
# Codes of this package begin with CZ, and no others do.
PREFIX = "CZ"
CODE = re.compile(r"[A-Z]{2,10}[0-9]{3}", re.ASCII)
FIRST_VERSION = "0.1.0"
# Where the built documentation can be read, with a slash at the end. The project has no site of its
# own; whoever hosts one names it in the environment.
DOCS_URL: str | None = None
DOCS_VARIABLE = "CZCHECK_DOCS_URL"


class Level(Enum):
    """How deep a file is read; each level includes the ones before it."""

    ARCHIVE = "archive"
    METADATA = "metadata"
    NETWORK = "network"
    RUN = "run"

    @cached_property
    def depth(self) -> int:
        """Position in the order of levels, 0 for `archive`."""
        return list(Level).index(self)


Check = Callable[..., Iterable[Found]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule with all its texts.

    Attributes:
        code: `CZ` and three digits; the first says how deep the file was read. Never reused. Rules
            of other packages have letters of their own.
        name: Short name, for people.
        severity: Severity of its findings.
        level: First level at which it is checked.
        needs: Names of the facts that the check reads.
        requires: Codes of rules that must have passed; otherwise this one is skipped.
        title: What is wrong, in one line.
        says: Template of the message, over the finding's fields.
        why: Why it matters.
        fix: What to do about it.
        source: Section of the format; may be empty for rules of other packages.
        check: The function that finds.
        since: Version that brought it; empty where that is not known.
        example: A message, for a rule that no file alone can break; else empty.
        package: Name and version of the package that it comes from; `czcheck` for our own.
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
    since: str = FIRST_VERSION
    example: str = ""
    package: str = PACKAGE

    @property
    def command(self) -> str:
        """The command that explains it."""
        return f"czcheck rules {self.code}"

    @property
    def url(self) -> str | None:
        """Address of its page; None where nobody hosts the documentation that has it.

        Raises:
            UsageError: The environment names an address that is none.
        """
        base = docs_url()
        return f"{base}rules/{self.code}.html" if base and self.package == PACKAGE else None


def docs_url() -> str | None:
    """Address of the documentation, with a slash at the end; None where nobody hosts it.

    Raises:
        UsageError: The environment names an address that is none.
    """
    base = os.environ.get(DOCS_VARIABLE) or DOCS_URL
    if not base:
        return None
    if not re.fullmatch(r"(?:https?|file)://[^\s\"'<>?#]+", base):
        raise UsageError(f"{DOCS_VARIABLE} is no address of a site: {base!r}; give https://...")
    return base if base.endswith("/") else f"{base}/"


_RELEASES = "CZ6"
# Rules by the function that checks, in the order in which they were declared.
_DECLARED: dict[Check, Rule] = {}
_SECTION = re.compile(r"^(Says|Why|Fix|Format|Since|Example):\s*", re.MULTILINE)


def rule(
    code: str, *, severity: Severity, level: Level, requires: Iterable[str] = ()
) -> Callable[[Check], Check]:
    """Declare a rule.

    Args:
        code: The rule's code: `CZ` and three digits; two letters or more of its own and three
            digits for a rule of another package.
        severity: Severity of its findings.
        level: First level at which it is checked.
        requires: Codes of rules without which its outcome would mean nothing.

    Returns:
        A decorator that leaves the function as it is.

    Raises:
        ValueError: The code is none, or one of czcheck's own, or the docstring lacks a part.
    """
    if not CODE.fullmatch(code):
        raise ValueError(f"{code!r} is no code of a rule: capital letters and three digits")

    def enter(check: Check) -> Check:
        ours = code.startswith(PREFIX)
        if ours and not _is_ours(check):
            raise ValueError(f"rule {code}: codes that begin with {PREFIX} are czcheck's own")
        title, sections = _read_docstring(code, check.__doc__ or "")
        variables = check.__code__.co_varnames[: check.__code__.co_argcount]
        _DECLARED[check] = Rule(
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
            source=sections.get("Format", ""),
            check=check,
            since=sections.get("Since", FIRST_VERSION if ours else ""),
            example=sections.get("Example", ""),
        )
        return check

    return enter


def declared(checks: Iterable[Callable[..., Any]]) -> list[Rule]:
    """The rules among some objects, in the order of their codes.

    Args:
        checks: Functions that `rule` has decorated; whatever else is among them is left out.
    """
    return sorted(
        (_DECLARED[check] for check in checks if check in _DECLARED), key=lambda each: each.code
    )


def _read_docstring(code: str, text: str) -> tuple[str, dict[str, str]]:
    """Split a check's docstring into its title and its sections, white space folded."""
    title, *parts = _SECTION.split("\n".join(line.strip() for line in text.splitlines()))
    sections = {
        name: " ".join(body.split()) for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
    required = ("Says", "Why", "Fix", *(("Format",) if code.startswith(PREFIX) else ()))
    missing = [name for name in required if not sections.get(name)]
    if missing or not title.strip():
        raise ValueError(f"rule {code} lacks {', '.join(missing) or 'a title'} in its docstring")
    return " ".join(title.split()).rstrip("."), sections


def declared_here() -> Iterator[Rule]:
    """The rules of this package whose modules have been imported."""
    return (each for check, each in _DECLARED.items() if _is_ours(check))


def is_on_releases(code: str) -> bool:
    """Whether a rule looks at two releases of a model and not at one file."""
    return code.startswith(_RELEASES)


def _is_ours(check: Check) -> bool:
    return check.__module__.startswith(f"{__package__}.")


RETIRED = {
    "CZ912": "retired after 0.1.0: a configuration that lies next to a checked file counts for"
    " nothing; only the one of the working folder, or the one named with `--config`, does",
}
"""Codes that rules had once, with what became of them. They are never used again."""


def by_code(rules: Iterable[Rule]) -> dict[str, Rule]:
    """Rules by code, in the order of their codes.

    Raises:
        ValueError: Two of them have the same code, or one has a retired one.
    """
    sorted_rules: dict[str, Rule] = {}
    for each in sorted(rules, key=lambda each: each.code):
        if each.code in sorted_rules or each.code in RETIRED:
            raise ValueError(f"rule code {each.code} is used twice")
        sorted_rules[each.code] = each
    return sorted_rules


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
        "says": found_rule.says,
        "why": found_rule.why,
        "fix": found_rule.fix,
        "format": found_rule.source,
        "since": found_rule.since,
        "package": found_rule.package,
        "url": found_rule.url,
    }


# Modules of this package that hold rules.
FAMILIES = (
    "container",
    "metadata",
    "network",
    "operations",
    "safety",
    "run",
    "behaviour",
    "comparison",
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
