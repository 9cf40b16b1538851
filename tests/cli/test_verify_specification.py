"""`czcheck verify spec.json`: a specification with its SavedModel, without building."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from czcheck.cli import main
from czcheck.network import number
from czcheck.report import Report
from czcheck.verifying import verify
from fixtures.graphs import FLOAT, Graph, Type, classifier, ended_by, scores, spec

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


def half_precision() -> Graph:
    """The sound network with an input that ZEN does not feed."""
    graph = classifier()
    image = next(each for each in graph.meta_graph.graph_def.node if each.name == "image")
    image.name = "tile"
    graph.node("image", "Cast", "tile", SrcT=Type("float16"), DstT=FLOAT)
    image.attr["dtype"].type = number("float16")
    inputs = graph.meta_graph.signature_def["serving_default"].inputs
    inputs["image"].CopyFrom(spec("tile", (None, 32, 32, 1), "float16"))
    return graph


@pytest.mark.parametrize(
    ("graph", "changes", "codes"),
    [
        (classifier(classes=3), {}, {"CZ312"}),
        (classifier(channels=3), {}, {"CZ308"}),
        (classifier(height=None, width=None), {}, {"CZ307"}),
        (classifier(height=None, width=None), {"SpatialDims": [8, 64]}, {"CZ313", "CZ314"}),
        (classifier(), {"SpatialDims": [8, 8]}, {"CZ313"}),
        (classifier(), {"Preprocessing": ["RgbToBgr"]}, {"CZ220"}),
        (classifier(), {"LicenseFile": "terms.xml"}, {"CZ220"}),
        (ended_by("Sigmoid", classes=1), {"Classes": ["Nucleus", "Rest"]}, {"CZ312", "CZ320"}),
        (classifier(), {"Postprocessing": ["SigmoidToSoftmaxScores"]}, {"CZ220"}),
        (scores(2), {}, {"CZ220", "CZ320"}),
        (half_precision(), {}, {"CZ220", "CZ310"}),
        (classifier(), {"Classes": ["Nucleus"], "BorderSize": "4"}, {"CZ220"}),
    ],
    ids=[
        "classes", "channels", "open tile", "border", "smaller tile", "in front", "licence",
        "sigmoid", "behind", "scores", "half", "fault",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_found_by_the_same_rules(
    write: Write, tmp_path: Path, graph: Graph, changes: dict[str, Any], codes: set[str]
) -> None:
    (tmp_path / "terms.xml").write_text("free")
    report = verify(write(graph, **changes), level="network")
    assert report.exit_code == 1
    assert places(report).keys() == codes


def under(name: str) -> Graph:
    """The sound network, its signature called otherwise."""
    graph = classifier()
    signatures = graph.meta_graph.signature_def
    signatures[name].CopyFrom(signatures["serving_default"])
    del signatures["serving_default"]
    return graph


def saved_today() -> Graph:
    """The sound network with what today's TensorFlow saves and TensorFlow 2.0.0 does not know."""
    graph = classifier()
    graph.node("off", "DisableCopyOnRead", "image")
    graph.node("further", "Softmax", "logits", T=FLOAT, grad_debug_name="none")
    return graph


@pytest.mark.parametrize("own", [(None, None), (None, 64), (64, 64), (32, 32)])
def test_sizes_are_those_of_the_archive(write: Write, own: tuple[int | None, int | None]) -> None:
    path = write(classifier(height=own[0], width=own[1]), SpatialDims=[64, 64])
    (file,) = verify(path, level="network").files
    network = file.looked_at["network"]
    assert (network["input"], network["output"]) == ("64x64x1", "64x64x2")


