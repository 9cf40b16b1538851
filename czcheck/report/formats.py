"""The report formats by name, each imported on first use, and where reports go."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from czcheck.errors import UsageError
from czcheck.files import check_writable, write_file
from czcheck.targets import Target
from czcheck.text import nearest

# Module and function of each; the function takes a `Report` and returns the whole text.
FORMATS = {
    "text": "czcheck.report.text:report_text",
    "json": "czcheck.report.json_form:report_json",
    "junit": "czcheck.report.junit:report_junit",
    "sarif": "czcheck.report.sarif:report_sarif",
    "markdown": "czcheck.report.markdown:report_markdown",
    "html": "czcheck.report.html:report_html_page",
}


def known_format(name: str, formats: Mapping[str, str] = FORMATS) -> str:
    """The name of a format, checked.

    Args:
        name: As the user wrote it.
        formats: The formats that there are.

    Raises:
        UsageError: There is no such format; the message names the nearest one, and all.
    """
    if name in formats:
        return name
    near = nearest(name, formats)
    hint = f"did you mean {near!r}? There are" if near else "choose from"
    raise UsageError(f"no report format is called {name!r}; {hint}: {', '.join(formats)}")


def render(report: Any, name: str, formats: Mapping[str, str] = FORMATS) -> str:
    """A report in one of the formats, with a line end at its end.

    Args:
        report: A `Report`, or another object that the formats accept.
        name: Name of the format.
        formats: The formats that there are.

    Raises:
        UsageError: There is no such format.
    """
    module, _, function = formats[known_format(name, formats)].partition(":")
    teller: Callable[[Any], str] = getattr(importlib.import_module(module), function)
    return teller(report)


STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
STANDARD_OUTPUT = "-"
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Destination:
    """A requested report.

    Attributes:
        form: Name of its format.
        path: The file that it goes to; None for standard output.
        append: Whether the file is added to rather than replaced.
        option: The option that requests it, with its value.
    """

    form: str
    path: Path | None
    append: bool = False
    option: str = "--report"


def destination(
    value: str, formats: Mapping[str, str] = FORMATS, option: str = "--report"
) -> Destination | None:
    """Read a report option.

    Args:
        value: `FORMAT=FILE`; a file `-` is standard output, and `markdown=auto` the file that
            `GITHUB_STEP_SUMMARY` names.
        formats: The formats that there are.
        option: The option, up to its value.

    Returns:
        Where the report goes; None for `auto` where that variable is not set.

    Raises:
        UsageError: Not of that form, or there is no such format.
    """
    form, equals, name = value.partition("=")
    if not equals or not name:
        raise UsageError(f"--report {value}: write FORMAT=FILE, such as json=report.json")
    known_format(form, formats)
    if name == STANDARD_OUTPUT:
        return Destination(form, None)
    text = f"--report {value}" if option == "--report" else f"{option} {name}"
    if name != AUTO:
        return Destination(form, Path(name), option=text)
    if form != "markdown":
        raise UsageError(
            f"--report {value}: only markdown=auto is known, for step summaries; a file of that"
            f" name is ./{AUTO}"
        )
    summary = os.environ.get(STEP_SUMMARY)
    return Destination(form, Path(summary), append=True, option=text) if summary else None


def check_destinations(requested: Sequence[Destination]) -> list[Target]:
    """Check that all reports can be written, before anything is run.

    Returns:
        The files, to be compared with what is read.

    Raises:
        UsageError: A folder is missing or cannot be written, or two reports are to be printed.
    """
    if [each.path for each in requested].count(None) > 1:
        raise UsageError("two reports go to standard output: name a file for one")
    targets = []
    for each in requested:
        if each.path is not None:
            check_writable(each.path)
            targets.append(Target(each.option, each.path))
    return targets


def write_report(report: Any, to: Destination, formats: Mapping[str, str] = FORMATS) -> None:
    """Write one report to its file: whole, or not at all.

    A device or a pipe is written to as it is; a file is replaced, or added to for a step summary.

    Args:
        report: A `Report`, or another object that the formats accept.
        to: Where it goes; not standard output.
        formats: The formats that there are.

    Raises:
        IncompleteError: The file cannot be written. What was there before stays.
    """
    if to.path is None:
        raise ValueError("standard output is no file")
    data = render(report, to.form, formats).encode()
    write_file(to.path, data, append=to.append)
