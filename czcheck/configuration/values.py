"""Reads single values of a configuration: of the right kind, or refused with what is wrong."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from czcheck.rules.catalogue import every_rule
from czcheck.rules.declaring import UnknownRuleError, matching
from czcheck.rules.finding import Severity
from czcheck.text import nearest

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
    """A suggestion to put behind a message; empty where no word is near.

    Args:
        word: What was written.
        words: What could have been meant.
    """
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
            told = f", not {value}" if abs(value) < _TELLING else ""
            raise WrongValueError(f"takes a whole number from {least} to {most}{told}")
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
        from czcheck.rules.plugins import no_such_rule  # noqa: PLC0415

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
