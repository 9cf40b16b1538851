"""Metadata of the OME-Zarr images that we write, made and checked by ome-zarr-models."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ome_zarr_models.common.image_label_types import Color, Property
from ome_zarr_models.v04.axes import Axis
from ome_zarr_models.v04.image_label_types import Label
from ome_zarr_models.v04.multiscales import Dataset, Multiscale
from ome_zarr_models.v04.omero import Channel, Omero, Window

if TYPE_CHECKING:
    from czcheck.images.content import Content
    from czcheck.images.image import Plane

_AXES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
_OPAQUE = 255


def image_attributes(content: Content, plane: Plane, path: str) -> dict[str, Any]:
    """Attributes of the group of one scene.

    Label images get `image-label`, with the colour and the name of each class; images with
    channels get `omero`, which is where names and colours of channels stand.

    Args:
        content: What is written.
        plane: A plane of the scene.
        path: The store, for a scene without a name.
    """
    known = content.pixel_size is not None
    height, width = content.pixel_size or (1.0, 1.0)
    multiscale = Multiscale(
        axes=[
            Axis(name=name, type=kind, unit="micrometer" if known and name in "yx" else None)
            for name, kind in _AXES.items()
        ],
        datasets=(Dataset.build(path="0", scale=(1, 1, 1, height, width), translation=None),),
        name=plane.scene_name or PurePosixPath(path.replace("\\", "/")).name,
        version="0.4",
    )
    attributes: dict[str, Any] = {"multiscales": [_plain(multiscale)]}
    if content.kind == "labels":
        label = Label(
            colors=tuple(
                Color.model_validate(
                    {"label-value": each.label_value, "rgba": (*each.color, _OPAQUE)}
                )
                for each in content.classes
            ),
            properties=tuple(
                Property.model_validate({"label-value": each.label_value, "name": each.name})
                for each in content.classes
            ),
            version="0.4",
        )
        return {**attributes, "image-label": _plain(label)}
    return {**attributes, "omero": _channels(content)}


def _channels(content: Content) -> dict[str, Any]:
    white = "FFFFFF"
    colours = ["{:02X}{:02X}{:02X}".format(*each.color) for each in content.classes]
    shown = colours if content.kind == "probabilities" else [white]
    window = Window(min=0, max=1, start=0, end=1)
    return _plain(
        Omero(
            channels=[
                Channel.model_validate({"label": name, "color": colour, "window": window})
                for name, colour in zip(content.channels, shown, strict=True)
            ]
        )
    )


def _plain(model: Any) -> dict[str, Any]:
    plain: dict[str, Any] = model.model_dump(by_alias=True, exclude_none=True, mode="json")
    return plain
