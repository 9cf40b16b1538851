"""The keys of a configuration: what each holds, how it is read, its default, and who may set it."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from czcheck import network
from czcheck.limits import GIB
from czcheck.rules.catalogue import every_rule
from czcheck.rules.declaring import Level, UnknownRuleError, matching
from czcheck.rules.finding import Severity
from czcheck.rules.plugins import no_such_rule
from czcheck.runtime.limits import BACKENDS, DEFAULT_RUNNER_LIMITS
from czcheck.text import nearest
from czcheck.tolerances import DEFAULT_TOLERANCES, Tolerances

_TELLING = 10**18

Read = Callable[[Any, Path], Any]
"""Turns a TOML value into a setting; paths are relative to the folder. Raises `WrongValueError`."""


class WrongValueError(ValueError):
    """A value that the key does not take; its text says what it takes."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """Rules that are left out.

    Attributes:
        code: Code of a rule, or the beginning of codes.
        reason: Why; empty where nobody says.
    """

    code: str
    reason: str = ""


def near(word: str, words: Iterable[str]) -> str:
    """A suggestion to put behind a message; empty where no word is near."""
    found = nearest(word.replace("_", "-"), words)
    return f"; did you mean `{found}`?" if found else ""


def kind_of(value: Any) -> str:
    """A value's kind in TOML's words."""
    kinds = {bool: "a boolean", int: "a whole number", float: "a number", str: "a text"}
    kinds |= {list: "a list", dict: "a table"}
    return kinds.get(type(value), "a date or time")


def flag(value: Any, _folder: Path) -> bool:
    """`true` or `false`."""
    if not isinstance(value, bool):
        raise WrongValueError(f"takes true or false, not {kind_of(value)}")
    return value


def text(value: Any) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        what = "an empty text" if isinstance(value, str) else kind_of(value)
        raise WrongValueError(f"takes a text, not {what}")
    if "\0" in value:
        raise WrongValueError("takes a text without the character NUL")
    return value


def choice(what: str, choices: Callable[[], Collection[str]]) -> Read:
    """One of some words.

    Args:
        what: What the word is.
        choices: Yields the words.
    """

    def read(value: Any, _folder: Path) -> str:
        words = choices()
        if not isinstance(value, str):
            raise WrongValueError(f"takes {_one_of(words)}, not {kind_of(value)}")
        if value not in words:
            raise WrongValueError(
                f"{what} {value!r} is unknown; choose from: {', '.join(words)}{near(value, words)}"
            )
        return value

    return read


def _one_of(words: Collection[str]) -> str:
    return "one of " + ", ".join(f'"{word}"' for word in words)


def number(least: float, most: float, *, above: bool = False) -> Read:
    """A number within bounds.

    Args:
        least: The smallest.
        most: The largest.
        above: Whether it has to be above the smallest.
    """

    def read(value: Any, _folder: Path) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise WrongValueError(f"takes a number, not {kind_of(value)}")
        if abs(value) > sys.float_info.max:
            raise WrongValueError("takes a finite number")
        inside = least < value <= most if above else least <= value <= most
        if not inside:  # NaN is not, either
            bounds = f"above {least:g}" if above else f"from {least:g}"
            upto = "" if math.isinf(most) else f" and up to {most:g}"
            raise WrongValueError(f"takes a number {bounds}{upto}, not {value:g}")
        return float(value)

    return read


def count(least: int, most: int) -> Read:
    """A whole number within bounds."""

    def read(value: Any, _folder: Path) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise WrongValueError(f"takes a whole number, not {kind_of(value)}")
        if not least <= value <= most:
            instead = f", not {value}" if abs(value) < _TELLING else ""
            raise WrongValueError(f"takes a whole number from {least} to {most}{instead}")
        return value

    return read


def many(one: Callable[[Any, Path], Any]) -> Read:
    """A list, each item of which is read alike. A tuple comes from a caller in Python."""

    def read(value: Any, folder: Path) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            raise WrongValueError(f"takes a list, not {kind_of(value)}")
        return tuple(one(item, folder) for item in value)

    return read


def path(value: Any, folder: Path) -> Path:
    """A path, relative to the folder of the configuration."""
    if isinstance(value, Path):
        return folder / value
    return folder / text(value)


def program(value: Any, folder: Path) -> str:
    """A program: a name that is looked for on `PATH`, or a path relative to the folder."""
    name = text(value)
    return str(folder / name) if "/" in name or "\\" in name else name


def codes(value: Any, _folder: Path) -> str:
    """Code of a rule, or the beginning of codes: of rules on one file, or on two releases."""
    code = text(value).strip().upper()
    rules = every_rule()
    try:
        next(matching([code], rules))
    except UnknownRuleError:
        raise WrongValueError(f"{no_such_rule(value)}{near(code, rules)}") from None
    return code


def ignored(value: Any, folder: Path) -> Ignored:
    """A code, or a table of a code and the reason."""
    if isinstance(value, Ignored):
        return value
    if not isinstance(value, dict):
        return Ignored(codes(value, folder))
    for key in value:
        if key not in ("code", "reason"):
            raise WrongValueError(
                f"has the unknown key `{key}`; an item is a code, or a table of code and reason"
                f"{near(key, ('code', 'reason'))}"
            )
    if "code" not in value:
        raise WrongValueError("has an item without `code`")
    reason = text(value["reason"]) if "reason" in value else ""
    return Ignored(codes(value["code"], folder), reason)


def operation(value: Any, _folder: Path) -> str:
    """The name of an operation."""
    pattern = r"[A-Za-z][A-Za-z0-9_>.]{0,199}"
    if isinstance(value, str) and not re.fullmatch(pattern, value, re.ASCII):
        raise WrongValueError(f"{value!r} is no operation that can be admitted")
    return text(value)


def severity(value: Any, folder: Path) -> Severity:
    """A severity."""
    if isinstance(value, Severity):
        return value
    return Severity(choice("severity", lambda: [each.value for each in Severity])(value, folder))


class Key(NamedTuple):
    """One key.

    Attributes:
        name: Its name, with the name of its table: `fail-on`, `tolerances.sum`.
        read: Turns a TOML value into the setting.
        default: The setting where nobody gives one.
        what: What it holds, in one line.
        per_file: Whether it may differ from file to file. The others hold for a whole call.
        named_only: Whether only a file named with `--config` may set it, because it lets something
            run.
    """

    name: str
    read: Read
    default: Any
    what: str
    per_file: bool = True
    named_only: bool = False


def _targets() -> Collection[str]:
    return list(network.TARGETS)


def _level(value: Any, folder: Path) -> Level:
    read = choice("level", lambda: [each.value for each in Level])
    return value if isinstance(value, Level) else Level(read(value, folder))


def _positive() -> Read:
    return number(0, math.inf, above=True)


def _or_none(read: Read) -> Read:
    return lambda value, folder: None if value is None else read(value, folder)


_SETTINGS = (
    Key(
        "level",
        _level,
        Level.RUN,
        "How deep to check: archive, metadata, network or run.",
    ),
    Key(
        "target",
        choice("target", _targets),
        "tf-2.0.0",
        "Runtime that the network has to work in; any switches this off.",
    ),
    Key(
        "fail-on",
        severity,
        Severity.ERROR,
        "Mildest severity that fails the verdict.",
    ),
    Key("select", many(codes), (), "Codes or prefixes to check; empty for all."),
    Key("ignore", many(ignored), (), "Codes or prefixes to leave out, with reasons."),
    Key(
        "allow-op",
        many(operation),
        (),
        "Operations to admit though they are not on the allowlist.",
        named_only=True,
    ),
    Key("tiles", many(path), (), "Images to run with the built-in test tiles."),
    Key(
        "thorough",
        flag,
        False,
        "Whether to load the network in a second process as well.",
    ),
    Key(
        "runtime",
        program,
        None,
        "Another interpreter with TensorFlow, in which the outputs have to be the same.",
        named_only=True,
    ),
    Key("baseline", path, None, "Reference outputs, which the outputs have to match."),
    Key(
        "max-load-seconds",
        _positive(),
        None,
        "Budget for loading the network, in seconds.",
    ),
    Key(
        "max-tile-seconds",
        _positive(),
        None,
        "Budget for a tile, in seconds.",
    ),
    Key(
        "max-memory",
        _positive(),
        None,
        "Budget for the memory of the network's process, in GiB.",
    ),
    Key(
        "timeout",
        _positive(),
        DEFAULT_RUNNER_LIMITS.seconds_tile,
        "Most time for loading the network, and for each tile, in seconds.",
        per_file=False,
    ),
    Key(
        "memory",
        _positive(),
        DEFAULT_RUNNER_LIMITS.memory_bytes / GIB,
        "Most memory of the network's process, in GiB.",
        per_file=False,
    ),
    Key(
        "backend",
        choice("backend", lambda: BACKENDS),
        DEFAULT_RUNNER_LIMITS.backend,
        "How networks are run: through TensorFlow's C library where that can, or always in Python.",
        per_file=False,
    ),
    Key("jobs", count(1, 1024), 1, "Files to work on at a time.", per_file=False),
    Key(
        "require-sandbox",
        flag,
        False,
        "Whether to run no network that cannot be shut in.",
        per_file=False,
    ),
    Key(
        "cache",
        flag,
        True,
        "Whether the command may take a verdict from an earlier run where nothing has changed.",
        per_file=False,
    ),
)

_SHARES = ("label_agreement", "border_waste", "baseline_agreement", "baseline_dice")


def _tolerance(name: str, default: Any) -> Key:
    read = number(0, 1 if name in _SHARES else math.inf)
    if isinstance(default, int):
        read = count(0, 1 << 20)
    key = f"tolerances.{name.replace('_', '-')}"
    return Key(key, _or_none(read), default, _meanings().get(name, ""))


@cache
def _meanings() -> dict[str, str]:
    """What the record's own description says of each tolerance, in one line each."""
    described = (Tolerances.__doc__ or "").partition("Attributes:")[2]
    meanings: dict[str, str] = {}
    for line in described.splitlines():
        name, colon, rest = line.strip().partition(": ")
        if colon and name in Tolerances.__dataclass_fields__:
            current = name
            meanings[name] = rest
        elif line.strip():
            meanings[current] += f" {line.strip()}"
    return meanings


@cache
def keys() -> MappingProxyType[str, Key]:
    """All keys but those of `severity`, by name, in the order in which they are shown."""
    tolerances = (
        _tolerance(each.name, getattr(DEFAULT_TOLERANCES, each.name)) for each in fields(Tolerances)
    )
    return MappingProxyType({key.name: key for key in (*_SETTINGS, *tolerances)})


@cache
def severity_key(code: str) -> Key:
    """The key that sets a rule's severity."""
    return Key(
        f"severity.{code}",
        severity,
        every_rule()[code].severity,
        f"Severity of {code}.",
    )


def key_named(name: str) -> Key:
    """The key of a name, those of `severity` included."""
    table, _, code = name.partition(".")
    return severity_key(code) if table == "severity" else keys()[name]
