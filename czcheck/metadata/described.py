"""Metadata of a specification, and a specification of metadata."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from czcheck.errors import InputError, UsageError
from czcheck.metadata.classes import SegmentationClass, numbered
from czcheck.metadata.description import described, new_id
from czcheck.metadata.model_metadata import ModelMetadata
from czcheck.metadata.spec import BuildSpec

_TIDIED = ("name", "model_id")  # white space around it, capitals in it
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


def of_spec(spec: BuildSpec) -> ModelMetadata:
    """The metadata that a specification describes, with an id of its own unless it gives one."""
    found = metadata_of_spec(spec)
    return found if spec.model_id else dataclasses.replace(found, model_id=new_id())


def spec_of(
    metadata: ModelMetadata, model_path: Path, licence: Path | None, base: BuildSpec | None = None
) -> BuildSpec:
    """A specification of what metadata describes.

    Args:
        metadata: The metadata; every value is checked as if it came from JSON.
        model_path: The SavedModel's folder, or a Keras file.
        licence: Licence to put into the archive; None for none.
        base: A specification that says what metadata does not, such as the tile's size.

    Raises:
        UsageError: The classes are no classes.
        InputError: A value is wrong, or is not one that a build writes.
    """
    if not all(isinstance(item, SegmentationClass) for item in metadata.classes):
        raise UsageError("classes of the metadata are given by name: ModelMetadata.from_params")
    plain = ModelMetadata(
        **described(
            {
                "ColorHandling": metadata.color_handling,
                "PixelType": metadata.pixel_types,
                "Classes": [item.name for item in metadata.classes],
                "BorderSize": metadata.border_size,
                "Name": metadata.name,
                "Colors": [item.color for item in metadata.classes],
                "Id": metadata.model_id,
            }
        )._asdict()
    )
    fields = [field.name for field in dataclasses.fields(metadata)]
    odd = [
        field
        for field in fields
        if field not in _TIDIED and getattr(plain, field) != getattr(metadata, field)
    ]
    if odd:
        raise InputError(
            f"the metadata's {', '.join(odd)} cannot be built into an archive, which says version "
            "3.0.0, numbers its classes from 1, and holds no element beyond the format's; make it "
            "with ModelMetadata.from_params"
        )
    values: dict[str, Any] = {
        "name": plain.name,
        "border_size": plain.border_size,
        "color_handling": plain.color_handling,
        "pixel_types": plain.pixel_types,
        "classes": tuple(item.name for item in plain.classes),
        "model_path": model_path,
        "model_id": plain.model_id,
        "colors": tuple(item.color for item in plain.classes),
        "license_file": licence,
    }
    if base is not None:
        return dataclasses.replace(base, **values)
    return BuildSpec(path=Path("the model specification"), **values)
