"""`czcheck diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from czcheck.cli import options
from czcheck.cli.groups import CHECKED, REPORT, RUN, GroupedCommand, as_json, group, with_json
from czcheck.cli.reporting import Reporting

FORMATS = {
    "text": "czcheck.diffing.text:diff_text",
    "json": "czcheck.diffing.json_form:diff_json",
    "html": "czcheck.diffing.html:diff_page",
}
"""Module and function of each format; the function takes a `Diff` and returns the whole text."""


@click.command("diff", cls=GroupedCommand)
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@group(
    CHECKED,
    click.option(
        "--level",
        type=click.Choice(("network", "run")),
        help="`network` runs nothing: it compares outputs only as far as graphs and weights"
        " decide.  [default: run]",
    ),
    options.fail_on,
    click.option(
        "--select",
        multiple=True,
        metavar="CODES",
        callback=options.codes,
        help="Check only these rules; codes or prefixes, such as CZ60, separated by commas.",
    ),
    click.option(
        "--ignore",
        multiple=True,
        metavar="CODES",
        callback=options.codes,
        help="Leave these rules out; CZ620 if different outputs are intended.",
    ),
    options.allow_op,
)
@group(
    RUN,
    click.option(
        "--tiles",
        multiple=True,
        metavar="FILE|FOLDER",
        type=click.Path(path_type=Path),
        help="Images (PNG, TIFF, CZI, Zarr) to compare on, in addition to the built-in test tiles;"
        " repeatable.",
    ),
    options.limiting,
)
@options.configuration
@group(
    REPORT,
    click.option(
        "--format",
        "form",
        type=click.Choice(tuple(FORMATS)),
        default="text",
        show_default=True,
        callback=with_json,
        help="What to print.",
    ),
    as_json,
    click.option(
        "--report",
        "reports",
        multiple=True,
        metavar="FORMAT=FILE",
        help="Also write the comparison to a file (`-`: standard output); repeatable.",
    ),
    click.option(
        "--html",
        metavar="FILE",
        help="The same as --report html=FILE: a page with an image of where the two differ.",
    ),
    click.option(
        "--picture",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Write that image alone (PNG): input, both class maps, where they differ.",
    ),
    click.option("--quiet", "-q", is_flag=True, help="Print nothing if the two are the same."),
)
def command(  # noqa: PLR0913 - those that are not handed on as they are
    before: Path,
    after: Path,
    level: str | None,
    isolated: bool,
    form: str,
    reports: tuple[str, ...],
    html: str | None,
    picture: Path | None,
    quiet: bool,
    **given: Any,
) -> int:
    """Show what changed between two releases of a model, A and B.

    Metadata, classes, network, weights, outputs for the same test tiles, size and cost. A and B are
    archives, or JSON specifications with their SavedModels.

    Exit code 0: the same outputs. 1: different outputs, or a finding that fails, such as new
    weights under an old id. 3: not everything could be compared; at level `network` that includes
    the outputs, unless both networks compute the same from the same weights.

    Options that are not given are taken from the configuration for B; see `czcheck config B`.
    """
    from czcheck.archive.foreign import about_missing
    from czcheck.cli.printing import progress_bar
    from czcheck.configuration.configuration import Configuration
    from czcheck.diffing.comparing import diff
    from czcheck.diffing.text import diff_lines
    from czcheck.errors import UsageError
    from czcheck.files import check_writable
    from czcheck.targets import Target
    from czcheck.verifying.checking import sources_of

    for path in (before, after):
        if not path.exists():
            raise UsageError(f"{path}: {about_missing(path)}")
    output = Reporting(form, reports, FORMATS, diff_lines, html)
    if picture is not None:
        if level == "network":
            raise UsageError("--picture needs --level run: without it there are no outputs to show")
        check_writable(picture)
    output.guard(
        lambda: sources_of(
            (before, after),
            Configuration(
                {"tiles": given["tiles"] or None},
                given["config"],
                given["profile"],
                find=not isolated,
                releases=True,
            ),
        ),
        [] if picture is None else [Target(f"--picture {picture}", picture)],
    )
    with progress_bar(enabled=not quiet and level != "network") as progress:
        found = diff(
            before,
            after,
            level=level,
            find_config=not isolated,
            progress=progress,
            **options.given_values(given),
        )
    code = output.deliver(found, quiet=quiet)
    if picture is not None and not _write_picture(found.picture, picture):
        return code or 3
    return code


def _write_picture(data: bytes | None, path: Path) -> bool:
    from czcheck.errors import IncompleteError
    from czcheck.files import write_file
    from czcheck.text import printable

    if data is None:
        click.echo(
            f"czcheck: {printable(str(path))}: no tile was compared, so there is no picture",
            err=True,
        )
        return True
    try:
        write_file(path, data)
    except IncompleteError as error:
        click.echo(f"czcheck: {error}", err=True)
        return False
    return True
