"""Reading the metadata XML: bytes in, facts out; bad content is data."""

from __future__ import annotations

import threading

from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.metadata.parsing import Unreadable, parse
from czcheck.metadata.parts import XML_SPACE, SchemaFault, UnknownPart, XmlDocument, XmlElement
from czcheck.metadata.schema import explain, validates
from czcheck.metadata.vocabulary import plain, take_out_unknown

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
