"""Previews as the page shows them: PNG inside the page, described in words."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from czcheck.report.html_figures import TIMES, percent
from czcheck.text import printable

if TYPE_CHECKING:
    from czcheck.report.gallery import Preview
    from czcheck.report.record import FileRecord

_GREY = "#808080"
_NO_NUMBER = "#ff00ff"
_MOST_CLASSES = 12


@dataclass(frozen=True, slots=True)
class Share:
    """A class's part of a tile.

    Attributes:
        name: Name of the class.
        color: Its colour, `#rrggbb`.
        part: Part of the pixels, 0..1.
    """

    name: str
    color: str
    part: float


@dataclass(frozen=True, slots=True)
class Shown:
    """A tile with its output, as the templates show it.

    Attributes:
        id: Id of its elements.
        name: Name of the tile.
        natural: Whether it looks like a microscope's image.
        is_test_tile: Whether it is a test tile, not one changed to measure something.
        width: Width in pixels.
        height: Height in pixels.
        low: Smallest intensity.
        high: Largest intensity.
        shape: Shape of the output in words; empty if there was none.
        pictures: Data URIs of `image`, `class_map` and `confidence`; None for missing ones.
        descriptions: The same in words.
        shares: Parts of the classes.
        mean_confidence: Mean of the largest probability; None where it is not a number.
        not_numbers: Pixels that are NaN or infinite.
    """

    id: str
    name: str
    natural: bool
    is_test_tile: bool
    width: int
    height: int
    low: float
    high: float
    shape: str
    pictures: Mapping[str, str | None]
    descriptions: Mapping[str, str]
    shares: tuple[Share, ...]
    mean_confidence: float | None
    not_numbers: int

    def __getitem__(self, kind: str) -> str | None:
        """Data URI of `image`, `class_map` or `confidence`."""
        return self.pictures[kind]

    @property
    def class_map(self) -> str | None:
        """Data URI of the class map."""
        return self.pictures["class_map"]

    @property
    def radius(self) -> float:
        """Radius of the circle that marks a pixel, in pixels of the tile."""
        return max(self.width, self.height) / 18


def data_uri(kind: str, data: bytes) -> str:
    """A data URI."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def shown_previews(file: FileRecord, prefix: str) -> dict[str, Shown]:
    """The previews of a file by the name of the tile; empty where there are none.

    Args:
        file: The report on the file.
        prefix: What ids begin with.
    """
    if file.gallery is None:
        return {}
    classes = classes_of(file)
    tiles = [(each, True) for each in file.gallery.tiles]
    tiles += [(each, False) for each in file.gallery.evidence]
    return {
        preview.tile: _shown(preview, f"{prefix}-t{number}", classes, is_test_tile=is_test_tile)
        for number, (preview, is_test_tile) in enumerate(tiles, start=1)
    }


def classes_of(file: FileRecord) -> list[Mapping[str, Any]]:
    """Classes of the metadata, with `name`, `color` and `label_value`, safe to show.

    Args:
        file: The report on the file.
    """
    metadata = (file.inspection or {}).get("metadata") or {}
    return [{**each, "name": printable(each["name"])} for each in metadata.get("classes", ())]


def _shown(
    preview: Preview, name: str, classes: list[Mapping[str, Any]], *, is_test_tile: bool
) -> Shown:
    tile = printable(preview.tile)
    shares = _shares(preview, classes)
    class_shares = ", ".join(f"{each.name} {percent(each.part)}" for each in shares)
    mean = "" if preview.mean_confidence is None else f", {preview.mean_confidence:.2f} on average"
    pictures = {
        kind: None if data is None else data_uri("image/png", data)
        for kind, data in (
            ("image", preview.image),
            ("class_map", preview.class_map),
            ("confidence", preview.confidence),
        )
    }
    return Shown(
        id=name,
        name=tile,
        natural=preview.natural,
        is_test_tile=is_test_tile,
        width=preview.size[1],
        height=preview.size[0],
        low=preview.intensities[0],
        high=preview.intensities[1],
        shape="" if preview.shape is None else _shape(preview.shape),
        pictures=pictures,
        descriptions={
            "image": f"Tile {tile}",
            "class_map": f"Classes on tile {tile}: {class_shares}",
            "confidence": f"Confidence on tile {tile}{mean}",
        },
        shares=tuple(shares),
        mean_confidence=preview.mean_confidence,
        not_numbers=preview.not_numbers,
    )


def _shape(shape: tuple[int, ...]) -> str:
    return f" {TIMES} ".join(map(str, shape)) or "a number"


def _shares(preview: Preview, classes: list[Mapping[str, Any]]) -> list[Share]:
    """Parts of the classes; beyond the first ones, together; and of what is not a number."""
    pixels = sum(preview.won) + preview.not_numbers
    if not pixels:
        return []
    shares = [
        Share(
            classes[number]["name"] if number < len(classes) else f"channel {number}",
            classes[number]["color"] if number < len(classes) else _GREY,
            won / pixels,
        )
        for number, won in enumerate(preview.won)
    ]
    if len(shares) > _MOST_CLASSES:
        rest = shares[_MOST_CLASSES:]
        together = Share(f"{len(rest)} others", _GREY, sum(each.part for each in rest))
        shares = [*shares[:_MOST_CLASSES], together]
    if preview.not_numbers:
        shares.append(Share("not a number", _NO_NUMBER, preview.not_numbers / pixels))
    return shares
