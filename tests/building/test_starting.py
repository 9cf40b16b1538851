"""Specifications to start from: valid, filled in as far as the network tells, never in the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from czcheck.building import EXAMPLE, write_start
from czcheck.cli import main
from czcheck.errors import InputError, UsageError
from czcheck.metadata import read_spec
from czcheck.verifying import verify
from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import Graph, classifier, ended_by, scores

ROOT = Path(__file__).parents[2]
BAD = ROOT / "fixtures" / "bad"


def saved(folder: Path, graph: Graph) -> Path:
    for name, data in graph.files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def test_a_saved_model_fills_in_what_it_tells(tmp_path: Path) -> None:
    folder = saved(tmp_path / "models" / "cells", classifier(channels=3, classes=4))
    (tmp_path / "specs").mkdir()
    start = write_start(folder, tmp_path / "specs" / "cells.json")
    assert start.keys["ModelPath"] == "../models/cells"
    spec = read_spec(start.path)
    assert spec.model_path.resolve() == folder.resolve()
    assert spec.name == "cells"
    assert spec.classes == ("Class1", "Class2", "Class3", "Class4")
    assert (spec.pixel_types, spec.color_handling) == (("Bgr24",), "SplitRgb")
    assert spec.spatial_dims == (32, 32)
    # One convolution of 3 x 3 looks one pixel far.
    assert spec.border_size == 1
    assert [each.split(":")[0] for each in start.guessed] == ["Classes", "PixelType", "BorderSize"]


@pytest.mark.parametrize(
    ("graph", "classes", "postprocessing", "words"),
    [
        (
            ended_by("Sigmoid", classes=1),
            ("Foreground", "Background"),
            ["SigmoidToSoftmaxScores"],
            "Classes: the network ends in one sigmoid channel; Foreground gets its probability p",
        ),
        (
            scores(1),
            ("Foreground", "Background"),
            ["Sigmoid", "SigmoidToSoftmaxScores"],
            "Classes: the network ends in one channel of scores",
        ),
        (
            scores(2),
            ("Class1", "Class2"),
            ["Softmax"],
            "Postprocessing: the network ends in scores",
        ),
        (ended_by("LogSoftmax"), ("Class1", "Class2"), ["Softmax"], "ends in a log-softmax"),
        (
            ended_by("Sigmoid"),
            ("Class1", "Class2"),
            [],
            "The network cannot be built: the network ends in two sigmoid channels",
        ),
        (
            ended_by("Tanh", classes=1),
            ("Foreground", "Background"),
            ["SigmoidToSoftmaxScores"],
            "The network cannot be built: the network ends in values from -1 to 1",
        ),
    ],
)
def test_what_makes_probabilities_of_the_output_is_written(
    graph: Graph,
    classes: tuple[str, ...],
    postprocessing: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, target = saved(tmp_path / "cells", graph), tmp_path / "spec.json"
    with pytest.raises(SystemExit):
        main(["init", str(folder), "-o", str(target)])
    assert words in capsys.readouterr().out
    spec = read_spec(target)
    assert spec.classes == classes
    assert [each.name for each in spec.postprocessing] == postprocessing
    # What it writes passes, unless it says that the network cannot be built.
    assert verify(target, level="network").passed != ("cannot be built" in words)


def test_an_archive_of_one_channel_gets_a_class_for_each_of_two(tmp_path: Path) -> None:
    source = tmp_path / "old.czmodel"
    source.write_bytes(czmodel(metadata_xml(), ended_by("Sigmoid", classes=1).payload()))
    start = write_start(source, tmp_path / "new.json")
    spec = read_spec(start.path)
    assert spec.classes == ("Nucleus", "Background")
    assert spec.colors == ((0, 255, 0), (255, 0, 0))  # each class keeps its own
    assert [each.name for each in spec.postprocessing] == ["SigmoidToSoftmaxScores"]
    only = '<Item colB="0" colG="0" colR="255" LabelValue="1" Name="Background" />'
    source.write_bytes(czmodel(metadata_xml((only, "")), scores(1).payload()))
    spec = read_spec(write_start(source, tmp_path / "one.json").path)
    assert spec.classes == ("Nucleus", "Background")
    assert spec.colors is not None
    assert len(set(spec.colors)) == 2


def test_an_archive_without_a_name_gives_that_of_its_file(tmp_path: Path) -> None:
    source = tmp_path / "old.czmodel"
    source.write_bytes(czmodel(metadata_xml(("Nuclei", "")), classifier().payload()))
    start = write_start(source, tmp_path / "new.json")
    assert read_spec(start.path).name == "old"
    assert "Name: the archive gives none." in start.guessed


def test_a_network_of_labels_has_no_specification(tmp_path: Path) -> None:
    folder = saved(tmp_path / "cells", ended_by("ArgMax"))
    with pytest.raises(InputError, match="label map"):
        write_start(folder, tmp_path / "spec.json")
    assert not (tmp_path / "spec.json").exists()


def test_an_open_tile_is_a_guess_that_is_named(tmp_path: Path) -> None:
    folder = saved(tmp_path / "cells", classifier(height=None, width=None))
    start = write_start(folder, tmp_path / "spec.json")
    assert read_spec(start.path).spatial_dims == (512, 512)
    assert any(each.startswith("SpatialDims: ") for each in start.guessed)


def test_an_archive_gives_its_metadata_and_its_network(tmp_path: Path) -> None:
    source = tmp_path / "old.czmodel"
    source.write_bytes(czmodel(metadata_xml(("Nuclei", "Zell\u00e4")), classifier().payload()))
    start = write_start(source, tmp_path / "new.json")
    spec = read_spec(start.path)
    assert spec.name == "Zell\u00e4"
    assert spec.classes == ("Background", "Nucleus")
    assert spec.colors == ((255, 0, 0), (0, 255, 0))
    assert (spec.border_size, spec.model_id) == (4, None)
    assert spec.model_path == tmp_path / "new_saved_model"
    assert (spec.model_path / "saved_model.pb").is_file()
    assert start.unpacked == spec.model_path
    with pytest.raises(UsageError, match="new_saved_model: is there already"):
        write_start(source, start.path, force=True)


def test_the_example_is_the_one_in_the_guide(tmp_path: Path) -> None:
    write_start(None, tmp_path / "spec.json")
    written = json.loads((tmp_path / "spec.json").read_text("utf-8"))
    assert written == EXAMPLE
    guide = (ROOT / "docs/how-to/write-a-specification.md").read_text("utf-8")
    shown = json.loads(guide.split('title="nuclei.json"\n')[1].split("```")[0])
    # The network of the guide has a fixed tile.
    assert shown == {key: EXAMPLE[key] for key in EXAMPLE if key != "SpatialDims"}


def test_a_file_that_is_there_is_kept_unless_forced(tmp_path: Path) -> None:
    target = tmp_path / "spec.json"
    target.write_text("mine")
    with pytest.raises(UsageError, match="--force"):
        write_start(None, target)
    assert target.read_text() == "mine"
    write_start(None, target, force=True)
    assert json.loads(target.read_text("utf-8")) == EXAMPLE


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CZ101_png_image.czmodel", "is a PNG image, not a ZIP archive"),
        ("CZ116_pickle.czmodel", "Python pickle"),
        ("CZ117_onnx.czmodel", "ONNX"),
        ("CZ301_cut_short.czmodel", "saved_model.pb is no SavedModel"),
    ],
)
def test_what_holds_no_network_is_named(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        write_start(BAD / name, tmp_path / "spec.json")
    assert list(tmp_path.iterdir()) == []


def test_channels_without_a_pixel_type_are_named(tmp_path: Path) -> None:
    folder = saved(tmp_path / "cells", classifier(channels=5))
    with pytest.raises(InputError, match="takes 5 channels"):
        write_start(folder, tmp_path / "spec.json")
    assert not (tmp_path / "spec.json").exists()


def test_the_command_says_what_to_look_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = saved(tmp_path / "cells", classifier())
    target = tmp_path / "spec.json"
    for arguments, code, words in (
        ([str(folder)], 0, "check     PixelType: Gray16 is a guess"),
        ([str(folder)], 2, "--force"),
        ([str(tmp_path / "missing"), "--force"], 2, "no such file"),
        ([str(tmp_path), "--force"], 1, "no saved_model.pb"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(["init", *arguments, "-o", str(target)])
        out, err = capsys.readouterr()
        assert stop.value.code == code
        assert words in out + err
