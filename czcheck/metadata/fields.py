"""The fields of a model's metadata, and the keys of a specification: what each is called where."""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    """One field of the metadata.

    Attributes:
        attribute: Attribute of `ModelMetadata` that holds it.
        name: The format's name of the field.
        elements: Elements of `Model` in the XML that hold it, in their order; none where it is an
            attribute of `Model` itself.
        key: Key of a specification that gives it; empty where none does.
        is_optional: Whether the XML may leave it out.
        is_input: Whether it says which images the network takes, and how.
    """

    attribute: str
    name: str
    elements: tuple[str, ...]
    key: str = ""
    is_optional: bool = False
    is_input: bool = False

    @property
    def path(self) -> str:
        """XPath of the place in the XML that findings on its value name."""
        if not self.elements:
            return f"/Model/@{self.name}"
        item = "/Item" if self.elements == ("Channels",) else ""
        return f"/Model/{self.elements[0]}{item}"


FIELDS = (
    Field("version", "Version", ()),
    Field("model_id", "Id", ("Id",), "Id"),
    Field("name", "ModelName", ("ModelName",), "Name"),
    Field("status", "Status", ("Status",)),
    Field("feature_extractor", "FeatureExtractor", ("FeatureExtractor",)),
    Field("postprocessing", "Postprocessing", ("Postprocessing",)),
    Field("color_handling", "ColorHandling", ("ColorHandling",), "ColorHandling", is_input=True),
    Field("pixel_types", "PixelType", ("Channels",), "PixelType", is_input=True),
    Field("classes", "TrainingClasses", ("TrainingClasses",), "Classes"),
    Field("border_size", "BorderSize", ("BorderSize",), "BorderSize"),
    Field("total_tile", "TotalTile", ("TotalTileHeight", "TotalTileWidth"), is_optional=True),
    Field(
        "scale_inputs_by_bitdepth",
        "ScaleInputsByBitdepth",
        ("ScaleInputsByBitdepth",),
        is_optional=True,
        is_input=True,
    ),
)
"""All fields in the order of the XML; the unknown parts of a document are none."""


class Key(NamedTuple):
    """One key of a specification.

    Attributes:
        name: The key.
        attribute: Attribute of the specification that holds its value.
        parameter: Parameter of `ModelMetadata.from_params` with the same meaning; empty for none.
        is_required: Whether every specification has it.
    """

    name: str
    attribute: str
    parameter: str = ""
    is_required: bool = False


KEYS = (
    Key("BorderSize", "border_size", "border_size", is_required=True),
    Key("ColorHandling", "color_handling", "color_handling", is_required=True),
    Key("PixelType", "pixel_types", "pixel_type", is_required=True),
    Key("Classes", "classes", "classes", is_required=True),
    Key("ModelPath", "model_path", is_required=True),
    Key("Name", "name", "name"),
    Key("Id", "model_id", "model_id"),
    Key("LicenseFile", "license_file"),
    Key("TestImageFile", "test_image_file"),
    Key("SpatialDims", "spatial_dims"),
    Key("Colors", "colors", "colors"),
    Key("Preprocessing", "preprocessing"),
    Key("Postprocessing", "postprocessing"),
)
"""All keys, in the order in which messages list them."""

REQUIRED = tuple(each.name for each in KEYS if each.is_required)
"""Keys that every specification has."""

OPTIONAL = tuple(each.name for each in KEYS if not each.is_required)
"""Keys that a specification may leave out."""
