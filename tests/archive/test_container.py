"""Roles of members, sniffed payloads, and names that are safe."""

from __future__ import annotations

import pytest

from czcheck.archive import (
    ContainerKind,
    DefectKind,
    Member,
    PayloadKind,
    check_names,
    describe,
    sniff,
    unsafe,
)

GUID = "3f1c7a52-9d0b-4c36-8f5e-2b7d64a0c911"
CANONICAL = [f"modelid={GUID}", f"{GUID}.xml", f"{GUID}.model"]


def members(*names: str) -> tuple[Member, ...]:
    return tuple(Member(name, 1, 1, 0, 0, 0) for name in names)


def test_canonical_members_have_their_roles() -> None:
    container = describe(members(*CANONICAL, "LICENSE.txt", "extra/", "extra/notes.txt"))
    assert container.kind is ContainerKind.CZMODEL
    assert container.marker_id == container.metadata_id == container.payload_id == GUID
    assert container.others == ("LICENSE.txt", "extra/notes.txt")
    assert container.wrapper is None
    assert not container.literal_payload


def test_a_licence_in_xml_is_not_taken_for_the_metadata() -> None:
    container = describe(members(*CANONICAL, "LICENSE.xml"))
    assert container.metadata == (f"{GUID}.xml",)


def test_a_folder_around_everything_is_seen_through() -> None:
    container = describe(members(*(f"model/{name}" for name in CANONICAL)))
    assert container.wrapper == "model"
    assert container.payload_id == GUID


def test_the_literal_payload_name_is_understood() -> None:
    container = describe(members(f"modelid={GUID}.model", f"{GUID}.xml"))
    assert container.literal_payload
    assert container.payload_id == container.marker_id == GUID


def test_both_names_for_the_payload_are_not_taken_for_one() -> None:
    container = describe(members(*CANONICAL, f"modelid={GUID}.model"))
    assert container.payload_member == f"{GUID}.model"


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["model.json", "model.model"], ContainerKind.CZANN),
        (["saved_model.pb", "variables/variables.index"], ContainerKind.SAVED_MODEL),
        (["readme.txt"], ContainerKind.OTHER),
        (["config.json", "metadata.json", "model.weights.h5"], ContainerKind.KERAS),
        ([], ContainerKind.OTHER),
    ],
)
def test_other_archives_are_told_apart(names: list[str], kind: ContainerKind) -> None:
    assert describe(members(*names)).kind is kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", PayloadKind.EMPTY),
        (b"PK\x03\x04rest", PayloadKind.ZIP),
        (b"\x80\x04\x95", PayloadKind.PICKLE),
        (b"\x08\x07\x12\x07pytorch", PayloadKind.ONNX),
        (b"hello", PayloadKind.UNKNOWN),
    ],
)
def test_payloads_are_told_by_their_first_bytes(head: bytes, kind: PayloadKind) -> None:
    assert sniff(head) is kind


@pytest.mark.parametrize(
    "name",
    ["../a", "a/../../b", "/a", "\\a", "C:\\a", "c:a", "a/CON", "nul.txt", "a\x00b", "a\nb", "a./b",
     "a /b", "a//b", "./a", "", "/", "x" * 600],
)  # fmt: skip
def test_unsafe_names(name: str) -> None:
    assert unsafe(name) is not None


@pytest.mark.parametrize(
    "name", ["a", "a/b.txt", "variables\\b", "folder/", "console.txt", "\u6838"]
)
def test_safe_names(name: str) -> None:
    assert unsafe(name) is None


def test_names_that_collide_on_some_file_system() -> None:
    defects = check_names(members("A/b", "a\\B", "c", "c"))
    assert [defect.kind for defect in defects] == [DefectKind.DUPLICATE] * 2
