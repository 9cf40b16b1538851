"""Attributes that a file may leave out, with their values."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from czcheck.shipped import shipped


@cache
def load_defaults() -> dict[str, dict[str, list[Any]]]:
    """For each operation that may run, the defaults of its attributes, in the form of `plain`."""
    data: dict[str, dict[str, list[Any]]] = json.loads(shipped("czcheck.network", "defaults.json"))
    return data
