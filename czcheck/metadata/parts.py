"""What is known of the metadata XML after reading it: plain values, no parser behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

# What XML takes for white space; Python's own idea of it has many more characters.
XML_SPACE = " \t\r\n"


class XmlElement(NamedTuple):
    """An element that the format knows.

    Attributes:
        name: Its name.
        path: XPath with positions, such as `/Model/TrainingClasses/Item[2]`.
        line: Line of its start tag, from 1.
        attributes: Names and values of the attributes that the format knows.
        text: Text before the first child, without white space around it.
        children: Elements in it, in document order.
    """

    name: str
    path: str
    line: int | None
    attributes: tuple[tuple[str, str], ...]
    text: str
    children: tuple[XmlElement, ...] = ()

    def attribute(self, name: str) -> str | None:
        """Value of an attribute without white space around it; None where it is missing."""
        return next((value.strip(XML_SPACE) for key, value in self.attributes if key == name), None)

    def child(self, name: str) -> XmlElement | None:
        """The first element in it that has this name."""
        return next((child for child in self.children if child.name == name), None)


class SchemaFault(NamedTuple):
    """One place where the document breaks the schema.

    Attributes:
        path: XPath of the element or attribute.
        line: Line of the element's start tag, from 1.
        reason: What is wrong there, as a sentence without a full stop.
    """

    path: str
    line: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class UnknownPart:
    """An element or attribute that the format does not know.

    Attributes:
        path: Its XPath.
        line: Line of its start tag, or of the tag that holds the attribute, from 1.
        kind: `element` or `attribute`.
        name: Its name; `{namespace}name` where it has a namespace.
        text: The attribute's value, or the element as XML.
        parent: XPath of the element that holds it.
    """

    path: str
    line: int | None
    kind: str
    name: str
    text: str
    parent: str


class XmlDocument(NamedTuple):
    """The metadata XML, read and checked by the schema.

    Attributes:
        fault: Why nothing can be read at all, with the line where it is known; None if readable.
        root_name: Name of the root element; `{namespace}name` where it has a namespace.
        version: The root's `Version` without white space around it; None where it is missing.
        schema_faults: Places where the document breaks the schema of version 3.0.0.
        unknown: Elements and attributes that the format does not know.
        root: The elements that the format knows; None unless the document fits the schema.
    """

    fault: str | None = None
    root_name: str | None = None
    version: str | None = None
    schema_faults: tuple[SchemaFault, ...] = ()
    unknown: tuple[UnknownPart, ...] = ()
    root: XmlElement | None = None

    def line_of(self, path: str) -> int | None:
        """Line of an element, from 1; None where it is not known.

        Args:
            path: The element's XPath with positions.
        """
        waiting = [] if self.root is None else [self.root]
        while waiting:
            element = waiting.pop()
            if element.path == path:
                return element.line
            waiting.extend(element.children)
        return None


def item_paths(parent: str, count: int) -> tuple[str, ...]:
    """XPaths of the items in a list; a single item has no position.

    Args:
        parent: XPath of the list.
        count: Number of items.
    """
    if count == 1:
        return (f"{parent}/Item",)
    return tuple(f"{parent}/Item[{index + 1}]" for index in range(count))


def line_of(element: Any) -> int | None:
    """Line of an element's start tag, from 1, where the parser knows it.

    Args:
        element: An lxml element; the type stubs have no usable type for its line.
    """
    line = element.sourceline
    return int(line) if line else None
