"""Rules: the catalogue, and one module for each family.

The names below are what a rule is written with, in this package and in others: see
`docs/how-to/own-rules.md`.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
