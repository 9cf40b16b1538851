"""`czcheck verify spec.json`: a specification with its SavedModel, without building."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from czcheck.cli import main
from czcheck.report.report import Report
from czcheck.verifying.verification import verify
from fixtures.graphs import Graph, classifier

SCHEMA = Path(__file__).parents[2] / "schemas" / "report.schema.json"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a SavedModel and a specification that names it."""

    def call(graph: Graph | None = None, name: str = "spec.json", **changes: Any) -> Path:
        for file, data in (graph or classifier()).files().items():
            path = tmp_path / "network" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        keys = {
            "ModelPath": "network",
            "Classes": ["Background", "Nucleus"],
            "PixelType": "Gray16",
            "ColorHandling": "ConvertToMonochrome",
            "BorderSize": 4,
            **changes,
        }
        path = tmp_path / name
        text = json.dumps(
            {key: value for key, value in keys.items() if value is not None}, indent=1
        )
        path.write_text(text, "utf-8")
        return path

    return call


def places(report: Report) -> dict[str, str]:
    """Where each rule found something."""
    return {finding.code: str(finding.at) for finding in report.findings}


def test_a_sound_specification_passes_without_being_an_archive(write: Write) -> None:
    report = verify(write(), level="network")
    assert report.passed
    (file,) = report.files
    reasons = {each.code: each.reason for each in file.outcomes if each.cause is not None}
    for code in ("CZ101", "CZ111", "CZ119", "CZ201", "CZ203", "CZ205"):
        assert reasons[code] == "a specification is no archive"
    passed = {each.code for each in file.outcomes if each.status.value == "passed"}
    assert {"CZ206", "CZ207", "CZ212", "CZ220", "CZ302", "CZ308", "CZ312", "CZ330"} <= passed
    assert "members" not in file.looked_at
    assert file.looked_at["metadata"]["classes"] == 2


def test_rules_on_metadata_name_the_place_in_the_specification(write: Write) -> None:
    path = write(
        Classes=["Background", "Root"],
        Colors=["#ff0000", "#ff0000"],
        Name="/data/nuclei",
        BorderSize=16,
    )
    found = places(verify(path, level="network"))
    assert found == {
        "CZ207": "Classes[1], line 5, column 3",
        "CZ209": "Classes[1], line 5, column 3",
        "CZ214": "Name, line 14, column 10",
        "CZ313": "BorderSize, line 9, column 16",
    }


@pytest.mark.parametrize(
    ("graph", "changes", "codes"),
    [
        (classifier(classes=3), {}, {"CZ312"}),
        (classifier(channels=3), {}, {"CZ308"}),
        # ZEN's import knows no SpatialDims.
        (classifier(height=None, width=None), {"SpatialDims": [64, 64]}, {"CZ307"}),
        (classifier(), {"Classes": ["Nucleus"], "BorderSize": "4"}, {"CZ220"}),
    ],
    ids=["classes", "channels", "open tile", "fault"],
)
def test_what_does_not_fit_is_found_by_the_same_rules(
    write: Write, graph: Graph, changes: dict[str, Any], codes: set[str]
) -> None:
    report = verify(write(graph, **changes), level="network")
    assert report.exit_code == 1
    assert places(report).keys() == codes


def test_content_decides_and_then_the_ending(write: Write, tmp_path: Path) -> None:
    assert verify(write(name="spec.txt"), level="network").passed
    # A folder still stands for the archives in it.
    with pytest.raises(SystemExit) as stop:
        main(["verify", str(tmp_path)])
    assert stop.value.code == 2
    empty = tmp_path / "empty.json"
    empty.write_bytes(b"")
    assert places(verify(empty, level="archive")).keys() == {"CZ220"}
    archive = tmp_path / "archive.json"
    archive.write_bytes(b"PK\x03\x04")
    assert "CZ101" in places(verify(archive, level="archive"))


def test_a_model_path_that_zen_cannot_import_is_a_finding(write: Write, tmp_path: Path) -> None:
    (tmp_path / "net.keras").write_bytes(b"PK")
    (tmp_path / "net.bin").write_bytes(b"?")
    for name, words in (
        ("net.keras", "Keras file"),
        ("net.bin", "is a file"),
        (".", "no saved_model.pb"),
        ("missing", "does not exist"),
    ):
        report = verify(write(ModelPath=name), level="network")
        (finding,) = report.findings
        assert finding.code == "CZ220"
        assert words in finding.message
        assert str(finding.at) == "ModelPath, line 2, column 15"
        assert report.exit_code == 1


@pytest.mark.parametrize("fault", [False, True], ids=["sound", "faulty"])
def test_the_report_fits_its_schema(
    write: Write, capsys: pytest.CaptureFixture[str], fault: bool
) -> None:
    path = write(BorderSize="4" if fault else 4)
    with pytest.raises(SystemExit) as stop:
        main(["verify", "--level", "network", "--format", "json", str(path)])
    report = json.loads(capsys.readouterr().out)
    jsonschema.validate(report, json.loads(SCHEMA.read_text("utf-8")))
    assert stop.value.code == report["exit_code"] == int(fault)
    (file,) = report["files"]
    assert file["size"] == path.stat().st_size
    if fault:
        assert file["findings"][0]["location"] == {
            "kind": "json",
            "path": "BorderSize",
            "line": 9,
            "column": 16,
        }


@pytest.mark.tensorflow
def test_the_network_is_run_on_the_test_image_too(write: Write, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("L", (40, 40), 90).save(tmp_path / "cells.png")
    without = verify(write()).files[0]
    report = verify(write(TestImageFile="cells.png"))
    assert report.passed
    (file,) = report.files
    assert file.looked_at["run"]["tiles"] == without.looked_at["run"]["tiles"] + 1


def test_an_image_that_cannot_be_read_is_said_and_nothing_passes_for_it(
    write: Write, tmp_path: Path
) -> None:
    image = tmp_path / "cells.png"
    image.write_bytes(b"no image")
    report = verify(write(TestImageFile="cells.png"))
    assert report.exit_code == 3
    (file,) = report.files
    assert file.counts["crashed"] == 0
    (loads,) = [outcome for outcome in file.outcomes if outcome.code == "CZ401"]
    assert loads.reason == (
        f"{image}: the image is damaged or of a kind that cannot be read: it does not begin as a "
        "PNG does"
    )


def test_images_that_are_not_there_are_a_usage_error(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["verify", str(write()), "--tiles", str(tmp_path / "missing.png")])
    assert stop.value.code == 2
    assert "missing.png: no such image" in capsys.readouterr().err
