"""A waiver: somebody's decision, with its reason, to release a model in spite of a finding."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple


class Waiver(NamedTuple):
    """What is waived, why, where and until when.

    Attributes:
        code: Code of a rule, or the beginning of codes, such as `CZ4`.
        reason: Why the finding is accepted; never empty.
        path: Pattern of the files that it holds for; None for all.
        expires: Last day on which it holds; None for no end.
    """

    code: str
    reason: str
    path: str | None = None
    expires: date | None = None
