"""The report as one page that is complete in itself, for people who would rather look than read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from czcheck.report import html_figures as figures
from czcheck.report.html_pictures import Shown, data_uri, shown_previews
from czcheck.report.html_sections import SECTIONS, Section
from czcheck.report.phrases import count, found_text

if TYPE_CHECKING:
    from czcheck.report.report import FileReport, Report

SEVERITIES = ("error", "warning", "note")
_MARKS = {"passed": "#1a7f47", "failed": "#b3261e", "incomplete": "#9a5b00"}


@dataclass(frozen=True)
class ModelView:
    """One file, as the templates see it.

    Attributes:
        number: Its place in the report, from 0.
        file: The report on it.
        plain: The same as plain data; what is shown of it is shown through `figure`.
        options: What was asked for, of all files.
        previews: Pictures by the name of the tile.
        sections: What is told of it.
    """

    number: int
    file: FileReport
    plain: Mapping[str, Any]
    options: Mapping[str, Any]
    previews: Mapping[str, Shown]
    sections: tuple[Section, ...] = ()

    @property
    def prefix(self) -> str:
        """What the ids of its elements begin with."""
        return f"m{self.number + 1}"

    @property
    def name(self) -> str:
        """Name of the file, without its folder."""
        path = self.plain["path"]
        return PurePath(path).name or str(path)

    @property
    def level(self) -> str:
        """Deepest level at which this file was checked."""
        configuration = self.plain["configuration"] or {}
        return str(configuration.get("level", self.options["level"]))

    @property
    def severities(self) -> dict[str, int]:
        """Findings by severity, without the waived ones."""
        return self.file.severities

    @property
    def marks(self) -> dict[str, str]:
        """For each rule that found something, the worst severity; `waived` where all is."""
        found = [*self.plain["waived"], *reversed(self.plain["findings"])]
        waived = len(self.plain["waived"])
        return {
            each["code"]: "waived" if number < waived else each["severity"]
            for number, each in enumerate(found)
        }

    @property
    def worst(self) -> str:
        """The worst severity of all findings; `failed` where there is none."""
        return next((name for name, number in self.severities.items() if number), "failed")

    @property
    def unchecked(self) -> int:
        """Rules that should have been checked and could not be."""
        return sum(
            outcome["status"] == "crashed" or outcome.get("cause") in ("prerequisite", "tool")
            for outcome in self.plain["rules"]
        )

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        found = found_text(self.file)
        open_ones = f"{count(self.unchecked, 'rule')} could not be checked"
        text = "Nothing was found."
        if found:
            text = f"Found: {found}."
        if self.plain["verdict"] == "passed":
            return f"{text} Everything that applies was checked, and nothing fails the verdict."
        if not found and not self.plain["counts"]["passed"] and self.unchecked:
            return f"Nothing was checked: {open_ones}."
        if self.plain["verdict"] == "incomplete":
            return f"{text} But {open_ones}, so nobody knows whether the model is fine."
        return f"{text} {open_ones.capitalize()}." if self.unchecked else text

    @property
    def face(self) -> Shown | None:
        """The tile that shows best what the network does; None where there is none."""
        natural = [each for each in self.previews.values() if each.natural and each.is_test_tile]
        mapped = [each for each in natural if each.class_map]
        return next(iter([*mapped, *natural]), None)

    def path(self, name: str) -> str:
        """Where a value stands in the JSON report.

        Args:
            name: Its place in the file's part: keys and numbers with dots between.
        """
        return f"files.{self.number}.{name}"

    def figure(self, name: str, form: str, missing: str = figures.DASH) -> Markup:
        """A value of the JSON report, for people, with its place there.

        Args:
            name: As for `path`.
            form: A name in `html_figures.FORMS`.
            missing: What to say where it is null.
        """
        return figures.figure(figures.at(self.plain, name), self.path(name), form, missing)


def report_html_page(report: Report) -> str:
    """The report as an HTML page that loads nothing and runs no script.

    Pictures are there where `verify` was called with `gallery=True`.

    Args:
        report: The report.

    Returns:
        The page, with a line end at its end.
    """
    plain = report.to_json()
    models = list(_models(report, plain))
    verdicts = [file["verdict"] for file in plain["files"]]
    page = environment().get_template("page.html.j2")
    told = page.render(
        plain=plain,
        models=models,
        several=len(models) > 1,
        heading=models[0].name if len(models) == 1 else count(len(models), "model"),
        tally={name: verdicts.count(name) for name in _MARKS if name in verdicts},
        icon=tab_icon(plain["verdict"]),
        command="evaluate"
        if any("evaluation" in each.looked_at for each in report.files)
        else "verify",
        style=style(),
    )
    return f"{told.rstrip()}\n"


def _models(report: Report, plain: Mapping[str, Any]) -> Iterator[ModelView]:
    for number, (file, told) in enumerate(zip(report.files, plain["files"], strict=True)):
        previews = shown_previews(file, f"m{number + 1}")
        bare = ModelView(number, file, told, plain["options"], previews)
        yield replace(bare, sections=tuple(_sections(bare)))


def _sections(model: ModelView) -> Iterator[Section]:
    # What was found comes first; where nothing was, what nobody looked at.
    order = SECTIONS if model.plain["findings"] else sorted(SECTIONS, key=_is_not_unchecked)
    for section in order:
        data = section.build(model)
        if data is not None:
            yield Section(section.key, section.title, section.build, data)


def _is_not_unchecked(section: Section) -> bool:
    return section.key != "unchecked"


@cache
def environment() -> Environment:
    """Where the templates of all pages are found, with what they may call."""
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
