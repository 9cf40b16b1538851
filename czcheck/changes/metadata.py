"""What changed in the metadata, field by field, and which class of one release is which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from czcheck.metadata.classes import SegmentationClass
from czcheck.metadata.fields import FIELDS
from czcheck.metadata.model_metadata import ModelMetadata
from czcheck.metadata.parts import UnknownPart
from czcheck.text import sizes


@dataclass(frozen=True, slots=True)
class ClassChange:
    """One class in both releases.

    Attributes:
        before: The class in the first release; None where it was added.
        after: The class in the second release; None where it was removed.
    """

    before: SegmentationClass | None
    after: SegmentationClass | None

    @property
    def renamed(self) -> bool:
        """Whether it has another name."""
        return self._differs(lambda each: each.name)

    @property
    def moved(self) -> bool:
        """Whether it has another label value."""
        return self._differs(lambda each: each.label_value)

    @property
    def recoloured(self) -> bool:
        """Whether it has another colour."""
        return self._differs(lambda each: each.color)

    @property
    def words(self) -> tuple[str, ...]:
        """What happened to it: none or several of these words."""
        if self.before is None:
            return ("added",)
        if self.after is None:
            return ("removed",)
        found = {"renamed": self.renamed, "reordered": self.moved, "recoloured": self.recoloured}
        return tuple(word for word, is_so in found.items() if is_so)

    @property
    def name(self) -> str:
        """Its name; both where it was renamed."""
        named = self.before or self.after
        assert named is not None
        if self.renamed and self.after is not None:
            return f"{named.name} -> {self.after.name}"
        return named.name

    def _differs(self, of: Callable[[SegmentationClass], Hashable]) -> bool:
        if self.before is None or self.after is None:
            return False
        return of(self.before) != of(self.after)


def match_classes(
    before: Sequence[SegmentationClass], after: Sequence[SegmentationClass]
) -> tuple[ClassChange, ...]:
    """Find each class of one release in the other.

    By name; then, of those that are left, by label value, since a class that was renamed stays in
    its place; then by colour.

    Returns:
        Those of the first release in their order, then those that were added.
    """
    left, right = dict(enumerate(before)), dict(enumerate(after))
    pairs: dict[int, int] = {}
    for key in (_name, _label_value, _color):
        counts = [Counter(map(key, side.values())) for side in (left, right)]
        places = {key(each): index for index, each in right.items()}
        for index, each in list(left.items()):
            value = key(each)
            if all(count[value] == 1 for count in counts):
                pairs[index] = places[value]
                del left[index], right[places[value]]
    return (
        *(
            ClassChange(each, after[pairs[index]] if index in pairs else None)
            for index, each in enumerate(before)
        ),
        *(ClassChange(None, each) for each in right.values()),
    )


def _name(each: SegmentationClass) -> Hashable:
    return each.name


def _label_value(each: SegmentationClass) -> Hashable:
    return each.label_value


def _color(each: SegmentationClass) -> Hashable:
    return each.color


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
    """Compare the metadata of two releases."""
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
