"""Options that several commands share."""

from __future__ import annotations

import click

allow_op = click.option(
    "--allow-op",
    multiple=True,
    metavar="NAME",
    help="Admit an operation that is not on the allowlist, and run it; repeatable.",
)
verify_or_not = click.option(
    "--verify/--no-verify", default=True, help="Verify the archive before it is put in place."
)
