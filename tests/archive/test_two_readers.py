"""Archives that two programs read differently: what Python's own reader sees, and what we say."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from czcheck.archive import Archive, DefectKind, Member, check_names, misread
from czcheck.limits import DEFAULT_LIMITS
from fixtures.archives import czmodel, metadata_xml, zip_bytes
from fixtures.bad_readers import NOTE
from fixtures.graphs import good_payload
from fixtures.make import BAD


def opened(data: bytes) -> Archive:
    return Archive(io.BytesIO(data), DEFAULT_LIMITS, 100)


def seen_by_python(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def member(name: str, *, marked: bool = True) -> Member:
    return Member(name, 0, 0, 0, 0, 0, is_marked=marked)


def test_python_reads_the_end_record_in_the_comment() -> None:
    data = (BAD / "CZ102_end_record_in_comment.czmodel").read_bytes()
    assert seen_by_python(data) == {NOTE: b"another note"}
    (defect,) = opened(data).defects
    assert (defect.kind, defect.detail) == (DefectKind.STRUCTURE, "has more than one end record")


def test_a_plain_comment_is_fine() -> None:
    data = zip_bytes([(NOTE, b"a note")])
    with zipfile.ZipFile(stream := io.BytesIO(data), "a") as archive:
        archive.comment = b"Made by hand; PK is for Phil Katz."
    assert opened(stream.getvalue()).is_sound


def test_python_reads_a_zip64_record_that_is_not_called_for() -> None:
    data = (BAD / "CZ102_zip64_record_in_directory.czmodel").read_bytes()
    assert list(seen_by_python(data)) != [each.name for each in opened(data).members]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.infolist()) == 4  # the same directory, by the other record


def test_whoever_reads_from_the_front_sees_a_member_that_no_entry_names() -> None:
    data = (BAD / "CZ102_bytes_between_members.czmodel").read_bytes()
    headers = data.count(b"PK\x03\x04") - good_payload().count(b"PK\x03\x04")
    assert headers == len(seen_by_python(data)) + 1


@pytest.mark.parametrize(
    "name", [path.stem for path in sorted(BAD.glob("CZ102_*")) if path.suffix == ".czmodel"]
)
def test_no_such_archive_is_read_further(name: str) -> None:
    path = BAD / f"{name}.czmodel"
    if name == "CZ102_payload_with_data_behind":
        return  # the payload's own archive, see the expected report
    assert {each.kind for each in opened(path.read_bytes()).defects} == {DefectKind.STRUCTURE}


@pytest.mark.parametrize("how", ["plain", "streamed", "zip64", "folders"])
def test_what_ordinary_writers_do_is_sound(how: str, tmp_path: Path) -> None:
    """Descriptors, sizes in the long form, entries for folders, modes of Unix."""
    path = tmp_path / "archive.zip"

    class Forward(io.BytesIO):
        """A stream that cannot go back, so that sizes are written behind the data."""

        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    stream = Forward() if how == "streamed" else io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        if how == "folders":
            (tmp_path / "docs").mkdir()
            archive.write(tmp_path / "docs", "docs")
        with archive.open("docs/note.txt", "w", force_zip64=how == "zip64") as into:
            into.write(b"a note" * 100)
        archive.writestr("caf\u00e9.txt", b"a note")
    path.write_bytes(stream.getvalue())
    with path.open("rb") as file:
        archive_read = Archive(file, DEFAULT_LIMITS, 100)
        assert archive_read.defects == ()
        assert [misread(each) for each in archive_read.members if misread(each)] == []


@pytest.mark.parametrize(
    ("names", "first"),
    [
        (["variables", "variables/variables.index"], "variables"),
        (["Variables", "variables/variables.index"], "Variables"),
        (["a/b", "a/b/c/d"], "a/b"),
        (["a\\b", "a/b/c"], "a\\b"),
    ],
)
def test_a_file_cannot_be_a_folder(names: list[str], first: str) -> None:
    (defect,) = check_names([member(name) for name in names])
    assert (defect.kind, defect.member) == (DefectKind.DUPLICATE, first)
    assert "a folder that holds" in defect.detail


def test_a_folder_s_own_entry_is_none_in_the_way() -> None:
    assert check_names([member("docs/"), member("docs/a.txt"), member("docs2")]) == []


@pytest.mark.parametrize(
    "other", ["NOTE.TXT", "NOTE\u200b.txt", "\u202aNOTE.txt", "note.txt\ufeff"]
)
def test_names_that_some_file_system_takes_for_one(other: str) -> None:
    (defect,) = check_names([member("NOTE.txt"), member(other)])
    assert defect.kind is DefectKind.DUPLICATE
    (accent,) = check_names([member("\u00c5.txt"), member("a\u030a.txt")])
    assert accent.kind is DefectKind.DUPLICATE


@pytest.mark.parametrize(
    "name", ["a.txt", "caf\u00e9.txt", "\u043c\u043e\u0434\u0435\u043b\u044c_v2.txt", "\u0394t.csv"]
)
def test_honest_names_are_read_by_everybody(name: str) -> None:
    assert misread(member(name)) is None
    assert check_names([member(name)]) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a\u202etxt.b", "direction"),
        ("a\u200d.txt", "show nothing"),
        ("a\u00ad.txt", "show nothing"),
        ("cafe\u0301.txt", "composed"),
        ("\ufb01le.txt", "looks like file.txt"),
        ("m\u043edel.txt", "two alphabets"),
    ],
)
def test_names_that_are_read_otherwise(name: str, words: str) -> None:
    assert words in str(misread(member(name)))
    assert "code page" in str(misread(member("caf\u00e9.txt", marked=False)))


@pytest.mark.parametrize("name", ["a\x85b", "a\u2028b", "a\x1bb"])
def test_control_characters_of_all_kinds_are_unsafe(name: str) -> None:
    (defect,) = check_names([member(name)])
    assert (defect.kind, defect.detail) == (DefectKind.NAME, "holds control characters")


def test_a_sound_archive_stays_sound() -> None:
    assert opened(czmodel(metadata_xml(), good_payload())).is_sound
