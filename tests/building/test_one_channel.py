"""Networks of one channel, of scores, and of other things than probabilities of classes."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import czcheck
from czcheck.building import BuildOptions, Plan, build
from czcheck.cli import main
from czcheck.errors import InputError
from czcheck.metadata import metadata_of_spec, read_spec
from czcheck.planned import Binary
from czcheck.verifying import verify
from fixtures.graphs import FLOAT, Graph, Type, ended_by, scores, spec

if TYPE_CHECKING:
    from conftest import WriteSpec

PAIR, CHAIN = ["SigmoidToSoftmaxScores"], ["Sigmoid", "SigmoidToSoftmaxScores"]
FOREGROUND_FIRST = ["Nucleus", "Background"]

Save = Callable[[Graph], Path]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes a SavedModel and names its folder."""

    def call(graph: Graph) -> Path:
        folder = tmp_path / "network"
        for name, data in graph.files().items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder

    return call


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is found now was found without starting TensorFlow."""

    def refuse(*_: object) -> None:
        raise AssertionError("TensorFlow was started")

    monkeypatch.setattr("czcheck.runtime.networks.Worker.start", refuse)


def sigmoid_behind_scores(channels: int = 1) -> Graph:
    graph = scores(channels)
    graph.node("p", "Sigmoid", "answer", T=FLOAT)
    outputs = graph.meta_graph.signature_def["serving_default"].outputs
    outputs["answer"].CopyFrom(spec("p", (None, 32, 32, channels)))
    return graph


def labels(dtype: str = "int64", dims: int = 3) -> Graph:
    graph = scores(3)
    axis = graph.const("axis", [3], (), "int32")
    kind = {"T": FLOAT, "Tidx": Type("int32"), "output_type": Type(dtype)}
    graph.node("labels", "ArgMax", "answer", axis, **kind)
    outputs = graph.meta_graph.signature_def["serving_default"].outputs
    outputs["answer"].CopyFrom(spec("labels", (None, 32, 32, 1)[:dims], dtype))
    return graph


def whole_numbers() -> Graph:
    graph = sigmoid_behind_scores()
    most = graph.const("most", [255.0], ())
    graph.node("scaled", "Mul", "p", most, T=FLOAT)
    graph.node("bytes", "Cast", "scaled", SrcT=FLOAT, DstT=Type("uint8"))
    outputs = graph.meta_graph.signature_def["serving_default"].outputs
    outputs["answer"].CopyFrom(spec("bytes", (None, 32, 32, 1), "uint8"))
    return graph


@pytest.mark.usefixtures("no_worker")
@pytest.mark.parametrize(
    ("graph", "changes", "words"),
    [
        (
            sigmoid_behind_scores(),
            {},
            'one sigmoid channel.*add "Postprocessing": \\["SigmoidToSoftmaxScores"\\] to the spec',
        ),
        (
            sigmoid_behind_scores(),
            {"Classes": ["Nucleus"]},
            "one sigmoid channel.*name two classes",
        ),
        (sigmoid_behind_scores(), {"Postprocessing": CHAIN}, "another Sigmoid"),
        (scores(1), {}, '"Postprocessing": \\["Sigmoid", "SigmoidToSoftmaxScores"\\]'),
        (scores(1), {"Postprocessing": PAIR}, r"ends in a score \(logit\)"),
        (scores(2), {}, 'scores \\(logits\\).*add "Postprocessing": \\["Softmax"\\] to the spec'),
        (sigmoid_behind_scores(2), {}, "two sigmoid channels.*multi-label"),
        (ended_by("LogSoftmax"), {}, 'log-softmax.*add "Postprocessing": \\["Softmax"\\]'),
        (ended_by("Softmax", classes=1), {"Postprocessing": PAIR}, "the same everywhere"),
        (labels(), {}, r"a label map \(ArgMax\)"),
        (labels("uint8", 4), {}, r"a label map \(ArgMax\)"),
        (whole_numbers(), {}, r"whole numbers \(uint8\)"),
    ],
)
def test_what_a_network_is_is_said_before_anything_is_run(
    graph: Graph,
    changes: dict[str, Any],
    words: str,
    save: Save,
    write_spec: WriteSpec,
    tmp_path: Path,
) -> None:
    path = write_spec(save(graph), **changes)
    with pytest.raises(InputError, match=words):
        build(path, tmp_path / "a.czmodel")
    assert not (tmp_path / "a.czmodel").exists()
    # Nor does the specification pass by itself.
    report = verify(path, level="network")
    assert report.exit_code == 1


@pytest.mark.usefixtures("no_worker")
def test_what_the_layers_of_a_keras_file_show_is_said_before_it_is_exported(
    write_spec: WriteSpec, tmp_path: Path
) -> None:
    last = {"filters": 1, "activation": "sigmoid", "name": "last"}
    layers = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 32, 32, 1], "name": "tile"}},
        {"class_name": "Conv2D", "config": last},
    ]
    described = {"class_name": "Sequential", "config": {"layers": layers}}
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(described))
    with pytest.raises(InputError, match=r"net\.keras: the network ends in one sigmoid channel"):
        build(write_spec(path), tmp_path / "a.czmodel")
    with pytest.raises(InputError, match=r"takes 1 channels, but the pixel type Bgr24"):
        build(write_spec(path, PixelType="Bgr24", ColorHandling="SplitRgb"), tmp_path / "a.czmodel")


@pytest.mark.usefixtures("no_worker")
def test_without_a_verification_a_network_of_scores_may_be_built_with_a_warning(
    save: Save, write_spec: WriteSpec
) -> None:
    described = read_spec(write_spec(save(scores(2))))
    plan = Plan.of(described, metadata_of_spec(described), BuildOptions(verify=False))
    ending = plan.examine(plan.source).ending
    (warning,) = plan.warnings(ending)
    assert "ends in scores" in warning


@pytest.mark.tensorflow
def test_one_sigmoid_channel_becomes_two_and_the_result_says_who_gets_p(
    save: Save, write_spec: WriteSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_spec(save(sigmoid_behind_scores()), Classes=FOREGROUND_FIRST, Postprocessing=PAIR)
    assert verify(path, level="network").passed
    archive = tmp_path / "a.czmodel"
    with pytest.raises(SystemExit) as stop:
        main(["build", str(path), "-o", str(archive)])
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert (
        "p         Nucleus gets the one channel's probability p, Background gets 1 - p" in printed
    )
    assert "CZ215" not in printed
    report = verify(archive, level="network").to_json()
    assert report["files"][0]["looked_at"]["network"]["binary"] == {
        "p": "Nucleus",
        "rest": "Background",
    }
    with pytest.raises(SystemExit):
        main(["inspect", str(archive), "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert shown["network"]["binary"] == {"p": "Nucleus", "rest": "Background"}


@pytest.mark.tensorflow
def test_one_channel_of_scores_takes_a_sigmoid_first_and_exchanged_classes_are_a_warning(
    save: Save, write_spec: WriteSpec, tmp_path: Path
) -> None:
    path = write_spec(save(scores(1)), Postprocessing=CHAIN)
    result = build(path, tmp_path / "a.czmodel")
    assert result.binary == Binary("Background", "Nucleus")
    (warning,) = result.warnings
    assert '"Classes": ["Nucleus", "Background"]' in warning
    assert result.report is not None
    assert result.report.passed
    assert [each.code for each in result.report.findings if each.code.startswith("CZ2")] == [
        "CZ215"
    ]
    assert {each.code for each in verify(path, level="network").findings} == {"CZ215"}
    tile = np.random.default_rng(0).integers(0, 65536, (32, 32)).astype(np.uint16)
    with czcheck.open(result.path) as model:
        found = model.predict(tile)
    assert np.abs(found.sum(axis=-1) - 1).max() <= 1e-6
    # What the made-up network weighs: a mean of 3 x 3 pixels, rectified, is 0, so that p is 1/2.
    assert np.unique(found[..., 0]).tolist() == pytest.approx([0.5])
