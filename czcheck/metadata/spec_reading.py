"""A specification, or what is wrong with it and where. Section 1.7 of the format."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from czcheck.metadata.json_text import JsonMember, JsonValue
from czcheck.metadata.processing import Operation


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """What an archive is to be built from.

    Attributes:
        path: The JSON file.
        name: Name of the model; the last part of `ModelPath` unless given. Never empty.
        model_id: GUID in small letters; None unless given.
        border_size: Pixels at each side of a tile whose answer is not used.
        color_handling: `ConvertToMonochrome` or `SplitRgb`.
        pixel_types: Pixel type of each image channel; exactly one.
        classes: Names of the classes in the order of the output channels.
        colors: Red, green, blue (0 to 255) of each class; None unless given.
        model_path: The SavedModel's folder, or a `.keras` or `.h5` file.
        license_file: Licence to put into the archive; None unless given.
        test_image_file: Image to try the network on; None unless given.
        spatial_dims: (height, width) of the network's tile in pixels; None unless given.
        preprocessing: Operations to put in front of the network, the first one first.
        postprocessing: Operations to put behind it, the first one first.
    """

    path: Path
    name: str
    border_size: int
    color_handling: str
    pixel_types: tuple[str, ...]
    classes: tuple[str, ...]
    model_path: Path
    model_id: str | None = None
    colors: tuple[tuple[int, int, int], ...] | None = None
    license_file: Path | None = None
    test_image_file: Path | None = None
    spatial_dims: tuple[int, int] | None = None
    preprocessing: tuple[Operation, ...] = ()
    postprocessing: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class SpecPlace:
    """A place in the JSON text.

    Attributes:
        path: Key, or key and number, such as `Classes[1]`; empty for the text as a whole.
        line: Line, from 1; None where the text cannot be read at all.
        column: Column, from 1; None where only the line is known.
    """

    path: str = ""
    line: int | None = None
    column: int | None = None

    def of(self, file: Path | str) -> str:
        """The place with the file's name before it, `spec.json, line 7, column 18`."""
        text = str(file)
        for what, number in (("line", self.line), ("column", self.column)):
            if number is not None:
                text += f", {what} {number}"
        return text


@dataclass(frozen=True, slots=True)
class SpecFault:
    """One thing that is wrong with a specification.

    Attributes:
        reason: What is wrong and how to mend it, as a sentence without a full stop.
        at: Where.
    """

    reason: str
    at: SpecPlace = field(default_factory=SpecPlace)


@dataclass(frozen=True, slots=True)
class SpecReading:
    """A specification as far as it could be read.

    Attributes:
        spec: The specification; None if anything is wrong with it.
        faults: What is wrong, what matters most first; empty where there is a specification.
        places: Where its values stand, the text as a whole included.
    """

    spec: BuildSpec | None
    faults: tuple[SpecFault, ...] = ()
    places: tuple[SpecPlace, ...] = ()

    def place(self, path: str) -> SpecPlace:
        """Where a value stands; the whole text where the specification does not give it."""
        return next((place for place in self.places if place.path == path), SpecPlace())


class Places:
    """Finds lines, columns and paths of a JSON text."""

    def __init__(self, text: str, document: JsonValue | None = None) -> None:
        """Look through the values.

        Args:
            text: The text.
            document: Its value; None where it is no JSON.
        """
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self._paths: dict[int, str] = {}
        self._values: list[tuple[str, int]] = []
        for path, offset, is_value in _offsets(document):
            self._paths.setdefault(offset, path)
            if is_value:
                self._values.append((path, offset))

    def at(self, offset: int) -> SpecPlace:
        """The place of a character.

        Args:
            offset: Its index in the text.
        """
        line = bisect_right(self._lines, offset)
        return SpecPlace(self._paths.get(offset, ""), line, offset - self._lines[line - 1] + 1)

    def all(self) -> tuple[SpecPlace, ...]:
        """The places of all values but the nested ones."""
        return tuple(self.at(offset) for path, offset in self._values if path)


def _offsets(document: JsonValue | None) -> Iterator[tuple[str, int, bool]]:
    """Keys, values and items of the top level: path, offset, and whether it is a value."""
    if document is None:
        return
    yield "", document.offset, True
    members: dict[str, JsonMember] = document.value if isinstance(document.value, dict) else {}
    for key, member in members.items():
        yield key, member.offset, False
        yield key, member.value.offset, True
        items = member.value.value if isinstance(member.value.value, list) else []
        for index, item in enumerate(items):
            yield f"{key}[{index}]", item.offset, True
