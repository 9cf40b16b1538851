"""The effective configuration as plain data, and on one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from czcheck.configuration.applying import today
from czcheck.configuration.keys import Ignored
from czcheck.configuration.settings import Settings
from czcheck.rules.finding import GrantedWaiver
from czcheck.text import count, printable

# They change how the work is done, not what is checked.
_HOW_TO_WORK = ("jobs", "cache")


def of_report(settings: Settings) -> dict[str, Any]:
    """The effective settings as a report contains them: see `schemas/report.schema.json`.

    Args:
        settings: The effective settings of a file.
    """
    return {
        "file": None if settings.file is None else settings.file.shown,
        "profile": settings.profile,
        "level": settings.options.level.value,
        "target": settings.options.target,
        "fail_on": settings.options.fail_on.value,
        "changed": [
            {"key": name, "value": plain(setting.value), "from": str(setting.origin)}
            for name, setting in settings.changed.items()
            if name not in _HOW_TO_WORK
        ],
        "waivers": [_waiver(each) for each in settings.waivers],
    }


def shown(settings: Settings, path: Path | None) -> dict[str, Any]:
    """The effective settings, all of them.

    Args:
        settings: The effective settings.
        path: The file for which it is; None for a call as a whole.

    Returns:
        Configuration file, profile, every setting with its origin, and waivers.
    """
    return {
        "path": None if path is None else str(path),
        "file": None if settings.file is None else settings.file.shown,
        "profile": settings.profile,
        "settings": [
            {"key": name, "value": plain(setting.value), "from": str(setting.origin)}
            for name, setting in settings.entries.items()
        ],
        "waivers": [
            {**_waiver(each), "expired": each.waiver.is_expired(today())}
            for each in settings.waivers
        ],
    }


def _waiver(granted: GrantedWaiver) -> dict[str, Any]:
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


def configuration_text(configuration: Mapping[str, Any]) -> str:
    """The configuration of a file on one line; empty if nothing was configured.

    Args:
        configuration: As in `FileReport.configuration`.
    """
    file, profile = configuration.get("file"), configuration.get("profile")
    configured = [
        each for each in configuration.get("changed", ()) if each["from"] != "command line"
    ]
    if file is None and profile is None and not configured:
        return ""
    parts = [file] if file is not None else []
    if profile is not None:
        parts.append(f"profile {profile}")
    text = ", ".join(parts)
    if configured:
        parts = [f"{each['key']} {value_text(each['value'])}" for each in configured]
        text += f": {', '.join(parts)}"
    if number := len(configuration.get("waivers", ())):
        text += f"; {count(number, 'waiver')}"
    return printable(text)


def value_text(value: Any) -> str:
    """The value of a setting, formatted."""
    if isinstance(value, list):
        return " and ".join(map(value_text, value)) or "none"
    if isinstance(value, dict):
        return f"{value['code']} ({value['reason']})"
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else json.dumps(value)
