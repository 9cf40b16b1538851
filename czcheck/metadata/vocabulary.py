"""The elements and attributes that the format knows, and taking out all others.

XSD 1.0 has no way to say "these nine in any order, and whatever else there is". So what the format
does not know is cut out and stored as information, and the schema judges the rest.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lxml import etree

from czcheck.metadata.fields import FIELDS
from czcheck.metadata.parts import XML_SPACE, UnknownPart, XmlElement, line_of

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of element.

    Attributes:
        attributes: Attributes that it may have.
        children: Elements that it may hold, by name; None if it holds text.
        optional: Names of children that may be missing.
    """

    attributes: tuple[str, ...] = ()
    children: dict[str, Kind] | None = None
    optional: frozenset[str] = field(default_factory=frozenset)


TEXT = Kind()
CHANNEL = Kind(attributes=("PixelType",), children={})
CLASS = Kind(attributes=("LabelValue", "Name", "colB", "colG", "colR"), children={})
_LISTS = {"Channels": CHANNEL, "TrainingClasses": CLASS}
MODEL = Kind(
    attributes=("Version",),
    children={
        element: Kind(children={"Item": _LISTS[element]}) if element in _LISTS else TEXT
        for field in FIELDS
        for element in field.elements
    },
    optional=frozenset(
        element for field in FIELDS if field.is_optional for element in field.elements
    ),
)


def take_out_unknown(root: Element) -> tuple[UnknownPart, ...]:
    """Cut out of a `Model` element what the format does not know.

    Elements inside an element that holds text stay where they are: without them its text would read
    as something else (`1<b/>6` as 16). The schema then refuses them.

    Args:
        root: The element `Model`; it is changed.

    Returns:
        What was cut out, in document order.
    """
    unknown: list[UnknownPart] = []
    waiting: list[tuple[Element, Kind, str]] = [(root, MODEL, "/Model")]
    while waiting:
        element, kind, path = waiting.pop()
        for name in map(str, element.attrib):
            if name not in kind.attributes:
                value = str(element.attrib.pop(name))
                place = f"{path}/@{name}"
                line = line_of(element)
                unknown.append(UnknownPart(place, line, "attribute", name, value, path))
        if kind.children is None:
            continue
        here: list[UnknownPart] = []
        for child, place in reversed(_with_paths(element, path)):
            name = str(child.tag)
            if name in kind.children:
                # The last one pushed is the first one taken: document order.
                waiting.append((child, kind.children[name], place))
                continue
            source = etree.tostring(child, encoding="unicode", with_tail=False)
            here.append(UnknownPart(place, line_of(child), "element", name, source, path))
            _remove(child)
        unknown.extend(reversed(here))
        if not kind.children and not len(element) and not (element.text or "").strip(XML_SPACE):
            # An empty element in XSD may not even hold the line break of a pretty printer.
            element.text = None
    # Stable: parts of one element on one line stay in their order.
    return tuple(sorted(unknown, key=lambda part: part.line or 0))


def _with_paths(element: Element, path: str) -> list[tuple[Element, str]]:
    """The children with their XPaths; a position only where a name occurs more than once."""
    total = Counter(str(child.tag) for child in element)
    seen: Counter[str] = Counter()
    pairs = []
    for child in element:
        name = str(child.tag)
        seen[name] += 1
        position = f"[{seen[name]}]" if total[name] > 1 else ""
        pairs.append((child, f"{path}/{name}{position}"))
    return pairs


def _remove(child: Element) -> None:
    """Take an element out and leave the text that follows it."""
    parent = child.getparent()
    assert parent is not None
    if tail := child.tail:
        before = child.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + tail
        else:
            parent.text = (parent.text or "") + tail
    parent.remove(child)


def plain(root: Element) -> XmlElement:
    """A document that fits the schema as plain values.

    Args:
        root: The element `Model`; the schema has bounded its depth to three.
    """
    return _plain(root, "/Model")


def _plain(element: Element, path: str) -> XmlElement:
    return XmlElement(
        name=str(element.tag),
        path=path,
        line=line_of(element),
        attributes=tuple((str(name), str(value)) for name, value in element.attrib.items()),
        text=(element.text or "").strip(XML_SPACE),
        children=tuple(_plain(child, place) for child, place in _with_paths(element, path)),
    )
