"""CZ9xx: the tool itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, Severity

if TYPE_CHECKING:
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
