"""What a ZIP archive holds, as facts: members, and what is wrong with them."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class DefectKind(Enum):
    """Kinds of faults of a container; each belongs to one rule."""

    UNREADABLE = "unreadable"
    STRUCTURE = "structure"
    MEMBER = "member"
    LIMIT = "limit"
    NAME = "name"
    DUPLICATE = "duplicate"


class Defect(NamedTuple):
    """One fault of a container.

    Attributes:
        kind: What kind of fault.
        detail: What is wrong, as the second half of a sentence.
        member: The member that it concerns; None for the archive as a whole.
    """

    kind: DefectKind
    detail: str
    member: str | None = None


class Member(NamedTuple):
    """One entry of the central directory.

    Attributes:
        name: The name as stored.
        size: Unpacked size in bytes, as declared.
        packed_size: Packed size in bytes, as declared.
        method: Compression method: 0 stored, 8 deflated.
        crc32: Checksum of the unpacked bytes, as declared.
        offset: Where the packed bytes begin in the archive.
        is_encrypted: Whether the packed bytes are encrypted, or a patch to another archive.
        is_marked: Whether everybody reads the name as UTF-8: it is ASCII, or marked as UTF-8.
        sha256: Digest of the unpacked bytes, in hexadecimal; None where they cannot be unpacked.
    """

    name: str
    size: int
    packed_size: int
    method: int
    crc32: int
    offset: int
    is_encrypted: bool = False
    is_marked: bool = True
    sha256: str | None = None

    @property
    def path(self) -> str:
        r"""The name with `/` as separator; old writers use `\`."""
        return self.name.replace("\\", "/")

    @property
    def is_folder(self) -> bool:
        """Whether the entry stands for a folder."""
        return self.path.endswith("/")
