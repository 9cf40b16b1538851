"""The configuration in force as plain data."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

from czcheck.configuration.applying import is_expired, today
from czcheck.configuration.layers import Granted
from czcheck.configuration.merging import InForce
from czcheck.configuration.values import Ignored

# They change how the work is done, not what is checked.
_HOW_TO_WORK = ("jobs", "cache")


def of_report(force: InForce) -> dict[str, Any]:
    """What is in force, as a report holds it: see `schemas/report.schema.json`.

    Args:
        force: What is in force for a file.
    """
    return {
        "file": None if force.file is None else force.file.shown,
        "profile": force.profile,
        "level": force.level.value,
        "target": force["target"],
        "fail_on": force.fail_on.value,
        "changed": [
            {"key": name, "value": plain(said.value), "from": str(said.origin)}
            for name, said in force.changed.items()
            if name not in _HOW_TO_WORK
        ],
        "waivers": [_waiver(each) for each in force.waivers],
    }


def shown(force: InForce, path: Path | None) -> dict[str, Any]:
    """What is in force, all of it.

    Args:
        force: What is in force.
        path: The file for which it is; None for a call as a whole.

    Returns:
        Configuration file, profile, every setting with its origin, and waivers.
    """
    return {
        "path": None if path is None else str(path),
        "file": None if force.file is None else force.file.shown,
        "profile": force.profile,
        "settings": [
            {"key": name, "value": plain(said.value), "from": str(said.origin)}
            for name, said in force.settings.items()
        ],
        "waivers": [
            {**_waiver(each), "expired": is_expired(each.waiver, today())} for each in force.waivers
        ],
    }


def _waiver(granted: Granted) -> dict[str, Any]:
    waiver = granted.waiver
    return {
        "code": waiver.code,
        "reason": waiver.reason,
        "path": waiver.path,
        "expires": None if waiver.expires is None else waiver.expires.isoformat(),
        "line": granted.line,
    }


def plain(value: Any) -> Any:
    """A setting as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Ignored):
        return {"code": value.code, "reason": value.reason} if value.reason else value.code
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    return value
