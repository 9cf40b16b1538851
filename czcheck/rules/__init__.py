"""Rules: the catalogue, and one module for each family.

The names below are what a rule is written with, in this package and in others: see
`docs/how-to/own-rules.md`.
"""

from __future__ import annotations

from czcheck.rules.catalogue import Level, rule
from czcheck.rules.finding import (
    Found,
    InGraph,
    InMember,
    JsonPlace,
    Severity,
    TilePixel,
    WholeFile,
    XmlPath,
)

__all__ = [
    "Found",
    "InGraph",
    "InMember",
    "JsonPlace",
    "Level",
    "Severity",
    "TilePixel",
    "WholeFile",
    "XmlPath",
    "rule",
]