@pytest.mark.parametrize(
    ("graph", "changes"),
    [
        (classifier(height=None, width=None), {"SpatialDims": [64, 64]}),
        (classifier(height=None, width=64), {"SpatialDims": [64, 64]}),
        (classifier(), {"SpatialDims": [48, 48]}),
        (classifier(batch=4), {}),
        (under("predict"), {}),
        (saved_today(), {}),
        (
            ended_by("Sigmoid", classes=1),
            {"Classes": ["Nucleus", "Rest"], "Postprocessing": ["SigmoidToSoftmaxScores"]},
        ),
        (
            scores(1),
            {
                "Classes": ["Nucleus", "Rest"],
                "Postprocessing": ["Sigmoid", "SigmoidToSoftmaxScores"],
            },
        ),
        (scores(2), {"Postprocessing": ["Softmax"], "Preprocessing": ["PerImageStandardization"]}),
        (ended_by("LogSoftmax"), {"Postprocessing": ["Softmax"]}),
    ],
    ids=[
        "open tile", "half open", "other tile", "batch", "signature", "today", "sigmoid", "score",
        "scores", "log-softmax",
    ],
)  # fmt: skip
def test_the_network_is_judged_as_it_will_be_built(
    write: Write, graph: Graph, changes: dict[str, Any]
) -> None:
    report = verify(write(graph, **changes), level="network")
    assert report.passed
    assert report.findings == ()
    (file,) = report.files
    reasons = {each.code: each.reason for each in file.outcomes if each.cause is not None}
    assert reasons["CZ315"] == reasons["CZ316"]
    assert "has to be lowered first" in reasons["CZ315"]
    assert "left behind by `czcheck build`" in reasons["CZ322"]
    facts = file.looked_at["network"]
    height, width = changes.get("SpatialDims", [32, 32])
    assert facts["input"] == f"{height}x{width}x1"


def keras_file(path: Path, *, channels: int, activation: str, taken: int = 1) -> None:
    """A `.keras` file as far as its description of layers goes."""
    config = {"batch_shape": [None, None, None, taken], "name": "tile"}
    last = {"filters": channels, "activation": activation, "name": "last"}
    hidden = {"filters": 4, "activation": "relu", "name": "hidden"}
    layers = [
        {"class_name": "InputLayer", "config": config},
        {"class_name": "Conv2D", "config": hidden},
        {"class_name": "Conv2D", "config": last},
    ]
    described = {"class_name": "Sequential", "config": {"layers": layers}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(described))


def test_a_keras_file_passes_unless_its_layers_show_a_fault(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "net.keras"

    def messages(**changes: Any) -> list[str]:
        report = verify(write(ModelPath="net.keras", **changes), level="network")
        assert {each.code for each in report.findings} <= {"CZ220"}
        assert report.exit_code == int(bool(report.findings))
        (file,) = report.files
        reasons = {each.code: each.reason for each in file.outcomes if each.cause is not None}
        assert reasons["CZ307"] == reasons["CZ330"]
        assert "has to be exported first" in reasons["CZ330"]
        assert "has to be exported first" in file.looked_at["left_to_build"]
        return [each.message for each in report.findings]

    keras_file(path, channels=2, activation="softmax")
    assert messages() == []
    path.write_bytes(b"PK")  # Keras itself says later what is wrong with it
    assert messages() == []
    keras_file(path, channels=1, activation="sigmoid")
    (message,) = messages()
    assert 'add "Postprocessing": ["SigmoidToSoftmaxScores"] to the spec' in message
    assert messages(Classes=["a", "b"], Postprocessing=["SigmoidToSoftmaxScores"]) == []
    keras_file(path, channels=3, activation="softmax")
    (message,) = messages()
    assert "outputs 3 channels, but the spec names 2 classes" in message
    keras_file(path, channels=2, activation="softmax", taken=3)
    (message,) = messages()
    assert "takes 3 channels, but the pixel type Gray16" in message


def test_a_run_that_would_show_another_network_is_left_to_the_build(write: Write) -> None:
    for graph, changes, words in (
        (classifier(), {"SpatialDims": [48, 48]}, "changes the network's tile"),
        (classifier(batch=4), {}, "takes 4 tiles at a time"),
        (scores(2), {"Postprocessing": ["Softmax"]}, "puts operations around the network"),
    ):
        report = verify(write(graph, **changes))
        assert report.passed
        (loads,) = [each for each in report.files[0].outcomes if each.code == "CZ401"]
        assert words in loads.reason
        looked_at = report.files[0].looked_at
        assert "run" not in looked_at
        assert words in looked_at["left_to_build"]


@pytest.mark.tensorflow
def test_a_network_of_any_size_is_run_on_the_tile_that_is_given(write: Write) -> None:
    report = verify(write(under_any_size(), SpatialDims=[40, 40]))
    assert report.passed
    assert report.files[0].looked_at["run"]["tiles"] > 0


def under_any_size() -> Graph:
    """A network of any size whose signature is called `predict`."""
    graph = classifier(height=None, width=None)
    signatures = graph.meta_graph.signature_def
    signatures["predict"].CopyFrom(signatures["serving_default"])
    del signatures["serving_default"]
    return graph


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
    (tmp_path / "net.bin").write_bytes(b"?")
    for name, words in (
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
