"""`czcheck build` on wrong input: one clear message with file, place and fix, and no file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from czcheck.cli import main
from czcheck.limits import LARGEST_SIDE
from fixtures.graphs import Graph, classifier, spec

Run = Callable[..., tuple[int, str]]

SPEC = """{
  "Name": "Nuclei",
  "ModelPath": "network",
  "Classes": ["Background", "Nucleus"],
  "PixelType": "Gray16",
  "ColorHandling": "ConvertToMonochrome",
  "BorderSize": 4
}
"""


@pytest.fixture
def build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Calls the command on a specification; returns exit code and what went to standard error."""

    def call(text: str, *options: str, graph: Graph | None = None) -> tuple[int, str]:
        folder = tmp_path / "network"
        folder.mkdir(exist_ok=True)
        for name, data in (graph or classifier()).files().items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        path = tmp_path / "spec.json"
        path.write_text(text, "utf-8")
        target = tmp_path / "out.czmodel"
        target.write_bytes(b"an older file")
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(SystemExit) as stop:
            main(["build", str(path), "-o", str(target), *options])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert target.read_bytes() == b"an older file"
        assert sorted(tmp_path.rglob("*")) == before
        assert isinstance(stop.value.code, int)
        return stop.value.code, err

    return call


def changed(**changes: Any) -> str:
    return json.dumps({**json.loads(SPEC), **changes}, indent=2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SPEC.replace('": 4', '": 4,'), ("line 7, column 18", "comma", "remove it")),
        (
            SPEC.replace("BorderSize", "Bordersize"),
            ("line 7, column 3", "did you mean 'BorderSize'"),
        ),
        (changed(BorderSize="8"), ("line 10", "BorderSize")),
        (changed(BorderSize=True), ("line 10", "BorderSize")),
        (changed(BorderSize=-1), ("line 10", "BorderSize")),
        (changed(Classes="Background"), ("line 4", "Classes")),
        (changed(PixelType="Rgb24"), ("PixelType", "Bgr24")),
        (changed(ColorHandling="Mono"), ("ColorHandling", "SplitRgb")),
        (changed(ModelPath="nowhere"), ("ModelPath", "nowhere")),
        (changed(ModelPath="spec.json"), ("ModelPath", "saved_model.pb")),
        (changed(Preprocessing=["Rgb"]), ("line 12", "Preprocessing, item 1,", "RgbToBgr")),
        (changed(Preprocessing=["RgbToBgr"]), ("spec.json", "3 channels, but tiles have 1")),
        (changed(Postprocessing=["Tanh"]), ("line 12", "SigmoidToSoftmaxScores")),
        (changed(Postprocessing=["Sigmoid"]), ("put SigmoidToSoftmaxScores behind it",)),
        (SPEC[:-20], ("spec.json", "line")),
        ("", ("spec.json", "empty")),
        ("[]", ("spec.json", "object")),
    ],
)
def test_wrong_specifications(build: Run, text: str, words: tuple[str, ...]) -> None:
    code, err = build(text)
    assert code == 1
    assert err.startswith("czcheck: ")
    assert len(err.splitlines()) == 1
    for word in words:
        assert word in err


def two_inputs() -> Graph:
    graph = classifier()
    mask = graph.placeholder("mask", (None, 32, 32, 1))
    signature = graph.meta_graph.signature_def["serving_default"]
    signature.inputs["mask"].CopyFrom(spec(mask, (None, 32, 32, 1)))
    return graph


@pytest.mark.parametrize(
    ("graph", "text", "words"),
    [
        (two_inputs(), SPEC, ("2 inputs", "image", "mask")),
        (classifier(height=None, width=None), SPEC, ("SpatialDims", "--tile")),
        (classifier(channels=3), SPEC, ("channel", "Gray16")),
        (classifier(classes=3), SPEC, ("3", "classes")),
        (classifier(), changed(BorderSize=16), ("border", "32")),
    ],
    ids=["two inputs", "open tile", "channels", "classes", "border"],
)
def test_networks_that_do_not_fit(
    build: Run, graph: Graph, text: str, words: tuple[str, ...]
) -> None:
    code, err = build(text, graph=graph)
    assert code == 1
    assert len(err.splitlines()) == 1
    for word in words:
        assert word.lower() in err.lower()


@pytest.mark.parametrize(
    "size", ["12a", "0x5", "1x2x3", "x", "", f"{LARGEST_SIDE + 1}", "9" * 5000]
)
def test_wrong_tiles_are_usage_errors(build: Run, size: str) -> None:
    code, err = build(SPEC, "--tile", size)
    assert code == 2
    assert "is not a tile size" in err


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--preprocess", "Blur", "give one of RgbToBgr, RgbaToBgra"),
        ("--preprocess", "RgbToBrg", "did you mean 'RgbToBgr'? There are RgbToBgr, RgbaToBgra"),
        ("--postprocess", "softmax", "did you mean 'Softmax'?"),
        ("--preprocess", "Normalization:mean=1", "Normalization lacks Std"),
        ("--postprocess", "RgbToBgr", "that one stands in front of a network"),
    ],
)
def test_wrong_operations_are_usage_errors(build: Run, option: str, value: str, words: str) -> None:
    code, err = build(SPEC, option, value)
    assert code == 2
    assert words in err


def test_sigmoid_scores_need_one_channel(build: Run) -> None:
    code, err = build(SPEC, "--postprocess", "SigmoidToSoftmaxScores")
    assert code == 1
    assert "outputs 2 channels, but SigmoidToSoftmaxScores takes one" in err


def test_wrong_paths_are_usage_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, word in ((tmp_path / "missing.json", "no such file"), (tmp_path, "folder")):
        with pytest.raises(SystemExit) as stop:
            main(["build", str(path)])
        assert stop.value.code == 2
        assert word in capsys.readouterr().err


def test_a_missing_target_folder_is_named(build: Run, tmp_path: Path) -> None:
    target = tmp_path / "not" / "there" / "x.czmodel"
    code, err = build(SPEC, "-o", str(target))
    assert code == 2
    assert str(target.parent) in err
