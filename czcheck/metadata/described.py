"""The metadata that a specification describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from czcheck.metadata.colours import distinct_colours
from czcheck.metadata.model_metadata import ModelMetadata, SegmentationClass

if TYPE_CHECKING:
    from czcheck.metadata.spec import ModelSpec

NO_ID = "00000000-0000-0000-0000-000000000000"


def metadata_of_spec(spec: ModelSpec) -> ModelMetadata:
    """The metadata that a specification describes.

    Args:
        spec: The specification.

    Returns:
        The metadata; its id is all zeros if the specification gives none.
    """
    colours = spec.colors or distinct_colours(len(spec.classes))
    return ModelMetadata(
        model_id=spec.model_id or NO_ID,
        name=spec.name,
        classes=tuple(
            SegmentationClass(label_value=label, name=name, color=(colour[0], colour[1], colour[2]))
            for label, (name, colour) in enumerate(zip(spec.classes, colours, strict=True), start=1)
        ),
        pixel_types=spec.pixel_types,
        color_handling=spec.color_handling,
        border_size=spec.border_size,
    )
