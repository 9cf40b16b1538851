"""Which member names are safe to handle, and which would reach out of the archive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from czcheck.archive.members import Defect, DefectKind, Member

LONGEST_NAME = 512
# Names that Windows opens as devices, whatever their ending.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
)
_FIRST_PRINTABLE = 0x20
_DELETE = 0x7F


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
    if any(ord(char) < _FIRST_PRINTABLE or ord(char) == _DELETE for char in name):
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


def check_names(members: Iterable[Member]) -> list[Defect]:
    """Faults of the names: unsafe ones, and ones that collide on some file system.

    Args:
        members: The archive's members.

    Returns:
        One defect for each unsafe name and each group of colliding names.
    """
    members = list(members)
    defects = [
        Defect(DefectKind.NAME, reason, member.name)
        for member in members
        if (reason := unsafe(member.name)) is not None
    ]
    folded = Counter(member.path.rstrip("/").casefold() for member in members)
    told: set[str] = set()
    for member in members:
        key = member.path.rstrip("/").casefold()
        if folded[key] > 1 and key not in told:
            told.add(key)
            names = [other.name for other in members if other.path.rstrip("/").casefold() == key]
            same = len(set(names)) == 1
            detail = (
                f"occurs {len(names)} times"
                if same
                else "differs from another only in letter case or separator: " + ", ".join(names)
            )
            defects.append(Defect(DefectKind.DUPLICATE, detail, member.name))
    return defects
