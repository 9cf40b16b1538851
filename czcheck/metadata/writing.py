"""Writing a Model XML in the form of the reference library."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from czcheck.errors import InputError
from czcheck.metadata.fields import FIELDS, Field
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
    text = "".join(
        (
            "<?xml version='1.0' encoding='utf-8'?>\n<Model",
            _pairs(("Version", metadata.version)),
            _attributes(unknown, "/Model"),
            ">",
            *(
                _field(element, value, unknown)
                for field in FIELDS
                for element, value in zip(field.elements, _values(metadata, field), strict=True)
            ),
            _elements(unknown, "/Model"),
            "</Model>",
        )
    )
    if bad := re.search(_NO_XML, text):
        raise InputError(f"the metadata holds the character U+{ord(bad[0]):04X}; XML cannot")
    return text.encode()


Pairs = tuple[tuple[str, str], ...]
Unknown = tuple[UnknownPart, ...]


def _values(metadata: ModelMetadata, field: Field) -> tuple[Any, ...]:
    """The value of each element that holds a field."""
    value = getattr(metadata, field.attribute)
    return value if len(field.elements) > 1 else (value,) * len(field.elements)


def _field(element: str, value: Any, unknown: Unknown) -> str:
    """One element; empty for a value that is not given."""
    if element == "Channels":
        return _list(element, [(("PixelType", name),) for name in value], unknown)
    if element == "TrainingClasses":
        return _list(element, map(_class_pairs, value), unknown)
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _element(element, text, unknown)


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
