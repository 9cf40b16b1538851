"""`czcheck diff`."""

from __future__ import annotations

from pathlib import Path

import click

from czcheck.cli import options
from czcheck.cli.forms import as_json, with_json
from czcheck.cli.reporting import Reporting

FORMATS = {
    "text": "czcheck.diffing.text:diff_text",
    "json": "czcheck.diffing.json_form:diff_json",
    "html": "czcheck.diffing.html:diff_page",
}
"""Module and function of each format; the function takes a `Diff` and returns the whole text."""


@click.command("diff")
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--level",
    type=click.Choice(("network", "run")),
    default="run",
    show_default=True,
    help="`network` runs nothing: it knows of the answers only what the graphs and weights prove.",
)
@click.option(
    "--fail-on",
    type=click.Choice(options.SEVERITIES),
    default="error",
    show_default=True,
    help="Mildest severity that fails the verdict.",
)
@click.option(
    "--select",
    multiple=True,
    metavar="CODES",
    callback=options.codes,
    help="Check only these rules; codes or prefixes, such as CZ60, separated by commas.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="CODES",
    callback=options.codes,
    help="Leave these rules out; CZ620 where other answers are meant.",
)
@options.allow_op
@click.option(
    "--tiles",
    multiple=True,
    metavar="FILE|FOLDER",
    type=click.Path(path_type=Path),
    help="Images (PNG, TIFF, CZI, Zarr) to compare on, beside the built-in test tiles.",
)
@options.limiting
@click.option(
    "--format",
    "form",
    type=click.Choice(tuple(FORMATS)),
    default="text",
    show_default=True,
    callback=with_json,
    help="What to print.",
)
@as_json
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Write the comparison to a file, too (`-`: standard output); repeatable.",
)
@click.option(
    "--html",
    metavar="FILE",
    help="The same as --report html=FILE: a page with a picture of where the two differ.",
)
@click.option(
    "--picture",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write that picture alone (PNG): input, both class maps, where they differ.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print nothing if the two are the same.")
def command(  # noqa: PLR0913 - one parameter for each option
    before: Path,
    after: Path,
    level: str,
    fail_on: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    allow_op: tuple[str, ...],
    tiles: tuple[Path, ...],
    timeout: float | None,
    memory: float | None,
    require_sandbox: bool | None,
    form: str,
    reports: tuple[str, ...],
    html: str | None,
    picture: Path | None,
    quiet: bool,
) -> int:
    """Show what changed between two releases of a model, A and B.

    Metadata, classes, network, weights, answers to the same test tiles, size and cost. A and B are
    archives, or JSON specifications with their SavedModels.

    Exit code 0: the same answers. 1: other answers, or a finding that fails, such as new weights
    under an old id. 3: not everything could be compared; at level `network` that holds for the
    answers unless both networks compute the same from the same weights.
    """
    from czcheck.archive.foreign import about_missing
    from czcheck.cli.verify import progress_bar
    from czcheck.diffing.comparing import diff
    from czcheck.diffing.text import diff_lines
    from czcheck.errors import UsageError
    from czcheck.runtime.limits import given_limits

    for path in (before, after):
        if not path.exists():
            raise UsageError(f"{path}: {about_missing(path)}")
    wanted = [*reports, *([] if html is None else [f"html={html}"])]
    telling = Reporting(form, wanted, (before, after, *tiles), FORMATS, diff_lines)
    if picture is not None:
        if level != "run":
            raise UsageError("--picture needs --level run: without it there are no answers to show")
        telling.check_beside("picture", picture)
    with progress_bar(enabled=not quiet and level == "run") as progress:
        found = diff(
            before,
            after,
            level=level,
            fail_on=fail_on,
            select=select,
            ignore=ignore,
            allow_op=allow_op,
            tiles=tiles,
            runner_limits=given_limits(timeout, memory),
            require_sandbox=bool(require_sandbox),
            progress=progress,
        )
    code = telling.tell(found, quiet=quiet)
    if picture is not None and not _write_picture(found.picture, picture):
        return code or 3
    return code


def _write_picture(data: bytes | None, path: Path) -> bool:
    from czcheck.errors import IncompleteError
    from czcheck.escape import printable
    from czcheck.report.destinations import write_file

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
