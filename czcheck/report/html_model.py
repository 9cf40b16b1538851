"""One file as the templates of the page see it, and what a section of the page is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from czcheck.report import html_figures as figures
from czcheck.report.html_pictures import Shown
from czcheck.report.phrases import found_text
from czcheck.text import count

if TYPE_CHECKING:
    from markupsafe import Markup

    from czcheck.report.record import FileRecord

Data = dict[str, Any]


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        key: Name of the template, and end of the element's id.
        title: Its heading.
        build: Makes the data of a model; None to leave the section out.
        data: What the template shows.
    """

    key: str
    title: str
    build: Callable[[ModelView], Data | None]
    data: Data = field(default_factory=dict)

    @property
    def template(self) -> str:
        """Name of the template."""
        return f"sections/{self.key}.html.j2"


@dataclass(frozen=True)
class ModelView:
    """One file, as the templates see it.

    Attributes:
        number: Its place in the report, from 0.
        file: The report on it.
        plain: The same as plain data; what is shown of it is shown through `figure`.
        options: The options for all files.
        previews: Previews by the name of the tile.
        sections: Its sections.
    """

    number: int
    file: FileRecord
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
            return f"{text} But {open_ones}, so it is not known whether the model is fine."
        return f"{text} {open_ones.capitalize()}." if self.unchecked else text

    @property
    def face(self) -> Shown | None:
        """The tile that shows best what the network does; None where there is none."""
        natural = [each for each in self.previews.values() if each.natural and each.is_test_tile]
        mapped = [each for each in natural if each.class_map]
        return next(iter([*mapped, *natural]), None)

    def path(self, name: str) -> str:
        """The path of a value in the JSON report.

        Args:
            name: Its place in the file's part: keys and numbers with dots between.
        """
        return f"files.{self.number}.{name}"

    def figure(self, name: str, form: str, missing: str = figures.DASH) -> Markup:
        """A value of the JSON report, for people, with its place there.

        Args:
            name: As for `path`.
            form: A name in `html_figures.FORMS`.
            missing: Text to show if it is null.
        """
        return figures.figure(figures.at(self.plain, name), self.path(name), form, missing)
