"""Members of an archive, and which names they may have."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from czcheck.text import is_unseen


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


LONGEST_NAME = 512
# Names that Windows opens as devices, whatever their ending.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
)
# Letters of other alphabets that look like Latin ones, Cyrillic and Greek.
_LIKE_LATIN = (
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04bb\u0501\u051b\u051d"
    "\u0405\u0406\u0408\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425"
    "\u03bd\u03bf\u03c1\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4"
    "\u03a5\u03a7"
)
_JOINERS = "\u200c\u200d"
_MIXED = re.compile(rf"[A-Za-z][{_LIKE_LATIN}]|[{_LIKE_LATIN}][A-Za-z]")


def unsafe(name: str) -> str | None:
    """Why a member's name is unsafe, or None.

    Args:
        name: The name as stored in the archive.
    """
    path = name.replace("\\", "/")
    parts = path.rstrip("/").split("/")
    if not path.strip("/"):
        return "is empty"
    if len(name) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    if any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in name):
        return "holds control characters"
    if path.startswith("/"):
        return "is an absolute path"
    if len(path) > 1 and path[1] == ":":
        return "begins with a drive letter"
    if ".." in parts:
        return "climbs out of the archive with `..`"
    if "." in parts or "" in parts:
        return "holds empty or `.` parts"
    for part in parts:
        if part.split(".")[0].rstrip(" ").lower() in _DEVICES:
            return f"holds {part!r}, a device on Windows"
        if part != part.rstrip(" ."):
            return "holds a part that ends in a dot or a space, which Windows drops"
    return None


def misread(member: Member) -> str | None:
    """Why programs, or people, read a member's name in different ways; None if they do not."""
    name = member.name
    if not member.is_marked:
        return "is not marked as UTF-8, so that each program reads it in a code page of its own"
    if any(map(_shows_nothing, name)):
        return "holds characters that show nothing or turn the direction of the text"
    if _MIXED.search(name):
        return "mixes letters of two alphabets that look alike"
    composed = unicodedata.normalize("NFC", name)
    if composed != name:
        return "is not in composed form (NFC), in which some programs store it"
    plain = unicodedata.normalize("NFKC", name)
    if plain.isascii() and plain != name:
        return f"looks like {plain}"
    return None


def _shows_nothing(char: str) -> bool:
    """Whether a character shows nothing by itself; joiners between letters included."""
    return char in _JOINERS or is_unseen(char)


def check_names(members: Iterable[Member]) -> list[Defect]:
    """Faults of the names: unsafe ones, and ones that collide on some file system.

    Returns:
        One defect for each unsafe name, each group of colliding names, and each file that has the
        name of a folder.
    """
    members = list(members)
    defects = [
        Defect(DefectKind.NAME, reason, member.name)
        for member in members
        if (reason := unsafe(member.name)) is not None
    ]
    groups: dict[str, list[Member]] = {}
    for member in members:
        groups.setdefault(_folded(member.path), []).append(member)
    for group in groups.values():
        if len(group) > 1:
            names = [member.name for member in group]
            detail = (
                f"occurs {len(names)} times"
                if len(set(names)) == 1
                else "is the same as another for some file systems, which differs in letter case, "
                "separator or the form of its characters: " + ", ".join(names)
            )
            defects.append(Defect(DefectKind.DUPLICATE, detail, group[0].name))
    defects.extend(_in_the_way(groups))
    return defects


def _in_the_way(groups: dict[str, list[Member]]) -> Iterator[Defect]:
    """Files that have the name of a folder: only one of the two can be unpacked."""
    reported: set[str] = set()
    for key, (member, *_) in groups.items():
        at = key.find("/")
        while at >= 0:
            above = key[:at]
            if above in groups and above not in reported and not groups[above][0].is_folder:
                reported.add(above)
                detail = f"is a file, and a folder that holds {member.name}"
                yield Defect(DefectKind.DUPLICATE, detail, groups[above][0].name)
            at = key.find("/", at + 1)


def _folded(path: str) -> str:
    """What of a path tells it from others on every file system.

    Some know no letter case, some store letters and their accents apart, some skip what shows
    nothing.
    """
    seen = "".join(char for char in path.rstrip("/") if not _shows_nothing(char))
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", seen).casefold())
