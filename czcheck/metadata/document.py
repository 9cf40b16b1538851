"""The Model XML as a document: parsed without entities, with the line of each element."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from lxml import etree

from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.metadata.parts import (
    XML_SPACE,
    SchemaFault,
    UnknownPart,
    XmlDocument,
    XmlElement,
    line_of,
)
from czcheck.metadata.schema import explain, validates
from czcheck.metadata.vocabulary import plain, take_out_unknown

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


__all__ = ["SchemaFault", "UnknownPart", "XmlDocument", "XmlElement", "read_document"]

# Both engines keep what they found last in the schema, which all documents share.
_one_at_a_time = threading.Lock()


def read_document(data: bytes, limits: Limits = DEFAULT_LIMITS) -> XmlDocument:
    """Read a metadata XML and hold it to the schema of version 3.0.0.

    What the format does not know is taken out first and returned as `unknown`.

    Args:
        data: The document as stored in the archive.
        limits: Limits; `xml_bytes` is the most that is looked at.

    Returns:
        The document, however bad: its `fault` says why nothing can be read, its `schema_faults`
        where it breaks the schema.
    """
    root = parse(data, limits.xml_bytes)
    if isinstance(root, Unreadable):
        return XmlDocument(fault=root.reason)
    name = str(root.tag)
    version = root.get("Version")
    # A foreign root says nothing about the elements in it: nothing to take out.
    unknown = take_out_unknown(root) if name == "Model" else ()
    with _one_at_a_time:
        sound = validates(root)
        faults = () if sound else explain(root)
    return XmlDocument(
        root_name=name,
        version=None if version is None else version.strip(XML_SPACE),
        schema_faults=faults,
        unknown=unknown,
        root=plain(root) if sound else None,
    )


_BOM = b"\xef\xbb\xbf"
_OTHER_ENCODINGS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"<\x00", "UTF-16"),
    (b"\x00<", "UTF-16"),
)
_GZIP = b"\x1f\x8b"
_DECLARATION = re.compile(r"<\?xml\s[^>]{0,200}?\bencoding\s*=\s*[\"']([^\"']{1,40})[\"']")
_UTF8_NAMES = ("utf-8", "utf8", "us-ascii", "ascii")
# A real document has some forty tags and attributes; counting bytes costs nothing.
_MOST_TAGS = 20_000
_DEEPEST = 32


class Unreadable(NamedTuple):
    """Why a document yields no tree.

    Attributes:
        reason: What is wrong, worded to follow "the document"; names the line where it is known.
    """

    reason: str


def parse(data: bytes, limit: int, most_tags: int = _MOST_TAGS) -> Element | Unreadable:
    """Parse a document with everything switched off that reaches beyond it.

    Comments and processing instructions are left out. Documents with a DOCTYPE are refused, so the
    only entities are the five of XML itself.

    Args:
        data: The document.
        limit: Most bytes that are looked at.
        most_tags: Most tags, and most attributes.

    Returns:
        The root element, or the reason why there is none.
    """
    text = _text_of(data, limit)
    if isinstance(text, Unreadable):
        return text
    start = _after_prolog(text)
    if text.startswith("<!DOCTYPE", start):
        line = _line(text, start)
        return Unreadable(f"has a DOCTYPE (line {line}); the format has none")
    if text.count("<") > most_tags or text.count("=") > most_tags:
        return Unreadable(f"has more than {most_tags} tags or attributes")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        at = error.lineno or None
        what = re.sub(r",? ?line \d+, column \d+( \(.*\))?$", "", error.msg or "").strip()
        where = "" if at is None else f" (line {at})"
        return Unreadable(f"is not well-formed XML: {what or 'no element found'}{where}")
    # The scan of the prolog makes both impossible; the parser is asked all the same.
    info: Any = root.getroottree().docinfo
    if info.doctype or next(root.iter(etree.Entity), None) is not None:
        return Unreadable("has a DOCTYPE or entities; the format has none")
    if deep := _too_deep(root):
        return Unreadable(f"nests elements deeper than {_DEEPEST} levels (line {deep})")
    return root


def _text_of(data: bytes, limit: int) -> str | Unreadable:
    """The document as text, without a byte order mark."""
    if len(data) > limit:
        return Unreadable(f"is larger than the limit of {limit} bytes")
    if not data.strip():
        return Unreadable("is empty")
    if data.startswith(_GZIP):
        return Unreadable("is compressed with gzip; it must be plain XML")
    for head, encoding in _OTHER_ENCODINGS:
        if data.startswith(head):
            return Unreadable(f"is encoded in {encoding}; it must be UTF-8")
    data = data.removeprefix(_BOM)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Unreadable(f"is not UTF-8 (line {line})")
    declared = _DECLARATION.match(text)
    if declared and declared[1].lower() not in _UTF8_NAMES:
        return Unreadable(f"declares the encoding {declared[1]}; it must be UTF-8")
    return text


def _after_prolog(text: str) -> int:
    """Where the DOCTYPE or the root element begins: after declaration, comments, white space."""
    position = 0
    while True:
        while text[position : position + 1].isspace():
            position += 1
        for opening, closing in (("<?", "?>"), ("<!--", "-->")):
            if text.startswith(opening, position):
                end = text.find(closing, position + len(opening))
                if end < 0:
                    return len(text)
                position = end + len(closing)
                break
        else:
            return position


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _too_deep(root: Element) -> int | None:
    """Line of an element that lies deeper than allowed, or None."""
    level = [root]
    for _ in range(_DEEPEST):
        level = [child for element in level for child in element]
        if not level:
            return None
    return line_of(level[0]) or 1
