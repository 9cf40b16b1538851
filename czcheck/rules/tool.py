"""CZ9xx: the tool itself, and the configuration that files were checked by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import ConfigurationPlace, Found, Severity

if TYPE_CHECKING:
    from czcheck.rules.finding import WaiverUse
    from czcheck.rules.plugins import Plugin


@rule("CZ901", severity=Severity.ERROR, level=Level.ARCHIVE)
def packages_of_rules_can_be_used(plugins: tuple[Plugin, ...]) -> Iterator[Found]:  # noqa: ARG001
    """A package of further rules cannot be used.

    Says: {reason}.
    Why: Somebody installed rules that a model has to pass, and none of them was checked. The
        verdict is incomplete for that reason; this says nothing against the model.
    Fix: Fix the package, or uninstall it. `--ignore CZ901` goes on without its rules.
    Format: none, this is about czcheck
    Example: not checked, because the package acme-rules 1.2 cannot be used (acme = acme_rules):
        rule CZ207: codes that begin with CZ are czcheck's own: CZ901
    """
    # The fact is not to be had where a package cannot be used, so that the rule is skipped.
    yield from ()


@rule("CZ910", severity=Severity.ERROR, level=Level.ARCHIVE)
def waivers_are_in_force(waivers: tuple[WaiverUse, ...]) -> Iterator[Found]:
    """A waiver has expired.

    Says: The waiver of {waived} ({reason}) was valid until {expires}.
    Why: Somebody accepted findings up to a day that has passed. They count again, and the decision
        has to be made again.
    Fix: Fix what was waived and remove the waiver, or give it a new reason and a new day.
    Format: none, this is about the configuration
    Example: The waiver of CZ416 (images are evenly bright) was valid until 2026-12-31.
    """
    for use in waivers:
        if use.expired:
            yield _of(use, expires=str(use.granted.waiver.expires))


@rule("CZ911", severity=Severity.NOTE, level=Level.ARCHIVE)
def waivers_meet_something(waivers: tuple[WaiverUse, ...]) -> Iterator[Found]:
    """A waiver matches no finding.

    Says: The waiver of {waived} ({reason}) matches no finding in any of the files that it applies
        to ({files}).
    Why: The problem is fixed, or the waiver's code or path is wrong. Left in place, it hides the
        next finding of that kind.
    Fix: Remove the waiver, or correct it.
    Format: none, this is about the configuration
    Example: The waiver of CZ416 (images are evenly bright) matches no finding in any of the files
        that it applies to (3).
    """
    for use in waivers:
        if use.idle:
            yield _of(use, files=use.idle)


def _of(use: WaiverUse, **fields: str | int) -> Found:
    granted = use.granted
    place = ConfigurationPlace(granted.file, f"waivers[{granted.number}]", granted.line)
    waiver = granted.waiver
    return Found(place, waived=waiver.code, reason=waiver.reason, path=waiver.path, **fields)
