"""Repairing archives: what is mended, what is kept, and what cannot be repaired."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import czcheck
from czcheck.errors import InputError, UsageError
from czcheck.verifying import verify
from fixtures.archives import GUID, czmodel, metadata_xml, saved_model_zip, zip_bytes
from fixtures.graphs import classifier, good_payload

if TYPE_CHECKING:
    from conftest import WriteSpec

LOWERED = (
    "saved_model.pb",
    "variables/variables.data-00000-of-00001",
    "variables/variables.index",
)
OTHER = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
BAD = Path(__file__).parents[2] / "fixtures" / "bad"
DEMO = Path(__file__).parents[2] / "fixtures" / "models" / "nuclei.czmodel"

pytestmark = pytest.mark.timeout(300)


def write(folder: Path, data: bytes) -> Path:
    path = folder / "source.czmodel"
    path.write_bytes(data)
    return path


@pytest.mark.tensorflow
def test_what_was_built_comes_out_byte_for_byte_the_same(
    sources: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    (tmp_path / "LICENSE.txt").write_text("free")
    spec = write_spec(sources / "export", LicenseFile="LICENSE.txt", Name="A & B < \u00e4")
    built = czcheck.build(spec, tmp_path / "a.czmodel", verify=False)
    with czcheck.open(built.path) as model:
        assert model.metadata == built.metadata
    once = czcheck.repair(built.path, tmp_path / "b.czmodel", verify=False)
    assert once.changes == ()
    assert once.metadata == built.metadata
    assert once.path.read_bytes() == built.path.read_bytes()


@pytest.mark.tensorflow
def test_a_real_model_is_made_portable_and_a_second_repair_changes_nothing(
    corpus: Path, tmp_path: Path
) -> None:
    source = corpus / "simple_nuclei_tf200.czmodel"
    before = hashlib.sha256(source.read_bytes()).hexdigest()
    first = czcheck.repair(source, tmp_path / "a.czmodel")
    assert first.report is not None
    assert first.report.passed
    assert first.equivalence.of_archive
    assert first.equivalence.scaled <= 1e-5
    assert "4 variables made into constants" in first.changes
    with czcheck.open(source) as model:
        assert first.metadata == model.metadata
    second = czcheck.repair(first.path, tmp_path / "b.czmodel", verify=False)
    assert second.changes == ()
    assert second.path.read_bytes() == first.path.read_bytes()
    assert hashlib.sha256(source.read_bytes()).hexdigest() == before


@pytest.mark.tensorflow
def test_what_todays_tensorflow_saved_is_made_portable(sources: Path, tmp_path: Path) -> None:
    files = {
        path.relative_to(sources / "export").as_posix(): path.read_bytes()
        for path in (sources / "export").rglob("*")
        if path.is_file()
    }
    source = write(tmp_path, czmodel(metadata_xml(), saved_model_zip(files)))
    assert "CZ316" in {each.code for each in verify(source, level="network").findings}
    result = czcheck.repair(source, tmp_path / "new.czmodel", verify=False)
    told = "\n".join(result.changes)
    for words in ("network lowered", "made into constants", "variables/variables.index"):
        assert words in told
    assert verify(result.path, level="network").passed
    with czcheck.open(result.path) as model:
        assert model.network.variables == ()
        assert model.files.names == LOWERED


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("CZ325", "channels_first"),
        ("CZ325", "no_kernel_for_a_dtype"),
        ("CZ326", "dilated_depthwise"),
        ("CZ326", "truncated_division"),
    ],
)
def test_what_the_target_refuses_or_computes_otherwise_is_written_anew(
    code: str, name: str, tmp_path: Path
) -> None:
    source = BAD / f"{code}_{name}.czmodel"
    assert code in {each.code for each in verify(source, level="network").findings}
    result = czcheck.repair(source, tmp_path / "new.czmodel", verify=False)
    assert any(line.startswith("network lowered") for line in result.changes)
    left = {each.code for each in verify(result.path, level="network").findings}
    assert not left & {"CZ325", "CZ326"}


def disorderly() -> bytes:
    r"""All at once: a wrapping folder, `\`, wrong ids, BOM, a full marker, an unknown element."""
    more = "<Author>A. &amp; B.</Author></Model>"
    xml = b"\xef\xbb\xbf" + metadata_xml(("</Model>", more), ("Nuclei", "Zell\u00e4"))
    inner = {f"export\\{name}": data for name, data in classifier().files().items()}
    return zip_bytes(
        [
            ("model\\notes\\read me.txt", b"notes"),
            (f"model\\modelid={OTHER}", b"full"),
            ("model\\LICENSE.txt", b"free"),
            ("model\\metadata.xml", xml),
            ("model\\network.model", saved_model_zip(inner)),
        ]
    )


@pytest.mark.tensorflow
def test_every_disorder_is_mended_and_all_content_kept(tmp_path: Path) -> None:
    source = write(tmp_path, disorderly())
    result = czcheck.repair(source, tmp_path / "new.czmodel", verify=False)
    with zipfile.ZipFile(result.path) as archive:
        names = archive.namelist()
        assert names[:3] == [f"modelid={GUID}", f"{GUID}.xml", f"{GUID}.model"]
        assert {name: archive.read(name) for name in names[3:]} == {
            "notes/read me.txt": b"notes",
            "LICENSE.txt": b"free",
        }
        assert archive.read(names[0]) == b""
        xml = archive.read(names[1])
        with zipfile.ZipFile(io.BytesIO(archive.read(names[2]))) as inner:
            assert inner.namelist() == list(LOWERED)
    assert xml.startswith(b"<?xml")
    assert xml.endswith(b"<Author>A. &amp; B.</Author></Model>")
    assert result.model_id == GUID
    assert (result.metadata.name, result.metadata.border_size) == ("Zell\u00e4", 4)
    told = "\n".join(result.changes)
    for words in (
        "out of the folder model,",
        "backslashes in 5 names",
        f"marker {OTHER}, metadata metadata, payload network",
        "content of the marker (4 bytes)",
        "byte order mark",
        "out of the folder export in the payload",
        "of the payload made into slashes",
    ):
        assert words in told
    found = {each.code for each in verify(result.path, level="network").findings}
    assert found <= {"CZ119", "CZ204"}
    again = czcheck.repair(result.path, tmp_path / "again.czmodel", verify=False)
    assert again.path.read_bytes() == result.path.read_bytes()


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CZ109_no_marker", "missing marker"),
        ("CZ109_two_markers", "in the place of 2"),
        ("CZ115_literal_name", f"renamed {GUID}.model"),
        ("CZ112_marker_with_text", "content of the marker (1 bytes)"),
        ("CZ205_other_id", "given the metadata's"),
    ],
)
def test_what_rules_find_is_mended(name: str, words: str, tmp_path: Path) -> None:
    result = czcheck.repair(BAD / f"{name}.czmodel", tmp_path / "new.czmodel", verify=False)
    assert words in "\n".join(result.changes)
    report = verify(result.path, level="network")
    assert report.passed
    assert name[:5] not in {finding.code for finding in report.findings}


@pytest.mark.tensorflow
def test_a_tile_is_set_in_network_and_metadata(tmp_path: Path) -> None:
    sizes = "<TotalTileHeight>99</TotalTileHeight><TotalTileWidth>99</TotalTileWidth></Model>"
    payload = classifier(height=None, width=None).payload()
    source = write(tmp_path, czmodel(metadata_xml(("</Model>", sizes)), payload))
    with pytest.raises(InputError, match=r"any size.*--tile HxW"):
        czcheck.repair(source, tmp_path / "new.czmodel")
    result = czcheck.repair(source, tmp_path / "new.czmodel", tile=(48, 64), verify=False)
    assert (result.tile, result.source_tile) == ((48, 64), None)
    assert result.metadata.total_tile == (48, 64)
    assert "tile set to 48 x 64 pixels" in result.changes
    with czcheck.open(result.path) as model:
        assert model.network.serving is not None
        assert model.network.serving.inputs[0].shape == (None, 48, 64, 1)


@pytest.mark.tensorflow
def test_a_model_without_a_name_gets_one(tmp_path: Path) -> None:
    """As the reference exporter writes it where `ModelPath` ends in a slash."""
    source = write(tmp_path, czmodel(metadata_xml(("Nuclei", "")), good_payload()))
    report = verify(source, level="metadata")
    assert report.passed
    assert [each.code for each in report.findings] == ["CZ216"]
    first = czcheck.repair(source, tmp_path / "a.czmodel", name=" Zellkerne \u00e4 ", verify=False)
    assert first.metadata.name == "Zellkerne \u00e4"
    assert "name changed from an empty name to 'Zellkerne \u00e4'" in first.changes
    assert first.model_id == GUID
    assert "CZ216" not in {each.code for each in verify(first.path, level="metadata").findings}
    with czcheck.open(first.path) as model:
        assert model.metadata.name == "Zellkerne \u00e4"
    same = czcheck.repair(first.path, tmp_path / "b.czmodel", name="Zellkerne \u00e4", verify=False)
    assert same.changes == ()


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is found now was found without starting TensorFlow."""

    def refuse(*_: object) -> None:
        raise AssertionError("TensorFlow was started")

    monkeypatch.setattr("czcheck.runtime.networks.Worker.start", refuse)


@pytest.mark.usefixtures("no_worker")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CZ101_png_image.czmodel", "CZ101 .*PNG"),
        ("CZ103_damaged.czmodel", "CZ103"),
        ("CZ107_czann.czann", "CZ107 .*czann"),
        ("CZ110_two_payloads.czmodel", "CZ110"),
        ("CZ116_pickle.czmodel", "CZ116 .*pickle"),
        ("CZ117_onnx.czmodel", "CZ117 .*ONNX"),
        ("CZ202_random_forest.czmodel", "CZ202 Version 1 is a random-forest model"),
        ("CZ202_onnx_era.czmodel", "CZ202 .*ONNX"),
        ("CZ203_border_is_text.czmodel", "CZ203"),
        ("CZ206_gap.czmodel", "CZ206"),
        ("CZ301_cut_short.czmodel", "CZ301"),
        ("CZ313_border_fills_tile.czmodel", "CZ313 .*border of 16 pixels"),
        ("CZ324_nine_gib.czmodel", r"CZ324 .*9\.0 GiB"),
    ],
)
def test_what_cannot_be_repaired_is_named(name: str, words: str, tmp_path: Path) -> None:
    target = tmp_path / "new.czmodel"
    with pytest.raises(InputError, match=rf"{name}: cannot be repaired: {words}"):
        czcheck.repair(BAD / name, target)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_worker")
@pytest.mark.parametrize("size", [(32, None), (32, 32)])
def test_a_tile_that_is_fixed_stays(size: tuple[int, int | None], tmp_path: Path) -> None:
    payload = classifier(height=size[0], width=size[1]).payload()
    source = write(tmp_path, czmodel(metadata_xml(), payload))
    shown = f"32 x {size[1] or 'open'} pixels, and a repair does not change what a model computes"
    shown += ": leave.*`czcheck build spec.json --tile HxW`"
    for verify_it in (True, False):
        with pytest.raises(InputError, match=shown):
            czcheck.repair(source, tmp_path / "new.czmodel", tile=(48, 64), verify=verify_it)
    assert [path.name for path in tmp_path.iterdir()] == ["source.czmodel"]


@pytest.mark.tensorflow
def test_the_tile_that_a_network_has_may_be_given(tmp_path: Path) -> None:
    half_open = classifier(height=32, width=None).payload()
    source = write(tmp_path, czmodel(metadata_xml(), half_open))
    first = czcheck.repair(source, tmp_path / "a.czmodel", tile=(32, 64), verify=False)
    assert first.tile == (32, 64)
    second = czcheck.repair(first.path, tmp_path / "b.czmodel", tile=(32, 64), verify=False)
    assert second.changes == ()


@pytest.mark.usefixtures("no_worker")
def test_nothing_that_does_harm_is_loaded(tmp_path: Path) -> None:
    refused = sorted(BAD.glob("CZ330_*.czmodel"))
    assert refused
    for path in refused:
        with pytest.raises(InputError, match="the network is not loaded"):
            czcheck.repair(path, tmp_path / "new.czmodel", verify=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_worker")
def test_a_member_in_the_way_is_named(tmp_path: Path) -> None:
    source = write(
        tmp_path,
        zip_bytes(
            [
                ("metadata.xml", metadata_xml()),
                ("network.model", good_payload()),
                (f"{GUID.upper()}.MODEL", b"?"),
            ]
        ),
    )
    with pytest.raises(InputError, match=r"\.MODEL stands where a part of the model belongs"):
        czcheck.repair(source, tmp_path / "new.czmodel")


@pytest.mark.usefixtures("no_worker")
@pytest.mark.parametrize(
    ("name", "words"),
    [("", "the name is empty"), (" \t ", "is empty"), ("a\nb", "U\\+000A"), (7, "of type int")],
)
def test_what_is_no_name_is_refused(name: Any, words: str, tmp_path: Path) -> None:
    source = write(tmp_path, DEMO.read_bytes())
    with pytest.raises(UsageError, match=words):
        czcheck.repair(source, tmp_path / "new.czmodel", name=name)
    assert [path.name for path in tmp_path.iterdir()] == ["source.czmodel"]


@pytest.mark.usefixtures("no_worker")
def test_the_source_is_never_written_over(tmp_path: Path) -> None:
    source = write(tmp_path, DEMO.read_bytes())
    link = tmp_path / "link.czmodel"
    os.link(source, link)
    for target in (source, link, tmp_path / "." / "source.czmodel"):
        with pytest.raises(UsageError, match=r"would replace .*the archive to repair"):
            czcheck.repair(source, target)
    with pytest.raises(UsageError, match="no such file"):
        czcheck.repair(tmp_path / "missing.czmodel", tmp_path / "new.czmodel")
    with pytest.raises(UsageError, match=r"tile is \(0, 64\); give \(height, width\)"):
        czcheck.repair(source, tmp_path / "new.czmodel", tile=(0, 64))
    assert source.read_bytes() == DEMO.read_bytes()


@pytest.mark.tensorflow
def test_a_repaired_archive_that_would_fail_is_not_written(tmp_path: Path) -> None:
    target = tmp_path / "new.czmodel"
    target.write_bytes(b"old")
    with pytest.raises(InputError, match=r"would not pass verification.*CZ4"):
        czcheck.repair(BAD / "CZ405_divided_by_maximum.czmodel", target)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["new.czmodel"]
