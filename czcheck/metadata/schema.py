"""The schema of the Model XML. lxml judges; xmlschema explains what lxml has refused."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from lxml import etree

from czcheck.metadata.parts import XML_SPACE, SchemaFault, line_of
from czcheck.metadata.pixel_types import PIXEL_TYPES
from czcheck.metadata.vocabulary import CLASS, MODEL, Kind
from czcheck.shipped import shipped

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

SCHEMA = "model-3.0.0.xsd"
_MOST_FAULTS = 50
# Spaces to Python, and so to xmlschema, but not to XML; shown and validated as a visible sign.
_FALSE_SPACES = str.maketrans(
    dict.fromkeys("\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000", "\u2423")
    | dict.fromkeys(range(0x2000, 0x200B), "\u2423")
)
_LONGEST_VALUE = 60

_COLOUR = "a whole number from 0 to 255"
_SIZE = "a whole number of pixels from 1, in at most nine digits"
_USABLE = [each.name for each in PIXEL_TYPES.values() if each.usable]
# What each value has to be, worded to follow "it must be".
EXPECTED = {
    "Version": "3.0.0",
    "Id": "a GUID: 8, 4, 4, 4 and 12 hexadecimal digits joined by hyphens",
    "ModelName": "text",
    "Status": "Trained",
    "FeatureExtractor": "DeepNeuralNetwork",
    "Postprocessing": "text",
    "ColorHandling": "ConvertToMonochrome or SplitRgb",
    "PixelType": f"{', '.join(_USABLE[:-1])} or {_USABLE[-1]}",
    "LabelValue": "a whole number, in at most nine digits",
    "Name": "a name that is not blank",
    "colR": _COLOUR,
    "colG": _COLOUR,
    "colB": _COLOUR,
    "BorderSize": "a whole number of pixels from 0, in at most nine digits",
    "TotalTileHeight": _SIZE,
    "TotalTileWidth": _SIZE,
    "ScaleInputsByBitdepth": "true or false",
}


@lru_cache(maxsize=1)
def _source() -> bytes:
    return shipped("czcheck.schemas", SCHEMA)


@lru_cache(maxsize=1)
def _lxml_schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(_source()))


@lru_cache(maxsize=1)
def _xmlschema_schema() -> Any:
    # A third of a second to import and build: only for documents that have failed.
    import xmlschema  # noqa: PLC0415

    return xmlschema.XMLSchema10(_source().decode(), allow="none", use_fallback=False)


def validates(root: Element) -> bool:
    """Whether a document fits the schema, by lxml.

    Args:
        root: The root element, without what the format does not know.
    """
    return bool(_lxml_schema().validate(root))


def validates_with_xmlschema(root: Element) -> bool:
    """Whether a document fits the schema, by xmlschema.

    Args:
        root: The root element, without what the format does not know.
    """
    return bool(_xmlschema_schema().is_valid(_for_xmlschema(root), use_location_hints=False))


def _for_xmlschema(root: Element) -> Element:
    """A copy in which nothing is white space to Python that is none to XML."""
    copied = deepcopy(root)
    element: Any
    for element in copied.iter():
        element.text = element.text and element.text.translate(_FALSE_SPACES)
        element.tail = element.tail and element.tail.translate(_FALSE_SPACES)
        for name, value in element.attrib.items():
            element.attrib[name] = value.translate(_FALSE_SPACES)
    return copied


def explain(root: Element) -> tuple[SchemaFault, ...]:
    """Why a document does not fit the schema.

    Args:
        root: The root element of a document that lxml has refused.

    Returns:
        At least one fault, at most fifty, each place and reason once.
    """
    tag = str(root.tag)
    if tag != "Model":
        return (SchemaFault("/" + tag, line_of(root), _root_reason(tag)),)
    # One wrong value can break several facets of its type: each place and reason once.
    found = dict.fromkeys(_faults(root))
    if not found:
        # Both engines agree on every document known; the judge's own words otherwise.
        log: Any = _lxml_schema().error_log
        found = {SchemaFault("/Model", entry.line, _clipped(entry.message)): None for entry in log}
    return tuple(islice(found, _MOST_FAULTS))


def _root_reason(tag: str) -> str:
    namespace, _, name = tag.rpartition("}")
    if name == "Model":
        return f"the element Model has the namespace {_quoted(namespace[1:])}; the format has none"
    return f"the root element is {_clipped(tag)}; it must be Model"


def _faults(root: Element) -> Iterator[SchemaFault]:
    from xmlschema import XMLSchemaChildrenValidationError  # noqa: PLC0415 - see above

    errors = _xmlschema_schema().iter_errors(_for_xmlschema(root), use_location_hints=False)
    for error in islice(errors, 4 * _MOST_FAULTS):
        element: Any = error.elem
        path = str(error.path or "/Model")
        line = None if element is None else line_of(element)
        if element is None:
            yield SchemaFault(path, line, _clipped(str(error.reason)))
        elif isinstance(error, XMLSchemaChildrenValidationError):
            for reason in _children_reasons(element, path):
                yield SchemaFault(path, line, reason)
        else:
            attribute, reason = _reason(element, path, str(error.reason))
            yield SchemaFault(path + (f"/@{attribute}" if attribute else ""), line, reason)


def _children_reasons(element: Element, path: str) -> Iterator[str]:
    """What is missing or too many among an element's children."""
    name = str(element.tag)
    present = [str(child.tag) for child in element]
    kind = MODEL if path == "/Model" else (MODEL.children or {}).get(name, Kind())
    for child in kind.children or {}:
        count = present.count(child)
        if count == 0 and child not in kind.optional:
            yield f"the element {child} is missing"
        elif count > 1 and name != "TrainingClasses":
            yield f"the element {child} occurs {count} times; only one is allowed"


def _reason(element: Element, path: str, given: str) -> tuple[str | None, str]:
    """Attribute at fault, if any, and reason, for a fault of an element's own content."""
    name = str(element.tag)
    if "character data" in given:
        return None, f"{name} holds text where the format allows none"
    if given.startswith("duplicated value"):
        label = str(element.get("LabelValue")).strip(XML_SPACE)
        return "LabelValue", f"the label value {_clipped(label)} belongs to another class, too"
    if name != "Item" and len(element) and name in EXPECTED:
        return None, f"{name} holds elements; it must be {EXPECTED[name]}"
    for attribute in _attributes_of(element, path):
        value: str | None = element.attrib.get(attribute)
        if value is None and given == f"missing required attribute '{attribute}'":
            return None, f"the attribute {attribute} is missing"
        if value is not None and given.startswith(
            (f"attribute {attribute}=", f"attribute '{attribute}'")
        ):
            return attribute, _must_be(attribute, value)
    if name in EXPECTED:
        return None, _must_be(name, element.text or "")
    return None, _clipped(given)


def _attributes_of(element: Element, path: str) -> tuple[str, ...]:
    if path.startswith("/Model/TrainingClasses/Item"):
        return CLASS.attributes
    return ("PixelType",) if element.tag == "Item" else ("Version",)


def _must_be(name: str, value: str) -> str:
    value_text = _quoted(value.strip(XML_SPACE)) if value.strip(XML_SPACE) else "empty"
    return f"{name} is {value_text}; it must be {EXPECTED[name]}"


def _quoted(text: str) -> str:
    return f"'{_clipped(text)}'"


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "..."
