"""The ZIP directory, read strictly: one end record, agreeing headers, disjoint ranges.

Python's `zipfile` accepts archives that other readers see differently (forged counts, overlapping
members, data before or after the archive). A gate must not: what it checked has to be what
everybody else unpacks.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import pairwise
from typing import BinaryIO

from czcheck.archive.foreign import HEAD, about_file
from czcheck.archive.members import Defect, DefectKind, Member

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MASK32 = 0xFFFFFFFF
_MASK16 = 0xFFFF
_LONGEST_COMMENT = 0xFFFF
_DIRECTORY_BYTES_PER_MEMBER = 4096
_FLAG_ENCRYPTED = 0x1
_FLAG_DESCRIPTOR = 0x8
_FLAG_PATCHED = 0x20
_FLAG_STRONG = 0x40
_FLAG_UTF8 = 0x800
_EXTRA_ZIP64 = 0x0001
_EXTRA_UNICODE_PATH = 0x7075
# Systems whose archives carry the modes of Unix: Unix itself, macOS.
_UNIX = (3, 19)
_SYMLINK, _FOLDER, _PLAIN = 0o120000, 0o040000, (0, 0o100000)
_FILE_TYPE = 0o170000
_DOS_FOLDER = 0x10
_END64_SIZE = 44
_SECOND_NAME = "carries a second, different name"
STORED, DEFLATED = 0, 8


@dataclass(slots=True)
class Directory:
    """What the directory says.

    Attributes:
        members: Members whose headers hold together, in the order of the directory.
        defects: What is wrong.
    """

    members: list[Member] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)

    def fault(self, kind: DefectKind, detail: str, member: str | None = None) -> None:
        """Note a defect."""
        self.defects.append(Defect(kind, detail, member))


@dataclass(frozen=True, slots=True)
class _End:
    """Where the central directory lies, from the end record."""

    count: int
    size: int
    offset: int
    position: int


def read_directory(stream: BinaryIO, size: int, max_members: int) -> Directory:
    """Read the directory of a ZIP archive.

    Args:
        stream: The archive, seekable.
        size: Its length in bytes.
        max_members: Most members to accept.

    Returns:
        Members and defects; no members where the structure cannot be trusted.
    """
    directory = Directory()
    try:
        end = _read_end(stream, size, directory)
        if end is None:
            return directory
        if end.count > max_members:
            directory.fault(
                DefectKind.LIMIT, f"holds {end.count} members; the limit is {max_members}"
            )
            return directory
        if end.size > max_members * _DIRECTORY_BYTES_PER_MEMBER:
            directory.fault(DefectKind.LIMIT, f"has a directory of {end.size} bytes")
            return directory
        _read_members(stream, end, directory)
    except struct.error:
        directory.fault(DefectKind.STRUCTURE, "has a directory that is cut short")
    return directory


def _read_end(stream: BinaryIO, size: int, directory: Directory) -> _End | None:
    """Find the one end record; note what is wrong and return None if it cannot be trusted."""
    tail_start = max(0, size - _END.size - _LONGEST_COMMENT)
    stream.seek(tail_start)
    tail = stream.read(size - tail_start)
    places = []
    place = tail.find(b"PK\x05\x06")
    while place >= 0:
        places.append(place)
        place = tail.find(b"PK\x05\x06", place + 1)
    whole = [place for place in places if place + _END.size <= len(tail)]
    if not whole:
        stream.seek(0)
        directory.fault(DefectKind.UNREADABLE, about_file(stream.read(HEAD), size))
        return None
    exact = [
        place
        for place in whole
        if place + _END.size + _END.unpack_from(tail, place)[7] == len(tail)
    ]
    if not exact:
        extra = len(tail) - whole[-1] - _END.size - int(_END.unpack_from(tail, whole[-1])[7])
        directory.fault(
            DefectKind.STRUCTURE,
            f"has {extra} bytes after its end record"
            if extra > 0
            else "has an end record that is cut short",
        )
        return None
    # Most programs take the last one that they find, whether or not it reaches the file's end.
    if len(exact) > 1 or exact[0] != places[-1]:
        directory.fault(DefectKind.STRUCTURE, "has more than one end record")
        return None
    position = tail_start + exact[0]
    _, disk, first_disk, here, count, length, offset, _ = _END.unpack_from(tail, exact[0])
    end = _End(count, length, offset, position)
    if disk or first_disk or here != count:
        directory.fault(DefectKind.STRUCTURE, "is one part of an archive in several volumes")
        return None
    if count == _MASK16 or _MASK32 in (length, offset):
        wide = _read_end64(stream, position)
        if wide is None or not _agree(end, wide):
            directory.fault(DefectKind.STRUCTURE, "has a broken ZIP64 end record")
            return None
        end = wide
    elif _locator_at(stream, position):
        # Many programs follow it all the same, and find another directory.
        directory.fault(
            DefectKind.STRUCTURE, "has a ZIP64 end record that its end record does not call for"
        )
        return None
    if end.offset + end.size != end.position:
        directory.fault(
            DefectKind.STRUCTURE,
            "has a directory that does not end where the end record begins"
            " (data before or inside the archive, or a forged offset)",
        )
        return None
    return end


def _locator_at(stream: BinaryIO, position: int) -> bool:
    """Whether a ZIP64 locator stands in front of the end record."""
    if position < _END64_LOCATOR.size:
        return False
    stream.seek(position - _END64_LOCATOR.size)
    return stream.read(4) == b"PK\x06\x07"


def _agree(end: _End, wide: _End) -> bool:
    """Whether an end record, where it says something itself, says the same as its ZIP64 form."""
    return (
        end.count in (_MASK16, wide.count)
        and end.size in (_MASK32, wide.size)
        and end.offset in (_MASK32, wide.offset)
    )


def _read_end64(stream: BinaryIO, position: int) -> _End | None:
    """The ZIP64 end record, or None if it is not where its locator says."""
    if position < _END64_LOCATOR.size + _END64.size:
        return None
    stream.seek(position - _END64_LOCATOR.size)
    magic, disk, offset, disks = _END64_LOCATOR.unpack(stream.read(_END64_LOCATOR.size))
    if magic != b"PK\x06\x07" or disk or disks > 1:
        return None
    if offset + _END64.size != position - _END64_LOCATOR.size:
        return None
    stream.seek(offset)
    record = _END64.unpack(stream.read(_END64.size))
    if record[:2] != (b"PK\x06\x06", _END64_SIZE) or record[4] or record[5]:
        return None
    if record[6] != record[7]:
        return None
    return _End(record[7], record[8], record[9], offset)


def _read_members(stream: BinaryIO, end: _End, directory: Directory) -> None:
    """Read every entry and its local header; members whose headers agree are returned."""
    stream.seek(end.offset)
    data = stream.read(end.size)
    at = 0
    ranges: list[tuple[int, int, str]] = []
    for _ in range(end.count):
        entry = _CENTRAL.unpack_from(data, at)
        if entry[0] != b"PK\x01\x02":
            directory.fault(DefectKind.STRUCTURE, "has a directory with fewer entries than it says")
            return
        at += _CENTRAL.size
        raw_name, raw_extra = data[at : at + entry[10]], data[at + entry[10] :][: entry[11]]
        at += entry[10] + entry[11] + entry[12]
        if at > len(data):
            directory.fault(DefectKind.STRUCTURE, "has a directory that is cut short")
            return
        checked = _check_entry(stream, entry, raw_name, raw_extra, end.offset, directory)
        if checked is not None:
            member, start, stop = checked
            directory.members.append(member)
            ranges.append((start, stop, member.name))
    if at != len(data):
        directory.fault(DefectKind.STRUCTURE, "has a directory with more entries than it says")
    ranges.sort()
    for (_, stop, first), (start, _, second) in pairwise(ranges):
        if start < stop:
            directory.fault(
                DefectKind.STRUCTURE, f"shares bytes with member {first}: they overlap", second
            )
    # A member that was refused above may take these bytes.
    if ranges and len(ranges) == end.count:
        _check_gaps(ranges, end.offset, directory)


def _check_gaps(ranges: list[tuple[int, int, str]], stop: int, directory: Directory) -> None:
    """Note bytes that belong to no member: whoever reads from front to back takes them for some."""
    if ranges[0][0] != 0:
        directory.fault(DefectKind.STRUCTURE, f"has {ranges[0][0]} bytes before its first member")
    for (_, end, _), (start, _, name) in pairwise([*ranges, (stop, stop, "")]):
        if start > end:
            where = "in front of" if name else "between its last member and its directory"
            detail = f"has {start - end} bytes {where}"
            directory.fault(
                DefectKind.STRUCTURE,
                f"{detail} it that belong to no member" if name else detail,
                name or None,
            )


def _check_entry(
    stream: BinaryIO,
    entry: tuple[int, ...],
    raw_name: bytes,
    raw_extra: bytes,
    limit: int,
    directory: Directory,
) -> tuple[Member, int, int] | None:
    """Hold one directory entry against its local header.

    Returns:
        The member and the range of bytes that it takes, or None with a defect noted.
    """
    (made_by, flags, method, crc, packed, size) = (entry[1], *entry[3:5], *entry[7:10])
    attributes, offset = entry[15], entry[16]
    name = _decode(raw_name, flags)
    shown = name if name is not None else repr(raw_name)[2:-1]
    if name is None:
        directory.fault(DefectKind.NAME, "is not valid UTF-8", shown)
        return None
    extra = _extra_fields(raw_extra)
    wide = None if extra is None else _zip64(extra.get(_EXTRA_ZIP64), size, packed, offset)
    if extra is None or wide is None:
        what = "extra field" if extra is None else "ZIP64 field"
        directory.fault(DefectKind.STRUCTURE, f"has a broken {what}", name)
        return None
    size, packed, offset = wide
    odd = _odd_kind(name, made_by, attributes, size)
    if odd is not None:
        directory.fault(*odd, name)
        return None
    stream.seek(offset)
    header = stream.read(_LOCAL.size)
    if offset + _LOCAL.size > limit or header[:4] != b"PK\x03\x04":
        directory.fault(DefectKind.STRUCTURE, "has no header where the directory says", name)
        return None
    local = _LOCAL.unpack(header)
    local_name = stream.read(local[9])
    local_extra = _extra_fields(stream.read(local[10]))
    if local_extra is None or any(map(_renamed, (extra, local_extra), (name, name))):
        what = "has a broken extra field" if local_extra is None else _SECOND_NAME
        directory.fault(DefectKind.STRUCTURE, what, name)
        return None
    start = offset + _LOCAL.size + local[9] + local[10]
    described = bool(flags & _FLAG_DESCRIPTOR)
    local_sizes = _zip64(local_extra.get(_EXTRA_ZIP64), local[8], local[7])
    values = (local[6], *(local_sizes[::-1] if local_sizes else (-1, -1)))
    agreed = values == (crc, packed, size) or (described and not any(values))
    if local_name != raw_name or local[2] != flags or local[3] != method or not agreed:
        directory.fault(
            DefectKind.STRUCTURE, "differs between its own header and the directory", name
        )
        return None
    stop = start + packed
    if described:
        stop = _descriptor_end(stream, stop, crc, packed, size)
    if stop > limit or stop < 0:
        directory.fault(
            DefectKind.STRUCTURE,
            "reaches past the end of the members, or lacks its data descriptor",
            name,
        )
        return None
    encrypted = bool(flags & (_FLAG_ENCRYPTED | _FLAG_STRONG | _FLAG_PATCHED))
    marked = raw_name.isascii() or bool(flags & _FLAG_UTF8)
    return Member(name, size, packed, method, crc, start, encrypted, marked), offset, stop


def _odd_kind(name: str, made_by: int, attributes: int, size: int) -> tuple[DefectKind, str] | None:
    """What is wrong with a member that is no plain file, by its name or its attributes."""
    mode = (attributes >> 16) & _FILE_TYPE if made_by >> 8 in _UNIX else 0
    if mode == _SYMLINK:
        return DefectKind.NAME, "is a symbolic link"
    if mode not in (*_PLAIN, _FOLDER):
        return DefectKind.NAME, "is a device, a pipe or a socket"
    if name.replace("\\", "/").endswith("/"):
        if size:
            return DefectKind.STRUCTURE, f"is named as a folder and holds {size} bytes"
    elif mode == _FOLDER or attributes & _DOS_FOLDER:
        return DefectKind.STRUCTURE, "is named as a file and marked as a folder"
    return None


def _renamed(extra: dict[int, bytes], name: str) -> bool:
    """Whether extra fields give a member another name than its header."""
    field = extra.get(_EXTRA_UNICODE_PATH)
    return field is not None and field[5:] != name.encode()


def _decode(raw: bytes, flags: int) -> str | None:
    try:
        return raw.decode("utf-8" if flags & _FLAG_UTF8 else "cp437")
    except UnicodeDecodeError:
        return None


def _extra_fields(raw: bytes) -> dict[int, bytes] | None:
    """Extra fields by their id; None where one is cut short, or twice there and read by programs.

    Up to three bytes at the end are what some writers fill up with.
    """
    fields: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(raw):
        key, length = struct.unpack_from("<HH", raw, at)
        at += 4 + length
        if at > len(raw) or (key in fields and key in (_EXTRA_ZIP64, _EXTRA_UNICODE_PATH)):
            return None
        fields[key] = raw[at - length : at]
    return fields


def _zip64(raw: bytes | None, *plain: int) -> list[int] | None:
    """Sizes, and the offset if it is given, with their ZIP64 values put in.

    Returns:
        The values, or None where one is missing, or where the field says otherwise than the header:
        some programs follow the one, some the other.
    """
    raw = raw or b""
    found = [int.from_bytes(raw[at : at + 8], "little") for at in range(0, len(raw) - 7, 8)]
    masked = [at for at, value in enumerate(plain) if value == _MASK32]
    if len(masked) > len(found):
        return None
    values = list(plain)
    for at, value in zip(masked, found, strict=False):
        values[at] = value
    # Writers that repeat what the header says write all of the values.
    if len(found) > len(masked) and any(map(int.__ne__, found, values)):
        return None
    return values


def _descriptor_end(stream: BinaryIO, at: int, crc: int, packed: int, size: int) -> int:
    """Where a member's data descriptor ends; -1 if there is none that fits."""
    stream.seek(at)
    data = stream.read(24)
    for prefix in (b"PK\x07\x08", b""):
        for layout in ("<LLL", "<LQQ"):
            record = prefix + struct.pack(layout, crc, packed & _wide(layout), size & _wide(layout))
            if data.startswith(record):
                return at + len(record)
    return -1


def _wide(layout: str) -> int:
    return _MASK32 if layout == "<LLL" else 0xFFFFFFFFFFFFFFFF
