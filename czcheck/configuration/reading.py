"""Reads a configuration file: TOML to layers, or a usage error with file, line and key."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn

from czcheck.configuration.keys import (
    Key,
    WrongValueError,
    codes,
    keys,
    kind_of,
    near,
    severity,
    severity_key,
    text,
)
from czcheck.configuration.settings import (
    BUILT_IN,
    ConfigurationFile,
    Kind,
    Layer,
    Origin,
    Override,
    Profile,
    Setting,
)
from czcheck.errors import UsageError
from czcheck.limits import MIB
from czcheck.rules.catalogue import every_rule
from czcheck.rules.declaring import matching
from czcheck.rules.finding import GrantedWaiver, Waiver

_HEAD = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_\-.\s])+?)\s*=""")
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")

Place = tuple[str | int, ...]


def lines_of_keys(text: str) -> dict[Place, int]:
    """Lines of tables and keys, as far as they can be seen without reading values.

    Args:
        text: TOML.

    Returns:
        For each place - names of tables and keys, with the number from 0 of a table in an array -
        the line, from 1, on which it stands first.
    """
    found: dict[Place, int] = {}
    table: Place = ()
    seen: Counter[Place] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        if head := _HEAD.match(line):
            names = _names(head[2])
            table = _counted(names, seen)
            if head[1] == "[[":
                table = (*table, seen[names])
                seen[names] += 1
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_names(key[1])), number)
    return found


def _names(text: str) -> Place:
    return tuple("".join(part) for part in _PART.findall(text))


def _counted(names: Place, seen: Counter[Place]) -> Place:
    """A table's place; of arrays of tables that hold it, the last table."""
    place: Place = ()
    for end in range(1, len(names) + 1):
        place = (*place, names[end - 1])
        if end < len(names) and seen[names[:end]]:
            place = (*place, seen[names[:end]] - 1)
    return place


def line_of(place: Place, lines: dict[Place, int]) -> int | None:
    """The line of a place, or of the nearest thing around it.

    Args:
        place: Names and numbers, from the outside in.
        lines: What `lines_of_keys` found.
    """
    for end in range(len(place), 0, -1):
        if place[:end] in lines:
            return lines[place[:end]]
    return None


PYPROJECT = "pyproject.toml"
OWN = "czcheck.toml"
MAX_BYTES = 1 * MIB

_TABLES = ("tolerances", "severity")
_STRUCTURE = ("profile", "profiles", "overrides", "waivers")
_WAIVER = ("code", "reason", "path", "expires")


def read_configuration(path: Path, *, named: bool) -> ConfigurationFile | None:
    """Read a configuration file.

    Args:
        path: The file.
        named: Whether the user named it; a `pyproject.toml` without `[tool.czcheck]` is an error
            then.

    Returns:
        What it holds; None for a `pyproject.toml` that says nothing of czcheck.

    Raises:
        UsageError: It cannot be read, or holds what czcheck does not know.
    """
    shown = _shown(path)
    raw, data = _toml(_bytes(path, shown), shown)
    where: Place = ()
    if ("tool" in data and path.name != OWN) or path.name == PYPROJECT:
        where = ("tool", "czcheck")
        tool = data.get("tool", {})
        if not isinstance(tool, dict) or "czcheck" not in tool:
            if named:
                raise UsageError(f"{shown}: there is no table [tool.czcheck] in it")
            return None
        data = tool["czcheck"]
        if not isinstance(data, dict):
            raise UsageError(f"{shown}: tool.czcheck is {kind_of(data)}; it takes a table")
    return _Reader(path, shown, lines_of_keys(raw), where).read(data, named=named)


def says_something(path: Path) -> bool:
    """Whether a file is a configuration of czcheck.

    Args:
        path: A file; one that is not there says nothing.

    Raises:
        UsageError: It cannot be read.
    """
    if not path.is_file():
        return False
    shown = _shown(path)
    if path.name == OWN:
        return True
    data = _bytes(path, shown)
    # Most files are of other projects: not worth reading whole, and broken ones are no matter.
    if b"czcheck" not in data or not _may_hold_ours(data.decode("utf-8", "replace")):
        return False
    _, found = _toml(data, shown)
    tool = found.get("tool")
    return isinstance(tool, dict) and "czcheck" in tool


