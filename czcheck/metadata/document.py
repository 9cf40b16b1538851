"""Reading the metadata XML: bytes in, facts out; bad content is data."""

from __future__ import annotations

from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.metadata.parsing import Unreadable, parse
from czcheck.metadata.parts import XML_SPACE, SchemaFault, UnknownPart, XmlDocument, XmlElement
from czcheck.metadata.schema import explain, validates
from czcheck.metadata.vocabulary import plain, take_out_unknown

__all__ = ["SchemaFault", "UnknownPart", "XmlDocument", "XmlElement", "read_document"]


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
        return XmlDocument(fault=root.reason, fault_line=root.line)
    name = str(root.tag)
    version = root.get("Version")
    # A foreign root says nothing about the elements in it: nothing to take out.
    unknown = take_out_unknown(root) if name == "Model" else ()
    sound = validates(root)
    return XmlDocument(
        root_name=name,
        version=None if version is None else version.strip(XML_SPACE),
        schema_faults=() if sound else explain(root),
        unknown=unknown,
        root=plain(root) if sound else None,
    )
