"""Which class of one release is which of the other, and what changed in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from czcheck.metadata.classes import SegmentationClass


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

    Args:
        before: The classes of the first release.
        after: Those of the second.

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
