"""The metadata of a model, read from a Model XML and written as the reference library does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.errors import InputError, UsageError
from czcheck.limits import DEFAULT_LIMITS
from czcheck.metadata.classes import SegmentationClass
from czcheck.metadata.parts import UnknownPart, item_paths
from czcheck.metadata.pixel_types import MONOCHROME, PIXEL_TYPES, PixelType

if TYPE_CHECKING:
    from czcheck.metadata.parts import XmlDocument, XmlElement

VERSION = "3.0.0"
STATUS = "Trained"
FEATURE_EXTRACTOR = "DeepNeuralNetwork"
# Compiled where it is used: so wide a set of characters takes longer than all other patterns.
_NO_XML = "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
_XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"
Pairs = tuple[tuple[str, str], ...]
Unknown = tuple[UnknownPart, ...]


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """The metadata of a model.

    Attributes:
        model_id: GUID that the names of the archive's members carry.
        name: Display name.
        classes: The classes in the order of the output channels.
        pixel_types: Pixel type of each image channel; exactly one in version 3.0.0.
        color_handling: `ConvertToMonochrome` or `SplitRgb`.
        border_size: Pixels at each side of a tile whose output is not used.
        postprocessing: Empty or `None` for none.
        version: Version of the format.
        status: `Trained`.
        feature_extractor: `DeepNeuralNetwork`.
        total_tile: (height, width) of the tile with its border in pixels, each None if not given.
        scale_inputs_by_bitdepth: Whether integer intensities are divided by the maximum of the
            pixel type; None if not given.
        unknown: Elements and attributes that the format does not know.
    """

    model_id: str
    name: str
    classes: tuple[SegmentationClass, ...]
    pixel_types: tuple[str, ...]
    color_handling: str
    border_size: int
    postprocessing: str = ""
    version: str = VERSION
    status: str = STATUS
    feature_extractor: str = FEATURE_EXTRACTOR
    total_tile: tuple[int | None, int | None] = (None, None)
    scale_inputs_by_bitdepth: bool | None = None
    unknown: tuple[UnknownPart, ...] = field(default=())

    @property
    def pixel_type(self) -> PixelType:
        """Pixel type of the first image channel, which in version 3.0.0 is the only one."""
        return PIXEL_TYPES[self.pixel_types[0]]

    @property
    def input_maximum(self) -> int:
        """Upper end of the range in which the network gets intensities: raw ones unless scaled."""
        return 1 if self.scale_inputs_by_bitdepth else self.pixel_type.maximum

    @property
    def input_divisor(self) -> int:
        """What raw intensities are divided by for the network; 1 unless they are scaled."""
        return self.pixel_type.maximum if self.scale_inputs_by_bitdepth else 1

    @property
    def scalar_count(self) -> int:
        """Numbers per pixel over all image channels, as they are in the image file."""
        return sum(PIXEL_TYPES[name].scalars for name in self.pixel_types)

    @property
    def channel_count(self) -> int:
        """Size of the input's last dimension that the metadata requires.

        Section 2, N17 of the format: with `SplitRgb` the scalars of all image channels; with
        `ConvertToMonochrome` each image channel counts one. Networks that take the scalars there
        (`scalar_count`) are known, too, and deserve a warning at most.
        """
        return len(self.pixel_types) if self.color_handling == MONOCHROME else self.scalar_count

    @classmethod
    def from_params(
        cls,
        color_handling: str,
        pixel_type: str | Sequence[str],
        classes: Sequence[str],
        border_size: int,
        name: str = "DNN Model",
        license_file: str | Path | None = None,
        *,
        colors: Sequence[Any] | None = None,
        model_id: str | None = None,
    ) -> ModelMetadata:
        """Describe a model, with the reference library's parameters in their order.

        Args:
            color_handling: `ConvertToMonochrome` or `SplitRgb`.
            pixel_type: Pixel type of the images, such as `Gray16`.
            classes: Names of the classes in the order of the output channels.
            border_size: Pixels at each side of a tile whose output is not used.
            name: Name of the model, by which ZEN shows it.
            license_file: Not here: a licence belongs to a `BuildSpec`.
            colors: Colour of each class, `#rrggbb` or (red, green, blue) with numbers from 0 to
                255; distinct ones unless given.
            model_id: GUID of the model; one of its own unless given.

        Returns:
            The metadata.

        Raises:
            UsageError: A licence is given.
            InputError: A value is wrong: one line with its name and what to give.
        """
        from czcheck.metadata.description import PARAMETERS, described  # noqa: PLC0415

        if license_file is not None:
            raise UsageError(
                "metadata holds no licence; give license_file to ModelSpec, which puts the file "
                "into the archive"
            )
        values = {
            "ColorHandling": color_handling,
            "PixelType": pixel_type,
            "Classes": classes,
            "BorderSize": border_size,
            "Name": name,
            "Colors": colors,
            "Id": model_id,
        }
        return cls(**described(values, PARAMETERS)._asdict())

    @classmethod
    def from_json(cls, model_metadata: str | Path | Mapping[str, Any]) -> ModelMetadata:
        """Read the metadata in a JSON specification. Section 1.7 of the format.

        The files that it names, `ModelPath` above all, need not be there.

        Args:
            model_metadata: Path of the JSON file, or what is in it.

        Returns:
            The metadata, with an id of its own unless the specification gives one.

        Raises:
            UsageError: There is no such file.
            InputError: A value is missing or wrong: one line with place, name and what to give.
        """
        from czcheck.metadata.description import of_json  # noqa: PLC0415

        return cls(**of_json(model_metadata)._asdict())

    @classmethod
    def from_xml(cls, source: bytes | str | Path) -> ModelMetadata:
        """Read a Model XML, all of it.

        Args:
            source: The document as bytes, or the path of its file.

        Returns:
            The metadata.

        Raises:
            UsageError: There is no such file.
            InputError: The document cannot be read, or breaks the schema.
        """
        return _of_xml(source)

    def to_xml(self, path: str | Path | None = None) -> bytes:
        """Write the Model XML.

        Args:
            path: File to write it to, whole or not at all; None for none.

        Returns:
            The document, UTF-8 without a byte order mark.

        Raises:
            UsageError: The path is none.
            InputError: A value breaks the schema, a text holds a character that XML cannot hold,
                or the file cannot be written.
        """
        if path is not None and not isinstance(path, (str, Path)):
            raise UsageError(f"path is of type {type(path).__name__}; give a path")
        data = to_xml(self)
        _of_xml(data)  # what was changed by `dataclasses.replace` may be no metadata any more
        if path is not None:
            from czcheck.files import replacing  # noqa: PLC0415

            with replacing(Path(path)) as temporary:
                temporary.write_bytes(data)
        return data


def metadata_of(document: XmlDocument) -> ModelMetadata:
    """Read the meaning of a document.

    Args:
        document: A document that fits the schema.

    Raises:
        InputError: The document cannot be read, or breaks the schema.
    """
    root = document.root
    if document.fault is not None:
        raise InputError(f"the metadata XML {document.fault}")
    if root is None:
        raise InputError(f"the metadata XML breaks the schema: {document.schema_faults[0].reason}")
    return ModelMetadata(
        model_id=_text(root, "Id"),
        name=_text(root, "ModelName"),
        classes=tuple(
            SegmentationClass(
                label_value=int(_value(item, "LabelValue")),
                name=_value(item, "Name"),
                color=(
                    int(_value(item, "colR")),
                    int(_value(item, "colG")),
                    int(_value(item, "colB")),
                ),
            )
            for item in _items(root, "TrainingClasses")
        ),
        pixel_types=tuple(_value(item, "PixelType") for item in _items(root, "Channels")),
        color_handling=_text(root, "ColorHandling"),
        border_size=int(_text(root, "BorderSize")),
        postprocessing=_text(root, "Postprocessing"),
        version=_value(root, "Version"),
        status=_text(root, "Status"),
        feature_extractor=_text(root, "FeatureExtractor"),
        total_tile=(_size(root, "TotalTileHeight"), _size(root, "TotalTileWidth")),
        scale_inputs_by_bitdepth=_flag(root, "ScaleInputsByBitdepth"),
        unknown=document.unknown,
    )


def _text(root: XmlElement, name: str) -> str:
    child = root.child(name)
    return "" if child is None else child.text


def _value(element: XmlElement, name: str) -> str:
    return element.attribute(name) or ""


def _items(root: XmlElement, name: str) -> tuple[XmlElement, ...]:
    child = root.child(name)
    return () if child is None else child.children


# The schema has seen to it that numbers are one to nine ASCII digits.
def _size(root: XmlElement, name: str) -> int | None:
    text = _text(root, name)
    return int(text) if text else None


def _flag(root: XmlElement, name: str) -> bool | None:
    text = _text(root, name).lower()
    return text in ("true", "1") if text else None


def _of_xml(source: bytes | str | Path) -> ModelMetadata:
    """The metadata in a Model XML.

    Args:
        source: The document, or the path of its file.

    Raises:
        UsageError: There is no such file.
        InputError: The document cannot be read, or breaks the schema.
    """
    from czcheck.metadata.description import path_of  # noqa: PLC0415
    from czcheck.metadata.document import read_document  # noqa: PLC0415

    where = ""
    if not isinstance(source, bytes):
        instead = "the document as bytes, which text.encode() makes of a text"
        path = path_of("source", source, instead)
        where = f"{path}: "
        try:
            with path.open("rb") as stream:
                source = stream.read(DEFAULT_LIMITS.xml_bytes + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"{where}cannot be opened: {reason}") from None
    try:
        return metadata_of(read_document(source))
    except InputError as error:
        raise InputError(f"{where}{error}") from None


def to_xml(metadata: ModelMetadata) -> bytes:
    """Write the metadata exactly as the reference library does: one line after the declaration.

    What the format does not know follows unchanged, in its element.

    Returns:
        The document, UTF-8 without a byte order mark.

    Raises:
        InputError: A text holds a character that XML cannot hold.
    """
    unknown = metadata.unknown
    height, width = metadata.total_tile
    scale = metadata.scale_inputs_by_bitdepth
    text = "".join(
        (
            "<?xml version='1.0' encoding='utf-8'?>\n<Model",
            _pairs(("Version", metadata.version)),
            _attributes(unknown, "/Model"),
            ">",
            _element("Id", metadata.model_id, unknown),
            _element("ModelName", metadata.name, unknown),
            _element("Status", metadata.status, unknown),
            _element("FeatureExtractor", metadata.feature_extractor, unknown),
            _element("Postprocessing", metadata.postprocessing, unknown),
            _element("ColorHandling", metadata.color_handling, unknown),
            _list("Channels", [(("PixelType", name),) for name in metadata.pixel_types], unknown),
            _list("TrainingClasses", map(_class_pairs, metadata.classes), unknown),
            _element("BorderSize", str(metadata.border_size), unknown),
            "" if height is None else _element("TotalTileHeight", str(height), unknown),
            "" if width is None else _element("TotalTileWidth", str(width), unknown),
            "" if scale is None else _element("ScaleInputsByBitdepth", str(scale).lower(), unknown),
            _elements(unknown, "/Model"),
            "</Model>",
        )
    )
    if bad := re.search(_NO_XML, text):
        raise InputError(f"the metadata holds the character U+{ord(bad[0]):04X}; XML cannot")
    return text.encode()


def _class_pairs(item: SegmentationClass) -> Pairs:
    red, green, blue = (str(part) for part in item.color)
    label = str(item.label_value)
    return (
        ("LabelValue", label),
        ("Name", item.name),
        ("colB", blue),
        ("colG", green),
        ("colR", red),
    )


def _list(name: str, items: Iterable[Pairs], unknown: Unknown) -> str:
    """An element that holds items, with what was unknown in it and in them."""
    path = f"/Model/{name}"
    pairs = list(items)
    body = ""
    for place, item in zip(item_paths(path, len(pairs)), pairs, strict=True):
        inner = _elements(unknown, place)
        body += f"<Item{_pairs(*item)}{_attributes(unknown, place)}"
        body += f">{inner}</Item>" if inner else " />"
    body += _elements(unknown, path)
    return f"<{name}{_attributes(unknown, path)}>{body}</{name}>"


def _element(name: str, text: str, unknown: Unknown) -> str:
    start = name + _attributes(unknown, f"/Model/{name}")
    return f"<{start}>{_escape(text)}</{name}>" if text else f"<{start} />"


def _pairs(*pairs: tuple[str, str]) -> str:
    return "".join(f' {name}="{_escape_value(value)}"' for name, value in pairs)


def _elements(unknown: Unknown, parent: str) -> str:
    return "".join(p.text for p in unknown if p.parent == parent and p.kind == "element")


def _attributes(unknown: Unknown, parent: str) -> str:
    text = ""
    for number, part in enumerate(unknown):
        if part.parent != parent or part.kind != "attribute":
            continue
        namespace, _, name = part.name.rpartition("}")
        if namespace == "{" + _XML_NAMESPACE:
            name = f"xml:{name}"
        elif namespace:
            text += _pairs((f"xmlns:ns{number}", namespace[1:]))
            name = f"ns{number}:{name}"
        text += _pairs((name, part.text))
    return text


def _escape(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#13;")


def _escape_value(text: str) -> str:
    text = _escape(text).replace('"', "&quot;")
    return text.replace("\n", "&#10;").replace("\t", "&#09;")
