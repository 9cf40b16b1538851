"""The classes that a network tells apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SegmentationClass:
    """One class that the network tells apart.

    Attributes:
        label_value: Its value in a label image; 1 for output channel 0, and so on.
        name: Its name.
        color: Red, green, blue, each 0 to 255.
    """

    label_value: int
    name: str
    color: tuple[int, int, int]


def numbered(
    names: tuple[str, ...], colors: tuple[tuple[int, int, int], ...] | None = None
) -> tuple[SegmentationClass, ...]:
    """Classes in the order of the output channels: label values from 1.

    Args:
        names: Their names.
        colors: Red, green, blue of each; None for distinct ones.
    """
    from czcheck.metadata.colours import distinct_colours  # noqa: PLC0415

    found = colors or distinct_colours(len(names))
    return tuple(
        SegmentationClass(label_value=label, name=name, color=(red, green, blue))
        for label, (name, (red, green, blue)) in enumerate(zip(names, found, strict=True), start=1)
    )
