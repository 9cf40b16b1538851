"""CZ9xx, further part: the configuration that the file was checked by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import ConfigurationPlace, Found, Severity

if TYPE_CHECKING:
    from czcheck.configuration.applying import Policy, WaiverUse


@rule("CZ910", severity=Severity.ERROR, level=Level.ARCHIVE)
def waivers_are_in_force(policy: Policy) -> Iterator[Found]:
    """A waiver has expired.

    Says: The waiver of {waived} ({reason}) held until {expires}.
    Why: Somebody accepted findings up to a day that is over. They count again, and the decision has
        to be made anew.
    Fix: Mend what was waived and remove the waiver, or give it a new reason and a new day.
    Format: none, this is about the configuration
    Example: The waiver of CZ416 (images are evenly bright) held until 2026-12-31.
    """
    for use in policy.waivers:
        if use.expired:
            yield _of(use, expires=str(use.granted.waiver.expires))


@rule("CZ911", severity=Severity.NOTE, level=Level.ARCHIVE)
def waivers_meet_something(policy: Policy) -> Iterator[Found]:
    """A waiver meets no finding.

    Says: The waiver of {waived} ({reason}) meets no finding in any of the files that it is meant
        for ({files}).
    Why: What it was made for is mended, or its code or path is wrong. Left in place, it hides the
        next finding of that kind.
    Fix: Remove the waiver, or correct it.
    Format: none, this is about the configuration
    Example: The waiver of CZ416 (images are evenly bright) meets no finding in any of the files
        that it is meant for (3).
    """
    for use in policy.waivers:
        if use.idle:
            yield _of(use, files=use.idle)


def _of(use: WaiverUse, **fields: str | int) -> Found:
    granted = use.granted
    place = ConfigurationPlace(granted.file, f"waivers[{granted.number}]", granted.line)
    waiver = granted.waiver
    return Found(place, waived=waiver.code, reason=waiver.reason, path=waiver.path, **fields)
