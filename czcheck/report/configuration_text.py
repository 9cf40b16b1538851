"""What a file was checked by, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from czcheck.text import count, printable


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
    """The value of a setting, formatted.

    Args:
        value: Plain data.
    """
    if isinstance(value, list):
        return " and ".join(map(value_text, value)) or "none"
    if isinstance(value, dict):
        return f"{value['code']} ({value['reason']})"
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else json.dumps(value)
