"""The report formats by name; each is imported on first use."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from czcheck.errors import UsageError
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
