"""Options for report formats, and the reports that they request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from czcheck.cli.groups import REPORT, as_json, group, with_json
from czcheck.cli.printing import print_lines, print_text

if TYPE_CHECKING:
    from czcheck.report.formats import Destination
    from czcheck.sources import Sources
    from czcheck.targets import Target
    from czcheck.text import Line


def _known(ctx: click.Context, param: click.Parameter, value: str) -> str:
    from czcheck.errors import UsageError
    from czcheck.report.formats import known_format

    try:
        return known_format(str(with_json(ctx, param, value)))
    except UsageError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def _names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from czcheck.report.formats import FORMATS

    return [name for name in FORMATS if name.startswith(incomplete)]


form = group(
    REPORT,
    click.option(
        "--format",
        "form",
        metavar="FORMAT",
        callback=_known,
        shell_complete=_names,
        default="text",
        show_default=True,
        help="Format to print: text, json, junit, sarif, markdown or html.",
    ),
    as_json,
)
reports = click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Also write the report to a file, in one of these formats (`-` prints it); repeatable."
    " markdown=auto adds to the step summary of a GitHub workflow.",
)
quiet = click.option("--quiet", "-q", is_flag=True, help="Print only what did not pass.")


class Reporting:
    """What is printed and written of one report.

    Attributes:
        targets: The files that it will be written to.
    """

    def __init__(
        self,
        form: str,
        options: Sequence[str],
        formats: Mapping[str, str] | None = None,
        lines: Callable[..., Iterable[Line]] | None = None,
        html: str | None = None,
    ) -> None:
        """Check that every requested report can be written before work starts.

        Args:
            form: Format to print.
            options: Values of `--report`.
            formats: The formats that there are; those of a `Report` if left out.
            lines: What yields the lines of `text`, with `quiet` as keyword; that of a `Report` if
                left out.
            html: Value of `--html`, short for a report in that format.

        Raises:
            UsageError: A report cannot be written, or two are to be printed.
        """
        from czcheck.errors import UsageError
        from czcheck.report.formats import FORMATS

        self.form = form
        self.files: list[Destination] = []
        self._formats = formats or FORMATS
        self._lines = lines
        self.targets: list[Target] = []
        if not options and html is None:
            return
        from czcheck.report.formats import STEP_SUMMARY, check_destinations, destination

        found = [(option, destination(option, self._formats)) for option in options]
        if html is not None:
            found.append((html, destination(f"html={html}", self._formats, "--html")))
        for option, each in found:
            if each is None:
                click.echo(
                    f"czcheck: --report {option}: {STEP_SUMMARY} is not set, so no step summary is"
                    " written",
                    err=True,
                )
        requested = [each for _, each in found if each is not None]
        self.targets = check_destinations(requested)
        for each in requested:
            if each.path is not None:
                self.files.append(each)
            elif form != "text":
                raise UsageError(
                    f"standard output cannot hold two reports: --format {form} and --report"
                    f" {each.form}=-"
                )
            else:
                self.form = each.form

    def guard(self, sources: Callable[[], Sources], also: Sequence[Target] = ()) -> None:
        """Check that no output replaces an input.

        Args:
            sources: Names what is read; called where something is written at all.
            also: What is written in addition to the reports.

        Raises:
            UsageError: It would, or two go to one place.
        """
        targets = [*self.targets, *also]
        if targets:
            from czcheck.targets import check_targets

            check_targets(targets, sources())

    @property
    def shows_pictures(self) -> bool:
        """Whether one of the formats shows previews of tiles and outputs."""
        return "html" in (self.form, *(each.form for each in self.files))

    def deliver(self, report: Any, *, quiet: bool) -> int:
        """Write and print the report.

        Args:
            report: A `Report`, or another object that the formats accept, with an `exit_code`.
            quiet: Print nothing of files that passed, where text is printed.

        Returns:
            The exit code: the report's own, or 3 where that would be 0 but a report could not be
            written.
        """
        lost = False
        for each in self.files:
            lost |= not self._write(report, each)
        if self.form == "text" or not self._print(report):
            from czcheck.report.text import report_lines

            lost |= self.form != "text"
            print_lines((self._lines or report_lines)(report, quiet=quiet))
        exit_code: int = report.exit_code
        return exit_code or (3 if lost else 0)

    def _print(self, report: Any) -> bool:
        from czcheck.report.formats import render

        try:
            text = render(report, self.form, self._formats)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not hide the verdict
            _fault(self.form, error)
            return False
        print_text(text)
        return True

    def _write(self, report: Any, to: Destination) -> bool:
        from czcheck.errors import IncompleteError
        from czcheck.report.formats import write_report

        try:
            write_report(report, to, self._formats)
        except IncompleteError as error:
            click.echo(f"czcheck: {error}", err=True)
            return False
        except Exception as error:  # noqa: BLE001 - a fault of ours must not hide the verdict
            _fault(to.form, error)
            return False
        return True


def _fault(form: str, error: Exception) -> None:
    from czcheck.text import printable

    what = printable(f"{type(error).__name__}: {error}")
    click.echo(
        f"czcheck: internal error: the report as {form} could not be made: {what}"
        " - please report this",
        err=True,
    )
