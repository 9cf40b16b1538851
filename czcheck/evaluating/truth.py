"""What masks mean: the true class of each pixel, and the objects where masks number them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.errors import InputError, UsageError
from czcheck.figures.counts import UNLABELLED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.metadata.classes import SegmentationClass

_TWO, _WHITE = 2, 255


class MaskKind(Enum):
    """What the values of a mask mean.

    `LABELS`: the `LabelValue` of the class; 0 where it is unknown.
    `INDICES`: the number of the class from 0, in the order of the metadata.
    `INSTANCES`: the number of the object of one class, 0 for everything else.
    `BINARY`: anything but 0 for one class, 0 for everything else.
    """

    LABELS = "labels"
    INDICES = "indices"
    INSTANCES = "instances"
    BINARY = "binary"


_OF_ONE_CLASS = (MaskKind.INSTANCES, MaskKind.BINARY)


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth about one image.

    Attributes:
        classes: Number of the true class at each pixel, int64, `(height, width)`, from 0 in the
            order of `MaskReading.names`; `UNLABELLED` where unknown.
        objects: Number of the true object, 0 for none, of the same shape; None where masks do not
            number objects.
    """

    classes: NDArray[Any]
    objects: NDArray[Any] | None


@dataclass(frozen=True, slots=True)
class MaskReading:
    """How the masks of an evaluation are read, and the classes that are distinguished.

    Attributes:
        kind: What the values mean.
        classes: The classes of the model.
        target: Number of the class that masks separate from everything else, from 0; None for masks
            of all classes.
    """

    kind: MaskKind
    classes: tuple[SegmentationClass, ...]
    target: int | None = None

    @property
    def merged(self) -> bool:
        """Whether all classes but the target count as one, since masks do not separate them."""
        return self.target is not None and len(self.classes) > _TWO

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes that are distinguished."""
        if self.merged and self.target is not None:
            return ("everything else", self.classes[self.target].name)
        return tuple(each.name for each in self.classes)

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        """Red, green, blue of each of them."""
        if self.merged and self.target is not None:
            return ((0, 0, 0), self.classes[self.target].color)
        return tuple(each.color for each in self.classes)

    @property
    def numbered(self) -> bool:
        """Whether masks number objects."""
        return self.kind is MaskKind.INSTANCES

    @property
    def shown(self) -> int:
        """Number of the class that masks separate from everything else, among `names`.

        Raises:
            ValueError: The masks are of all classes.
        """
        if self.target is None:
            raise ValueError("masks of all classes")
        return 1 if self.merged else self.target

    def predicted(self, labels: NDArray[Any]) -> NDArray[Any]:
        """The prediction, in the classes that are distinguished.

        Args:
            labels: Number of the most probable class of the model at each pixel, from 0.

        Returns:
            Number of the class among `names`, of the same shape.
        """
        return (labels == self.target).astype(labels.dtype) if self.merged else labels

    def read(self, mask: NDArray[Any], place: str, top: int = 0, left: int = 0) -> Truth:
        """The truth from a mask, or from a part of one.

        Args:
            mask: Values of whole numbers, `(height, width)`.
            place: The mask's file, for messages.
            top: Row of the part in the whole mask.
            left: Column of the part.

        Raises:
            InputError: Values that are no whole numbers, or that stand for no class.
        """
        if mask.dtype.kind not in "biu":
            raise InputError(f"{place}: the mask contains {mask.dtype} numbers; save whole numbers")
        values = mask.astype(np.int64)
        if self.numbered and (below := np.argwhere(values < 0)).size:
            row, column = (int(each) for each in below[0])
            raise InputError(
                f"{place}: value {mask[row, column]} at row {top + row}, column {left + column} is "
                "not the number of an object; number objects from 1, and everything else 0"
            )
        if self.target is not None:
            # Of two classes, or of one against all others.
            classes = np.where(values != 0, self.shown, 1 - self.shown)
            return Truth(classes, values if self.numbered else None)
        codes = (
            {each.label_value: number for number, each in enumerate(self.classes)}
            if self.kind is MaskKind.LABELS
            else {number: number for number in range(len(self.classes))}
        )
        found = [int(value) for value in np.unique(values)]
        nothing = (0,) if self.kind is MaskKind.LABELS else ()
        strange = [value for value in found if value not in codes and value not in nothing]
        if strange:
            row, column = (int(each) for each in np.argwhere(values == strange[0])[0])
            where = f"value {strange[0]} at row {top + row}, column {left + column}"
            raise InputError(
                f"{place}: {where} is not the label of a class "
                f"{self._known(strange[0], len(found))}"
            )
        classes = np.full(values.shape, UNLABELLED, np.int64)
        for value, number in codes.items():
            classes[values == value] = number
        return Truth(classes, None)

    def _known(self, value: int, different: int) -> str:
        """The classes with their values, and what to do about a value in a mask of several."""
        if self.kind is MaskKind.LABELS:
            known = ", ".join(f"{each.label_value} {each.name}" for each in self.classes)
        else:
            known = ", ".join(f"{number} {each.name}" for number, each in enumerate(self.classes))
        if value == _WHITE and different <= _TWO:
            advice = "masks of black and white are read with --mask binary"
        elif different > 2 * len(self.classes):
            advice = "masks that number objects are read with --mask instances"
        else:
            kinds = ", ".join(each.value for each in MaskKind)
            advice = f"set the meaning of values with --mask: {kinds}"
        return f"({known}); {advice}"


def mask_reading(
    kind: str, classes: Sequence[SegmentationClass], class_name: str | None
) -> MaskReading:
    """How masks are to be read.

    Args:
        kind: `labels`, `indices`, `instances` or `binary`.
        classes: The classes of the model.
        class_name: Name of the class that masks of one class are of; None for the second of two.

    Raises:
        UsageError: An unknown kind or class, or a class that has to be named.
    """
    kinds = [each.value for each in MaskKind]
    if kind not in kinds:
        raise UsageError(f"masks of the kind {kind!r} are unknown; choose from: {', '.join(kinds)}")
    names = [each.name for each in classes]
    chosen = MaskKind(kind)
    if chosen not in _OF_ONE_CLASS:
        if class_name is not None:
            raise UsageError("--class, the class that masks show, needs --mask instances or binary")
        return MaskReading(chosen, tuple(classes))
    if class_name is None:
        if len(names) != _TWO:
            raise UsageError(
                f"the model has {len(names)} classes: select with --class which of them the masks "
                f"show ({', '.join(names)})"
            )
        return MaskReading(chosen, tuple(classes), 1)
    if class_name not in names:
        raise UsageError(f"the model has no class {class_name!r}; it has: {', '.join(names)}")
    return MaskReading(chosen, tuple(classes), names.index(class_name))
