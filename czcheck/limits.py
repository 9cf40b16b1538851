"""Limits on everything that is read from an untrusted file."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
LARGEST_SIDE = 1 << 16
"""Pixels of the largest tile that can be asked for, at each side."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds, in bytes or counts, enforced on what is really read.

    Attributes:
        members: Members of the outer archive.
        inner_members: Members of the archive that holds the SavedModel.
        member_bytes: Bytes that one member may unpack to.
        archive_bytes: Bytes that all members together may unpack to.
        ratio: Unpacked over packed size of a member; small members are let off.
        xml_bytes: Size of the metadata XML.
        graph_bytes: Size of `saved_model.pb`, frozen weights included.
        index_bytes: Size of `variables/variables.index`.
        nodes: Graph nodes, those of functions included.
        functions: Functions in the graph's library.
        call_depth: Depth to which functions may call functions.
        spec_bytes: Size of a JSON specification.
    """

    members: int = 64
    inner_members: int = 4096
    member_bytes: int = 2 * GIB
    archive_bytes: int = 4 * GIB
    ratio: int = 1100
    xml_bytes: int = 1 * MIB
    graph_bytes: int = 2 * GIB
    index_bytes: int = 64 * MIB
    nodes: int = 200_000
    functions: int = 5_000
    call_depth: int = 100
    spec_bytes: int = 1 * MIB


DEFAULT_LIMITS = Limits()
