"""CZ2xx, second part: the JSON specification from which a model is imported or built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, JsonPlace, Severity

if TYPE_CHECKING:
    from czcheck.specification import Specification


@rule("CZ220", severity=Severity.ERROR, level=Level.ARCHIVE)
def specification_is_sound(specification: Specification) -> Iterator[Found]:
    """The specification cannot be read, or has a wrong value.

    Says: The specification is wrong at {place} ({reason}).
    Why: ZEN's import reads the specification by these keys; with a wrong or missing one the import
        fails, or the model misbehaves.
    Fix: Correct the named place. `schemas/spec.schema.json` describes each key, and `czcheck init`
        writes a specification to start from.
    Format: 1.7, JSON specification
    """
    for fault in specification.faults:
        at = fault.at
        yield Found(
            JsonPlace(at.path, at.line, at.column),
            place=at.of(specification.name),
            reason=fault.reason,
            key=at.path,
            line=at.line,
            column=at.column,
        )
