"""What people name by mistake: the message says what it is, and what to do with it."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import czcheck
from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import good_payload

if TYPE_CHECKING:
    from calls import Result

STATIC = ("--level", "network")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "nuclei.czmodel"
    path.write_bytes(czmodel(metadata_xml(), good_payload()))
    return path


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    folder = tmp_path / "a saved model"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"\x08\x01\x12\x02")
    return folder


@pytest.fixture
def keras(tmp_path: Path) -> Path:
    path = tmp_path / "nuclei.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            archive.writestr(name, "{}")
    return path


@pytest.mark.parametrize(
    "command", [("verify",), ("inspect",), ("build",), ("baseline", "-o", "golden.npz")]
)
def test_a_saved_model_is_no_archive_and_init_is_the_way_on(
    command: tuple[str, ...],
    czcheck: Callable[..., Result],
    saved: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(saved.parent)
    result = czcheck(*command, saved)
    assert result.code == 2
    assert "is a SavedModel" in result.err
    assert f"czcheck init {saved}" in result.err


def test_a_folder_of_archives_is_told_by_one_of_them(
    czcheck: Callable[..., Result], good: Path
) -> None:
    result = czcheck("inspect", good.parent)
    assert result.code == 2
    assert f"such as {good}" in result.err


def test_a_folder_of_nothing_is_not_said_to_hold_an_archive(
    czcheck: Callable[..., Result], tmp_path: Path
) -> None:
    result = czcheck("inspect", tmp_path)
    assert result.code == 2
    assert "holds no archive" in result.err


@pytest.mark.parametrize(
    "command", [("verify",), ("inspect",), ("init",), ("diff", "nuclei.czmodel")]
)
def test_a_misspelt_file_is_told_its_nearest_name(
    command: tuple[str, ...],
    czcheck: Callable[..., Result],
    good: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(good.parent)
    result = czcheck(*command, "nuclei.czmodle")
    assert result.code == 2
    assert "no such file; did you mean nuclei.czmodel?" in result.err


@pytest.mark.parametrize(
    "command",
    [("verify",), ("init",), ("diff", "nuclei.czmodel"), ("repair", "-o", "new.czmodel")],
)
def test_a_dangling_link_is_named_and_never_suggested(
    command: tuple[str, ...],
    czcheck: Callable[..., Result],
    good: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(good.parent)
    Path("broken.czmodel").symlink_to("gone.czmodel")
    result = czcheck(*command, "broken.czmodel")
    assert result.code == 2
    assert "broken.czmodel: no such file: it is a link to gone.czmodel, which does" in result.err
    assert "did you mean" not in result.err
    near = czcheck(*command, "broken.czmode")
    assert near.code == 2
    assert "did you mean" not in near.err


def test_a_pattern_that_the_shell_found_nothing_for(
    czcheck: Callable[..., Result], tmp_path: Path
) -> None:
    result = czcheck("verify", tmp_path / "*.czmodel")
    assert result.code == 2
    assert "no file has a name like that" in result.err


def test_a_file_in_a_folder_that_is_not_there(
    czcheck: Callable[..., Result], tmp_path: Path
) -> None:
    result = czcheck("verify", tmp_path / "modles" / "nuclei.czmodel")
    assert result.code == 2
    assert f"there is no folder {tmp_path / 'modles'}" in result.err


def test_a_model_that_is_missing_is_told_before_a_specification_that_is_there(
    czcheck: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.json").write_text("{}")
    result = czcheck("init", "no-such-model")
    assert result.code == 2
    assert "no-such-model: no such file" in result.err


def test_a_keras_file_is_known_and_led_to_a_build(
    czcheck: Callable[..., Result], keras: Path
) -> None:
    verified = czcheck("verify", keras, *STATIC)
    assert verified.code == 1
    assert "The file is a Keras file." in verified.out
    assert "`ModelPath`" in verified.out
    for command in ("build", "init"):
        result = czcheck(command, keras, "-o", keras.parent / "new")
        assert result.code == 1
        assert "Keras file" in result.err
        assert "`ModelPath`" in result.err


def test_an_onnx_file_is_known(czcheck: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "nuclei.onnx"
    path.write_bytes(b"\x08\x08\x12\x07pytorch" + bytes(40))
    result = czcheck("verify", path, *STATIC)
    assert result.code == 1
    assert "is an ONNX model, not a ZIP archive" in result.out


def test_image_and_model_exchanged(
    czcheck: Callable[..., Result], good: Path, tmp_path: Path
) -> None:
    image = tmp_path / "field.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(32))
    result = czcheck("segment", image, good, "-o", tmp_path / "labels.ome.tif")
    assert result.code == 1
    assert f"{image}: cannot be run: is a PNG image, not a ZIP archive" in result.err


@pytest.mark.parametrize(
    "command", [("verify", "{model}"), ("segment", "{model}", "{model}", "-o", "{model}.ome.zarr")]
)
def test_a_cluster_without_its_package_names_the_extra(
    command: tuple[str, ...],
    czcheck: Callable[..., Result],
    good: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    arguments = [each.format(model=good) for each in command]
    result = czcheck(*arguments, "--dask", "tcp://127.0.0.1:8786")
    assert result.code == 2
    assert "pip install 'czcheck[dask]'" in result.err


def test_a_folder_without_images_is_told_before_anything_is_run(
    czcheck: Callable[..., Result], good: Path, tmp_path: Path
) -> None:
    (tmp_path / "images").mkdir()
    for command in (("verify", good), ("diff", good, good)):
        result = czcheck(*command, "--tiles", tmp_path / "images")
        assert result.code == 2
        assert "the folder holds no image" in result.err


@pytest.mark.parametrize(
    ("command", "option", "value", "words"),
    [
        (
            "verify",
            "--max-memory",
            "500MB",
            "'500MB' is not a number; write the number alone, in GiB",
        ),
        ("verify", "--timeout", "2min", "write the number alone, in seconds"),
        ("verify", "--timeout", "nan", "is not a number"),
        ("verify", "-j", "two", "is not a whole number"),
        ("segment", "--min-confidence", "60%", "write the number alone, in percent"),
        ("segment", "--min-confidence", "0.6", "less than one percent; write 60 for 60 %"),
        ("segment", "--border", "8px", "is not a whole number; write the number alone, in pixels"),
        ("evaluate", "--min-f1", "nan", "is not a number"),
        ("evaluate", "--min-f1", "90", "is not in the range 0<=x<=1"),
    ],
)
def test_numbers_are_asked_for_with_their_unit(
    command: str,
    option: str,
    value: str,
    words: str,
    czcheck: Callable[..., Result],
    good: Path,
) -> None:
    more = {"verify": [], "segment": [good], "evaluate": [good, good]}[command]
    result = czcheck(command, good, *more, option, value)
    assert result.code == 2
    assert words in result.err


def test_a_report_shows_itself_in_one_line(good: Path) -> None:
    report = czcheck.verify(good, level="network")
    assert repr(report).startswith("Report(")
    assert f"'{good}' {report.verdict.value}" in repr(report)
    assert "\n" not in repr(report)
    assert len(repr(report)) < 300 + len(str(good))


@pytest.mark.parametrize(
    "command", [("init",), ("build", "spec.json"), ("repair", "x"), ("baseline", "x")]
)
def test_a_folder_that_cannot_be_written_is_told_before_anything_is_run(
    command: tuple[str, ...], czcheck: Callable[..., Result]
) -> None:
    # On Linux nobody can put a file there, root included.
    if not Path("/proc/self").is_dir():
        pytest.skip("there is no /proc here")
    result = czcheck(*command, "-o", "/proc/self/new")
    assert result.code == 2
    assert "/proc/self/new: the folder /proc/self cannot be written" in result.err
