"""The metadata that a specification describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from czcheck.metadata.colours import distinct_colours
from czcheck.metadata.model_metadata import ModelMetadata, SegmentationClass

if TYPE_CHECKING:
    from czcheck.metadata.spec import BuildSpec

NO_ID = "00000000-0000-0000-0000-000000000000"


def metadata_of_spec(spec: BuildSpec, new_id: str = NO_ID) -> ModelMetadata:
    """The metadata that a specification describes.

    Args:
        spec: The specification.
        new_id: Id of the model if the specification gives none.
    """
    return ModelMetadata(
        model_id=spec.model_id or new_id,
        name=spec.name,
        classes=numbered(spec.classes, spec.colors),
        pixel_types=spec.pixel_types,
        color_handling=spec.color_handling,
        border_size=spec.border_size,
    )


def numbered(
    names: tuple[str, ...], colors: tuple[tuple[int, int, int], ...] | None = None
) -> tuple[SegmentationClass, ...]:
    """Classes in the order of the output channels: label values from 1.

    Args:
        names: Their names.
        colors: Red, green, blue of each; None for distinct ones.
    """
    found = colors or distinct_colours(len(names))
    return tuple(
        SegmentationClass(label_value=label, name=name, color=(red, green, blue))
        for label, (name, (red, green, blue)) in enumerate(zip(names, found, strict=True), start=1)
    )
