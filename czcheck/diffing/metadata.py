"""What changed in the metadata, field by field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from czcheck.diffing.classes import ClassChange, match_classes
from czcheck.metadata.fields import FIELDS
from czcheck.metadata.model_metadata import ModelMetadata
from czcheck.metadata.parts import UnknownPart
from czcheck.text import sizes

# Classes are compared one by one.
_COMPARED = tuple(each for each in FIELDS if each.attribute != "classes")
_INPUT = frozenset(each.name for each in FIELDS if each.is_input)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A value that changed.

    Attributes:
        field: Name of the field; of what the format does not know, its XPath.
        before: The value in the first release; None where there was none.
        after: The value in the second release.
    """

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """The metadata of both releases, compared with each other.

    Attributes:
        before: The metadata of the first release.
        after: The metadata of the second release.
        fields: What changed, in the order of the document.
        unknown: What changed of that which the format does not know.
        classes: All classes of both.
    """

    before: ModelMetadata
    after: ModelMetadata
    fields: tuple[FieldChange, ...]
    unknown: tuple[FieldChange, ...]
    classes: tuple[ClassChange, ...]

    @property
    def input_fields(self) -> tuple[FieldChange, ...]:
        """Changes of the fields that define which images are accepted, and how."""
        return tuple(each for each in self.fields if each.field in _INPUT)

    @property
    def same_input(self) -> bool:
        """Whether both take the same images in the same way."""
        return not self.input_fields


def compare_metadata(before: ModelMetadata, after: ModelMetadata) -> MetadataChange:
    """Compare the metadata of two releases.

    Args:
        before: The metadata of the first release.
        after: The metadata of the second release.

    Returns:
        What changed.
    """
    return MetadataChange(
        before,
        after,
        fields=tuple(
            FieldChange(field.name, _plain(old), _plain(new))
            for field in _COMPARED
            if (old := getattr(before, field.attribute)) != (new := getattr(after, field.attribute))
        ),
        unknown=tuple(_unknown_changes(before.unknown, after.unknown)),
        classes=match_classes(before.classes, after.classes),
    )


def _plain(value: Any) -> Any:
    """A tuple as text: `Gray16, Gray8`, `1024 x 1024`."""
    if not isinstance(value, tuple):
        return value
    if all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return sizes(value, " x ")


def _unknown_changes(
    before: tuple[UnknownPart, ...], after: tuple[UnknownPart, ...]
) -> Iterator[FieldChange]:
    """Parts that are not in both, paired where they stand at the same place."""
    both = Counter(map(_content, before)) & Counter(map(_content, after))
    old, new = _without(before, both), _without(after, both)
    for part in old:
        at = next((index for index, each in enumerate(new) if _place(each) == _place(part)), None)
        yield FieldChange(_shown(part), part.text, None if at is None else new.pop(at).text)
    for part in new:
        yield FieldChange(_shown(part), None, part.text)


def _without(
    parts: tuple[UnknownPart, ...], both: Counter[tuple[str, str, str, str]]
) -> list[UnknownPart]:
    left, found = both.copy(), []
    for part in parts:
        if left[_content(part)] > 0:
            left[_content(part)] -= 1
        else:
            found.append(part)
    return found


def _content(part: UnknownPart) -> tuple[str, str, str, str]:
    return (*_place(part), part.text)


def _place(part: UnknownPart) -> tuple[str, str, str]:
    return part.parent, part.kind, part.name


def _shown(part: UnknownPart) -> str:
    return f"{part.parent}/{'@' if part.kind == 'attribute' else ''}{part.name}"
