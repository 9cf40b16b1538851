"""Reads ZIP archives: members unpacked as a stream, under limits, with their checksums."""

from __future__ import annotations

import hashlib
import io
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import IO, BinaryIO, cast

from czcheck.archive.directory import DEFLATED, STORED, read_directory
from czcheck.archive.members import Defect, DefectKind, Member, check_names
from czcheck.errors import InputError
from czcheck.limits import MIB, Limits

CHUNK = 1 << 18
"""Larger buffers go back to the system each time, and cost more than they save."""
# Payloads up to this size stay in memory; larger ones go to an unnamed temporary file.
_IN_MEMORY = 64 * MIB
# A highly compressible small member is no bomb.
_RATIO_FREE = 1 * MIB


class _BrokenMemberError(Exception):
    """A member that cannot be unpacked; its argument is the defect."""

    def __init__(self, defect: Defect) -> None:
        super().__init__(defect.detail)
        self.defect = defect


class Archive:
    """A ZIP archive whose members have all been unpacked once, and so are known to be sound.

    Attributes:
        size: Length of the archive in bytes.
        members: Its members, in the order of the directory.
        defects: What is wrong with it.
    """

    def __init__(
        self, stream: BinaryIO, limits: Limits, max_members: int, *, keep: str | None = None
    ) -> None:
        """Read the directory and test every member.

        Args:
            stream: The archive, seekable; it stays open and belongs to the caller.
            limits: Limits on sizes and ratio.
            max_members: Most members to accept.
            keep: Ending of a name. What the test unpacks of the largest deflated member of such a
                name is stored for `spool`, since unpacking it again takes as long; `close` then.
        """
        self._stream = stream
        self._stored: dict[str, BinaryIO] = {}
        self._limits = limits
        self.size = stream.seek(0, os.SEEK_END)
        directory = read_directory(stream, self.size, max_members)
        defects = list(directory.defects)
        budget = limits.archive_bytes
        members: list[Member] = []
        chosen = _to_keep(directory.members, keep)
        for member in directory.members:
            digest = hashlib.sha256()
            unpacked = 0
            stored = _spool(member.size) if member is chosen else None
            try:
                for piece in self._unpack(member, budget):
                    digest.update(piece)
                    unpacked += len(piece)
                    if stored is not None:
                        stored.write(piece)
            except _BrokenMemberError as error:
                if stored is not None:
                    stored.close()
                defects.append(error.defect)
                members.append(member)
                if error.defect.kind is DefectKind.LIMIT:
                    break
                continue
            if stored is not None:
                self._stored[member.name] = stored
            budget -= unpacked
            members.append(member._replace(sha256=digest.hexdigest()))
        self.members = tuple(members)
        self.defects = (*defects, *check_names(directory.members))
        self._by_name = {member.name: member for member in self.members}

    @property
    def is_sound(self) -> bool:
        """Whether every member can be named and unpacked without doubt."""
        return not self.defects

    def member(self, name: str) -> Member:
        """The member of that name, as stored.

        Raises:
            KeyError: There is none.
        """
        return self._by_name[name]

    def chunks(self, name: str) -> Iterator[bytes]:
        """A member's unpacked bytes, in pieces of at most 256 KiB.

        Raises:
            InputError: The member cannot be unpacked.
        """
        try:
            yield from self._unpack(self._by_name[name], self._limits.archive_bytes)
        except _BrokenMemberError as error:
            raise InputError(f"{name} {error.defect.detail}") from None

    def read(self, name: str, limit: int) -> bytes:
        """A member's unpacked bytes.

        Args:
            name: The member's name, as stored.
            limit: Most bytes to read; what lies beyond is left.
        """
        pieces: list[bytes] = []
        total = 0
        for piece in self.chunks(name):
            pieces.append(piece)
            total += len(piece)
            if total >= limit:
                break
        return b"".join(pieces)[:limit]

    def spool(self, name: str) -> BinaryIO:
        """A member's unpacked bytes as a seekable stream, in memory or an unnamed file.

        The stream belongs to the caller.
        """
        stream = self._stored.pop(name, None)
        if stream is None:
            stream = _spool(self._by_name[name].size)
            for piece in self.chunks(name):
                stream.write(piece)
        stream.seek(0)
        return stream

    def close(self) -> None:
        """Delete what was stored."""
        while self._stored:
            self._stored.popitem()[1].close()

    def _unpack(self, member: Member, budget: int) -> Iterator[bytes]:
        """Unpack a member, holding what really comes out against limits and declarations."""

        def broken(kind: DefectKind, detail: str) -> _BrokenMemberError:
            return _BrokenMemberError(Defect(kind, detail, member.name))

        limits = self._limits
        if member.is_encrypted:
            raise broken(DefectKind.MEMBER, "is encrypted or patched")
        if member.method not in (STORED, DEFLATED):
            raise broken(
                DefectKind.MEMBER,
                f"is packed with method {member.method}; only stored (0) and deflated (8) are read",
            )
        most = min(limits.member_bytes, budget)
        if member.size > most:
            raise broken(DefectKind.LIMIT, f"unpacks to {member.size} bytes; the limit is {most}")
        if member.size > max(_RATIO_FREE, limits.ratio * member.packed_size):
            raise broken(
                DefectKind.LIMIT,
                f"unpacks {member.packed_size} to {member.size} bytes, a ratio over {limits.ratio}",
            )
        crc = total = 0
        for piece in self._inflate(member, broken):
            total += len(piece)
            if total > member.size:
                break
            crc = zlib.crc32(piece, crc)
            yield piece
        if total != member.size:
            more = "more" if total > member.size else "fewer"
            raise broken(
                DefectKind.MEMBER, f"holds {more} bytes than the {member.size} it declares"
            )
        if crc != member.crc32:
            raise broken(DefectKind.MEMBER, "does not match its checksum: the file is damaged")

    def _inflate(
        self, member: Member, broken: Callable[[DefectKind, str], _BrokenMemberError]
    ) -> Iterator[bytes]:
        """The unpacked bytes as they come, at most 256 KiB at a time."""
        at, left = member.offset, member.packed_size
        inflater = zlib.decompressobj(-15) if member.method == DEFLATED else None
        pending = b""
        while left or pending:
            if not pending:
                self._stream.seek(at)
                pending = self._stream.read(min(CHUNK, left))
                if not pending:
                    raise broken(DefectKind.MEMBER, "is cut short")
                at += len(pending)
                left -= len(pending)
            if inflater is None:
                yield pending
                pending = b""
                continue
            try:
                piece = inflater.decompress(pending, CHUNK)
            except zlib.error:
                raise broken(DefectKind.MEMBER, "cannot be inflated: the file is damaged") from None
            pending = inflater.unconsumed_tail
            if piece:
                yield piece
            if inflater.eof:
                if inflater.unused_data or left:
                    raise broken(DefectKind.MEMBER, "has bytes after the end of its packed data")
                return
        while inflater is not None and not inflater.eof:
            piece = inflater.decompress(b"", CHUNK)
            if not piece:
                raise broken(DefectKind.MEMBER, "is cut short")
            yield piece


def _to_keep(members: Iterable[Member], ending: str | None) -> Member | None:
    """The largest deflated member of such a name."""
    if ending is None:
        return None
    last = {each.name: each for each in members}.values()  # as `Archive.member` finds them
    found = (each for each in last if each.method == DEFLATED and each.name.endswith(ending))
    return max(found, key=lambda each: each.size, default=None)


def _spool(size: int) -> BinaryIO:
    """Where to put as many bytes: in memory, or in an unnamed file."""
    stream: IO[bytes] = io.BytesIO()
    if size > _IN_MEMORY:
        import tempfile  # noqa: PLC0415 - for large networks only

        stream = tempfile.TemporaryFile()  # noqa: SIM115 - handed on
    return cast("BinaryIO", stream)
