"""The report as one page that is complete in itself, for people who would rather look than read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from czcheck.report import html_figures as figures
from czcheck.report.html_model import ModelView, Section
from czcheck.report.html_pictures import data_uri, shown_previews
from czcheck.report.html_sections import SECTIONS
from czcheck.report.json_form import report_to_json
from czcheck.text import count

if TYPE_CHECKING:
    from czcheck.report.record import ReportRecord

SEVERITIES = ("error", "warning", "note")
_MARKS = {"passed": "#1a7f47", "failed": "#b3261e", "incomplete": "#9a5b00"}


def report_html_page(report: ReportRecord) -> str:
    """The report as an HTML page that loads nothing and runs no script.

    It has previews if `verify` was called with `gallery=True`.

    Returns:
        The page, with a line end at its end.
    """
    plain = report_to_json(report)
    models = list(_models(report, plain))
    verdicts = [file["verdict"] for file in plain["files"]]
    page = environment().get_template("page.html.j2")
    page_text = page.render(
        plain=plain,
        models=models,
        several=len(models) > 1,
        heading=models[0].name if len(models) == 1 else count(len(models), "model"),
        tally={name: verdicts.count(name) for name in _MARKS if name in verdicts},
        icon=tab_icon(plain["verdict"]),
        command="evaluate"
        if any(each.examined.evaluation is not None for each in report.files)
        else "verify",
        style=style(),
    )
    return f"{page_text.rstrip()}\n"


def _models(report: ReportRecord, plain: Mapping[str, Any]) -> Iterator[ModelView]:
    for number, (file, plain_file) in enumerate(zip(report.files, plain["files"], strict=True)):
        previews = shown_previews(file, f"m{number + 1}")
        bare = ModelView(number, file, plain_file, plain["options"], previews)
        yield replace(bare, sections=tuple(_sections(bare)))


def _sections(model: ModelView) -> Iterator[Section]:
    # Findings come first; without findings, what could not be checked.
    order = SECTIONS if model.plain["findings"] else sorted(SECTIONS, key=_is_not_unchecked)
    for section in order:
        data = section.build(model)
        if data is not None:
            yield Section(section.key, section.title, section.build, data)


def _is_not_unchecked(section: Section) -> bool:
    return section.key != "unchecked"


@cache
def environment() -> Environment:
    """The template environment of all pages, with filters and functions."""
    made = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= figures.FILTERS
    return made


def _source(name: str) -> str:
    """A template of this package; `files` finds it in every kind of install."""
    found = files("czcheck.report").joinpath("templates")
    for part in name.split("/"):
        found = found.joinpath(part)
    return found.read_text("utf-8")


def style(*further: str) -> Markup:
    """The style that all pages share, in the page itself.

    Args:
        *further: Names of style sheets that one page has for itself.
    """
    sheets = "\n".join(map(_source, ("page.css", *further)))
    return Markup(sheets)  # noqa: S704 - our own files


def tab_icon(verdict: str) -> str:
    """A dot in the verdict's colour, for the browser's tab."""
    dot = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
        f'<circle cx="8" cy="8" r="7" fill="{_MARKS[verdict]}"/></svg>'
    )
    return data_uri("image/svg+xml", dot.encode())