def _may_hold_ours(raw: str) -> bool:
    """Whether a `pyproject.toml` has a table that is ours, or one that may hold it."""
    return any(
        place in (("tool",), ("tool", "czcheck"))
        for place in {place[:2] for place in lines_of_keys(raw)}
    )


def _shown(path: Path) -> str:
    """A path as people read it: relative to where they are, if it lies there."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _bytes(path: Path, shown: str) -> bytes:
    try:
        if not path.is_file():
            raise UsageError(f"{shown}: no such configuration file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{shown}: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{shown}: larger than {MAX_BYTES // MIB} MiB; that is no configuration")
    return data


def _toml(data: bytes, shown: str) -> tuple[str, dict[str, Any]]:
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 - only where there is a configuration
    else:
        import tomli as tomllib  # noqa: PLC0415

    try:
        raw = data.decode("utf-8-sig")
        return raw, tomllib.loads(raw)
    except UnicodeDecodeError:
        raise UsageError(f"{shown}: not UTF-8, as TOML has to be") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{shown}: {error}") from None
    except ValueError:  # Python's own limit, which knows no line
        raise UsageError(f"{shown}: a whole number has too many digits") from None
    except RecursionError:
        raise UsageError(f"{shown}: nested too deep") from None


class _Reader:
    """Reads one file."""

    def __init__(self, path: Path, shown: str, lines: dict[Place, int], where: Place) -> None:
        self._path = path
        self._shown = shown
        self._lines = lines
        self._where = where

    def read(self, data: Mapping[str, Any], *, named: bool) -> ConfigurationFile:
        """Read it."""
        if self._where == () and "tool" in data:
            self._refuse(("tool",), f"in {OWN} keys stand at the top level, without [tool.czcheck]")
        rest = {key: value for key, value in data.items() if key not in _STRUCTURE}
        return ConfigurationFile(
            path=self._path,
            shown=self._shown,
            named=named,
            settings=self._settings(rest, (), Kind.FILE, also=_STRUCTURE),
            profile=self._text(data, "profile", ()),
            profile_line=self._line(("profile",)),
            profiles=self._profiles(data.get("profiles", {})),
            overrides=self._overrides(data.get("overrides", [])),
            waivers=self._waivers(data.get("waivers", [])),
        )

    def _line(self, place: Place) -> int | None:
        return self._lines.get((*self._where, *place))

    def _refuse(self, place: Place, what: str) -> NoReturn:
        line = line_of((*self._where, *place), self._lines)
        at = f", line {line}" if line is not None else ""
        raise UsageError(f"{self._shown}{at}: {_key(place)} {what}")

    def _text(self, data: Mapping[str, Any], key: str, place: Place) -> str | None:
        if key not in data:
            return None
        try:
            return text(data[key])
        except WrongValueError as error:
            self._refuse((*place, key), str(error))

    def _settings(
        self,
        data: Mapping[str, Any],
        place: Place,
        kind: Kind,
        *,
        name: str = "",
        also: Iterable[str] = (),
    ) -> Layer:
        """The settings of a table.

        Args:
            data: The table, without what is no setting.
            place: Where it stands.
            kind: What its settings come from.
            name: Name of the profile, or pattern of the override.
            also: Keys that are possible besides the settings.
        """
        layer: dict[str, Setting] = {}
        flat = [key for key in keys() if "." not in key]
        for key, value in data.items():
            here = (*place, key)
            if key in _TABLES:
                self._table(key, value, here)
                of_table = self._severities if key == "severity" else self._tolerances
                for full, found, at in of_table(value, here):
                    layer[full] = Setting(found, self._origin(kind, at, name))
                continue
            if key not in flat:
                self._refuse(here, f"is unknown{near(key, [*flat, *_TABLES, *also])}")
            if kind is Kind.OVERRIDE and not keys()[key].per_file:
                self._refuse(here, "holds for the whole call, not for single files")
            found = self._value(keys()[key], value, here)
            layer[key] = Setting(found, self._origin(kind, here, name))
        return layer

    def _origin(self, kind: Kind, place: Place, name: str) -> Origin:
        return Origin(kind, self._shown, line_of((*self._where, *place), self._lines), name)

    def _value(self, key: Key, value: Any, place: Place) -> Any:
        try:
            return key.read(value, self._path.parent)
        except WrongValueError as error:
            self._refuse(place, str(error))

    def _table(self, key: str, value: Any, place: Place) -> None:
        if not isinstance(value, dict):
            self._refuse(place, f"takes a table, [{key}], not {kind_of(value)}")

    def _tolerances(
        self, data: Mapping[str, Any], place: Place
    ) -> Iterable[tuple[str, Any, Place]]:
        names = [key.partition(".")[2] for key in keys() if key.startswith("tolerances.")]
        for name, value in data.items():
            here = (*place, name)
            if name not in names:
                self._refuse(here, f"is unknown{near(name, names)}")
            full = f"tolerances.{name}"
            yield full, self._value(keys()[full], value, here), here

    def _severities(
        self, data: Mapping[str, Any], place: Place
    ) -> Iterable[tuple[str, Any, Place]]:
        """One setting for each rule; of prefixes, the longest counts."""
        found: dict[str, tuple[int, Any, Place]] = {}
        for prefix, value in data.items():
            here = (*place, prefix)
            try:
                start, level = codes(prefix, self._path.parent), severity(value, self._path.parent)
            except WrongValueError as error:
                self._refuse(here, str(error))
            for code in matching([start], every_rule()):
                if code not in found or found[code][0] < len(start):
                    found[code] = (len(start), level, here)
        for code, (_, level, here) in found.items():
            yield severity_key(code).name, level, here

    def _profiles(self, data: Any) -> dict[str, Profile]:
        self._table("profiles.NAME", data, ("profiles",))
        profiles: dict[str, Profile] = {}
        for name, table in data.items():
            place = ("profiles", name)
            self._table(f"profiles.{name}", table, place)
            if name in BUILT_IN:
                self._refuse(
                    place,
                    "has the name of a profile that comes with czcheck; choose another name, and"
                    f' extends = "{name}" to build on that one',
                )
            rest = {key: value for key, value in table.items() if key != "extends"}
            settings = self._settings(rest, place, Kind.PROFILE, name=name, also=("extends",))
            profiles[name] = Profile(name, settings, self._text(table, "extends", place))
        return profiles

    def _tables(self, data: Any, key: str) -> list[Mapping[str, Any]]:
        if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
            self._refuse((key,), f"takes tables, each under its own [[{key}]]")
        return data

    def _overrides(self, data: Any) -> tuple[Override, ...]:
        overrides = []
        tables = self._tables(data, "overrides")
        for number, table in enumerate(tables):
            place = ("overrides", number)
            files = self._pattern(table, "files", place)
            if files is None:
                self._refuse(place, "says nothing of `files`, the pattern of files that it is for")
            rest = {key: value for key, value in table.items() if key != "files"}
            settings = self._settings(rest, place, Kind.OVERRIDE, name=files, also=("files",))
            overrides.append(Override(files, settings))
        return tuple(overrides)

    def _pattern(self, table: Mapping[str, Any], key: str, place: Place) -> str | None:
        pattern = self._text(table, key, place)
        if pattern is not None and pattern.lstrip().startswith(("!", "#")):
            self._refuse((*place, key), "is a pattern of files, which begins with neither ! nor #")
        return pattern

    def _waivers(self, data: Any) -> tuple[GrantedWaiver, ...]:
        return tuple(
            self._waiver(number, table)
            for number, table in enumerate(self._tables(data, "waivers"))
        )

    def _waiver(self, number: int, table: Mapping[str, Any]) -> GrantedWaiver:
        place = ("waivers", number)
        for key in table:
            if key not in _WAIVER:
                self._refuse((*place, key), f"is unknown{near(key, _WAIVER)}")
        for key, what in (
            ("code", "the rule whose findings are waived"),
            ("reason", "why they are waived"),
        ):
            if key not in table:
                self._refuse(place, f"says nothing of `{key}`, {what}")
        try:
            code = codes(table["code"], self._path.parent)
        except WrongValueError as error:
            self._refuse((*place, "code"), str(error))
        reason = self._text(table, "reason", place)
        assert reason is not None
        expires = table.get("expires")
        if expires is not None and (isinstance(expires, datetime) or not isinstance(expires, date)):
            self._refuse((*place, "expires"), "takes a date, such as 2027-01-31, without quotes")
        waiver = Waiver(code, reason, self._pattern(table, "path", place), expires)
        line = line_of((*self._where, *place), self._lines)
        return GrantedWaiver(waiver, self._shown, number, line)


def _key(place: Place) -> str:
    """A place as people write it: `overrides[0].fail-on`."""
    name = ""
    for part in place:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return f"`{name}`"
