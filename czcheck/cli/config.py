"""`czcheck config`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from czcheck.cli import options
from czcheck.cli.groups import text_or_json
from czcheck.cli.printing import print_json, print_lines

if TYPE_CHECKING:
    from czcheck.text import Line


@click.command("config")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@options.policy
@options.configuration
@text_or_json
def command(
    path: Path | None,
    config: Path | None,
    profile: str | None,
    isolated: bool,
    form: str,
    **given: Any,
) -> int:
    """Print the effective configuration, and where each setting comes from.

    PATH is a file to be checked: overrides and waivers for that file are applied. The options are
    those of `czcheck verify` that a configuration can set as well.
    """
    from czcheck.configuration.configuration import Configuration
    from czcheck.configuration.showing import shown

    configured = Configuration(options.keyed(given), config, profile, find=not isolated)
    plain = shown(configured.call if path is None else configured.of(path), path)
    if form == "json":
        print_json(plain)
    else:
        print_lines(_lines(plain))
    return 0


# What an empty setting means; of the others, `none`.
_WITHOUT = {"select": "all"} | {
    f"tolerances.baseline-{name}": "the baseline's" for name in ("change", "agreement", "dice")
}


def _lines(plain: dict[str, Any]) -> Iterator[Line]:
    from czcheck.configuration.showing import value_text
    from czcheck.text import Line, printable

    whom = "" if plain["path"] is None else f" for {printable(plain['path'])}"
    file = "no configuration" if plain["file"] is None else printable(plain["file"])
    profile = "" if plain["profile"] is None else f", profile {printable(plain['profile'])}"
    yield Line(f"{file}{profile}, effective{whom}", "heading")
    rows = [
        (
            each["key"],
            _WITHOUT.get(each["key"], "none")
            if each["value"] in (None, [])
            else value_text(each["value"]),
            each["from"],
        )
        for each in plain["settings"]
    ]
    wide = [max(len(row[column]) for row in rows) for column in range(2)]
    for key, value, origin in rows:
        style = "counts" if origin == "default" else ""
        yield Line(f"  {key:<{wide[0]}}  {value:<{min(wide[1], 30)}}  {printable(origin)}", style)
    for each in plain["waivers"]:
        until = "" if each["expires"] is None else f" until {each['expires']}"
        files = "" if each["path"] is None else f" for {printable(each['path'])}"
        state = ", expired" if each["expired"] else ""
        text = f"  waiver of {each['code']}{files}{until}{state}: {printable(each['reason'])}"
        yield Line(text, "error" if each["expired"] else "")
