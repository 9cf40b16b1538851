"""Writing a Model XML in the form of the reference library."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from czcheck.errors import InputError
from czcheck.metadata.model_metadata import item_paths
from czcheck.metadata.parts import UnknownPart

if TYPE_CHECKING:
    from czcheck.metadata.model_metadata import ModelMetadata, SegmentationClass

# Compiled where it is used: so wide a set of characters takes longer than all other patterns.
_NO_XML = "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
_XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"


def written(metadata: ModelMetadata) -> bytes:
    """Write metadata; `model_metadata.to_xml` says how.

    Args:
        metadata: The metadata.

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


Pairs = tuple[tuple[str, str], ...]
Unknown = tuple[UnknownPart, ...]


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
