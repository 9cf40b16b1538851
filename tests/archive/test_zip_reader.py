"""The strict ZIP reader: reads what ordinary tools write, and says what is wrong with the rest."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from czcheck.archive import Archive, DefectKind
from czcheck.errors import InputError
from czcheck.limits import DEFAULT_LIMITS, Limits
from fixtures.archives import zip_bytes

FILES = [("a.txt", b"alpha " * 1000), ("folder/b.bin", bytes(range(256)) * 64), ("empty", b"")]


def read(data: bytes, limits: Limits = DEFAULT_LIMITS, max_members: int = 100) -> Archive:
    return Archive(io.BytesIO(data), limits, max_members)


def kinds(archive: Archive) -> set[DefectKind]:
    return {defect.kind for defect in archive.defects}


def contents(archive: Archive) -> dict[str, bytes]:
    return {member.name: b"".join(archive.chunks(member.name)) for member in archive.members}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_reads_stored_and_deflated_members(method: int) -> None:
    archive = read(zip_bytes(FILES, method=method))
    assert archive.is_sound
    assert contents(archive) == dict(FILES)


def test_reads_streamed_archives_with_data_descriptors() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

        def seek(self, *_: int) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in FILES:
            target.writestr(name, data)
    archive = read(pipe.getvalue())
    assert archive.defects == ()
    assert contents(archive) == dict(FILES)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_spools_a_member_that_the_test_has_kept_or_not(method: int) -> None:
    data = zip_bytes([*FILES, ("x.model", b"weights " * 5000)], method=method)
    for ending in (None, ".model"):
        archive = Archive(io.BytesIO(data), DEFAULT_LIMITS, 100, keep=ending)
        for _ in range(2):  # it is kept for the first time only
            with archive.spool("x.model") as stream:
                assert stream.read() == b"weights " * 5000
        archive.close()


def test_unpacks_the_largest_kept_member_once() -> None:
    members = [("a.model", b"small"), ("x.model", b"weights " * 5000)]
    stream = io.BytesIO(zip_bytes(members, method=zipfile.ZIP_DEFLATED))
    archive = Archive(stream, DEFAULT_LIMITS, 100, keep=".model")
    stream.truncate(0)
    with archive.spool("x.model") as kept:
        assert kept.read() == b"weights " * 5000
    with pytest.raises(InputError):
        archive.spool("a.model")


def test_keeps_no_broken_member() -> None:
    members = [("x.model", b"weights " * 5000)]
    data = bytearray(zip_bytes(members, method=zipfile.ZIP_DEFLATED))
    data[60] ^= 0xFF
    archive = Archive(io.BytesIO(bytes(data)), DEFAULT_LIMITS, 100, keep=".model")
    assert not archive.is_sound
    with pytest.raises(InputError):
        archive.spool("x.model")


def test_reads_zip64_members() -> None:
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w") as target,
        target.open("big", "w", force_zip64=True) as member,
    ):
        member.write(b"x" * 100)
    archive = read(stream.getvalue())
    assert archive.defects == ()
    assert contents(archive) == {"big": b"x" * 100}


def test_reads_names_beyond_ascii() -> None:
    archive = read(zip_bytes([("Zellkerne-\u00e4\u00f6\u00fc-\u6838.txt", b"x")]))
    assert archive.is_sound
    assert archive.members[0].name == "Zellkerne-\u00e4\u00f6\u00fc-\u6838.txt"


def test_reads_an_archive_without_members() -> None:
    archive = read(zip_bytes([]))
    assert archive.is_sound
    assert archive.members == ()


def test_reads_an_archive_with_a_comment() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        target.writestr("a", b"x")
        target.comment = b"made by hand"
    assert read(stream.getvalue()).is_sound


def test_a_second_archive_in_the_comment_is_refused() -> None:
    inner = zip_bytes([("evil", b"x")])
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        target.writestr("good", b"x")
        target.comment = inner
    assert kinds(read(stream.getvalue())) == {DefectKind.STRUCTURE}


@pytest.mark.parametrize(
    ("head", "word"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"PK\x03\x04more", "cut short"),
        (b"abc", "not"),
    ],
)
def test_foreign_files_are_named(head: bytes, word: str) -> None:
    archive = read(head)
    assert kinds(archive) == {DefectKind.UNREADABLE}
    assert word in archive.defects[0].detail


def test_declared_size_is_not_believed() -> None:
    data = zip_bytes([("a", bytes(5000))], method=zipfile.ZIP_DEFLATED)
    for wrong in (10, 4999, 5001):
        forged = data.replace(struct.pack("<L", 5000), struct.pack("<L", wrong))
        assert kinds(read(forged)) == {DefectKind.MEMBER}, wrong


def test_limits_hold_on_what_really_comes_out() -> None:
    data = zip_bytes([("a", bytes(1 << 21))], method=zipfile.ZIP_DEFLATED)
    assert kinds(read(data, Limits(member_bytes=1 << 20))) == {DefectKind.LIMIT}
    assert kinds(read(data, Limits(ratio=100))) == {DefectKind.LIMIT}
    assert kinds(read(data, Limits(archive_bytes=1 << 20))) == {DefectKind.LIMIT}
    assert read(data).is_sound


def test_the_limit_on_all_members_counts_them_together() -> None:
    data = zip_bytes([(f"{n}", bytes(1000)) for n in range(10)])
    assert kinds(read(data, Limits(archive_bytes=5000))) == {DefectKind.LIMIT}


def test_too_many_members_are_not_even_listed() -> None:
    archive = read(zip_bytes([(f"{n}", b"") for n in range(11)]), max_members=10)
    assert kinds(archive) == {DefectKind.LIMIT}
    assert archive.members == ()


def test_reading_stops_at_the_limit_given() -> None:
    archive = read(zip_bytes(FILES))
    assert archive.read("a.txt", 5) == b"alpha"


SOUND = zip_bytes(FILES, method=zipfile.ZIP_DEFLATED)


@given(st.integers(0, len(SOUND) - 1))
@settings(max_examples=200)
def test_no_truncated_archive_is_sound(length: int) -> None:
    assert not read(SOUND[:length]).is_sound


@given(st.integers(0, len(SOUND) - 1), st.integers(1, 255))
@settings(max_examples=500)
def test_a_flipped_byte_never_changes_contents_unseen(at: int, change: int) -> None:
    flipped = bytearray(SOUND)
    flipped[at] ^= change
    archive = read(bytes(flipped))
    if archive.is_sound:
        # Times, attributes and versions carry no content; a name is only a name.
        assert sorted(contents(archive).values()) == sorted(data for _, data in FILES)
