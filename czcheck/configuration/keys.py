"""The keys of a configuration: what each holds, its default, and who may set it."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from czcheck import network
from czcheck.configuration import values
from czcheck.configuration.values import Read
from czcheck.limits import GIB
from czcheck.rules.catalogue import every_rule
from czcheck.rules.declaring import Level
from czcheck.rules.finding import Severity
from czcheck.runtime.limits import BACKENDS, DEFAULT_RUNNER_LIMITS
from czcheck.tolerances import DEFAULT_TOLERANCES, Tolerances


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
    read = values.choice("level", lambda: [each.value for each in Level])
    return value if isinstance(value, Level) else Level(read(value, folder))


def _positive() -> Read:
    return values.number(0, math.inf, above=True)


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
        values.choice("target", _targets),
        "tf-2.0.0",
        "Runtime that the network is held to; any switches this off.",
    ),
    Key(
        "fail-on",
        values.severity,
        Severity.ERROR,
        "Mildest severity that fails the verdict.",
    ),
    Key("select", values.many(values.codes), (), "Codes or prefixes to check; empty for all."),
    Key("ignore", values.many(values.ignored), (), "Codes or prefixes to leave out, with reasons."),
    Key(
        "allow-op",
        values.many(values.operation),
        (),
        "Operations to admit though they are not on the allowlist.",
        named_only=True,
    ),
    Key("tiles", values.many(values.path), (), "Images to run beside the built-in test tiles."),
    Key(
        "thorough",
        values.flag,
        False,
        "Whether to load the network in a second process as well.",
    ),
    Key(
        "runtime",
        values.program,
        None,
        "Another interpreter with TensorFlow, in which the answers have to be the same.",
        named_only=True,
    ),
    Key("baseline", values.path, None, "Golden answers, which the answers have to be."),
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
        values.choice("backend", lambda: BACKENDS),
        DEFAULT_RUNNER_LIMITS.backend,
        "How networks are run: through TensorFlow's C library where that can, or always in Python.",
        per_file=False,
    ),
    Key("jobs", values.count(1, 1024), 1, "Files to work on at a time.", per_file=False),
    Key(
        "require-sandbox",
        values.flag,
        False,
        "Whether to run no network that cannot be shut in.",
        per_file=False,
    ),
    Key(
        "cache",
        values.flag,
        True,
        "Whether the command may take a verdict from an earlier run where nothing has changed.",
        per_file=False,
    ),
)

_SHARES = ("label_agreement", "border_waste", "baseline_agreement", "baseline_dice")


def _tolerance(name: str, default: Any) -> Key:
    read = values.number(0, 1 if name in _SHARES else math.inf)
    if isinstance(default, int):
        read = values.count(0, 1 << 20)
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
    """The key that sets a rule's severity.

    Args:
        code: The rule's code.
    """
    return Key(
        f"severity.{code}",
        values.severity,
        every_rule()[code].severity,
        f"Severity of {code}.",
    )


def key_named(name: str) -> Key:
    """The key of a name, those of `severity` included."""
    table, _, code = name.partition(".")
    return severity_key(code) if table == "severity" else keys()[name]
