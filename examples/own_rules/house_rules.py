"""Rules of our house: a licence in every archive, versions in names, and dark means background."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.rules import Found, Level, Severity, TilePixel, XmlPath, rule

if TYPE_CHECKING:
    from czcheck import ModelMetadata
    from czcheck.archive import Container
    from czcheck.runtime import RunRecord

LICENCE = re.compile(r"(^|/)licen[cs]e(\.[a-z]+)?$", re.IGNORECASE)
VERSION = re.compile(r" v[0-9]+$")
# Part of a dark tile that may be taken for something else than background.
STRAY = 0.01


@rule("HOUSE101", severity=Severity.ERROR, level=Level.ARCHIVE, requires=["CZ107"])
def archive_carries_a_licence(container: Container) -> Iterator[Found]:
    """The archive carries no licence.

    Says: None of the {count} further members is a licence.
    Why: Whoever receives the model does not know what may be done with it.
    Fix: Name the licence's file in the specification, as `LicenseFile`, and build again.
    """
    if not any(LICENCE.search(member) for member in container.others):
        yield Found(count=len(container.others))


@rule("HOUSE201", severity=Severity.WARNING, level=Level.METADATA, requires=["CZ203"])
def name_ends_with_a_version(metadata: ModelMetadata) -> Iterator[Found]:
    """The model's name has no version at its end.

    Says: The name is "{name}", without a version such as "{name} v2".
    Why: Macros choose models by name; without a version nobody sees which one was used.
    Fix: Put the version at the end of `Name` in the specification, and build again.
    """
    if not VERSION.search(metadata.name):
        yield Found(XmlPath("/Model/ModelName"), name=metadata.name)


@rule("HOUSE401", severity=Severity.ERROR, level=Level.RUN, requires=["CZ405", "CZ406"])
def dark_is_background(run: RunRecord) -> Iterator[Found]:
    """A dark tile is not background.

    Says: Of the tile `{tile}`, {part} is not the first class.
    Why: Our macros count what is not background; empty fields of view would count.
    Fix: Put dark tiles among the training images, labelled as background throughout.
    """
    for answer in run.answers:
        if answer.tile != "zeros" or answer.statistics is None:
            continue
        background, *others = answer.statistics.classes_won
        part = sum(others) / (background + sum(others))
        if part > STRAY:
            yield Found(TilePixel(answer.tile), tile=answer.tile, part=f"{100 * part:.0f} %")
