"""The same tiles in another interpreter, and against a baseline: CZ424, CZ425 and CZ426."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from children import run_script

from czcheck import UsageError, verify, write_baseline
from czcheck.errors import InputError
from czcheck.report import Report
from czcheck.rules import SkipCause
from czcheck.runtime import read_baseline
from fixtures.archives import czmodel, metadata_xml, saved_model_zip
from fixtures.bad_behaviour import GRAY, Net
from fixtures.graphs import FLOAT, Type

pytestmark = pytest.mark.tensorflow

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "schemas" / "report.schema.json").read_text("utf-8"))
INT32 = Type("int32")
KERAS = """
import sys, keras
model = keras.Sequential([
    keras.Input((32, 32, 1), name="image"),
    keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
    keras.layers.Conv2D(2, 1, activation="softmax"),
])
model.export(sys.argv[1], verbose=False)
"""


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def message(report: Report, code: str) -> str:
    (found,) = (finding for finding in report.findings if finding.code == code)
    return found.message


def random_network() -> Net:
    """Adds another random number to each pixel every time that it is asked."""
    graph = Net()
    shape = graph.const("shape", [1, 32, 32, 1], (4,), "int32")
    noise = graph.node("noise", "RandomUniform", shape, T=INT32, dtype=FLOAT, seed=0, seed2=0)
    return graph.ended(graph.node("noisy", "AddV2", "image", noise, T=FLOAT))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Net], Path]:
    def write(graph: Net) -> Path:
        path = tmp_path_factory.mktemp("archive") / "model.czmodel"
        path.write_bytes(czmodel(metadata_xml(GRAY), graph.payload()))
        return path

    return write


@pytest.fixture(scope="module")
def keras_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `model.export` of today's Keras writes, packed as it is."""
    folder = tmp_path_factory.mktemp("keras")
    saved = folder / "saved"
    script = folder / "export.py"
    script.write_text(KERAS, "utf-8")
    run_script(sys.executable, script, saved)
    files = {
        path.relative_to(saved).as_posix(): path.read_bytes()
        for path in saved.rglob("*")
        if path.is_file()
    }
    path = folder / "keras.czmodel"
    path.write_bytes(czmodel(metadata_xml(GRAY), saved_model_zip(files)))
    return path


@pytest.mark.tf200
def test_a_real_archive_answers_alike_in_tensorflow_200(corpus: Path, tf200_python: str) -> None:
    report = verify(corpus / "simple_nuclei_tf200.czmodel", runtime=tf200_python)
    assert report.passed, str(report)
    compared = report.files[0].looked_at["run"]["runtime"]
    assert compared["tensorflow"] == "2.0.0"
    assert (compared["tiles"], compared["agreement"]) == (8, 1)
    assert compared["change"] < 1e-3
    jsonschema.validate(report.to_json(), SCHEMA)
    assert "compared with TensorFlow 2.0.0: 100 % of the labels are the same" in " ".join(
        str(report).split()
    )


@pytest.mark.tf200
def test_todays_export_does_not_load_in_tensorflow_200(
    keras_archive: Path, tf200_python: str
) -> None:
    report = verify(keras_archive, target="any", runtime=tf200_python, select=["CZ4"])
    assert report.exit_code == 1
    assert "CZ401" not in codes(report)
    assert "CZ424" not in codes(report)
    said = message(report, "CZ425")
    assert "TensorFlow 2.0.0 (Python 3.7" in said
    assert "cannot load the network" in said
    # Today's saver writes both; TensorFlow 2.0.0 names the one that it meets first.
    assert "DisableCopyOnRead" in said or "debug_name" in said


def test_answers_that_differ_are_found(archive: Callable[[Net], Path]) -> None:
    report = verify(archive(random_network()), runtime=sys.executable)
    assert report.exit_code == 1
    assert "CZ424" in codes(report)
    said = message(report, "CZ424")
    assert "of the labels of" in said
    assert "allowed: at most" in said
    jsonschema.validate(report.to_json(), SCHEMA)


def test_the_same_runtime_gives_the_same_answers(archive: Callable[[Net], Path]) -> None:
    report = verify(archive(Net().ended("image")), runtime=sys.executable)
    assert codes(report).isdisjoint({"CZ424", "CZ425"})
    compared = report.files[0].looked_at["run"]["runtime"]
    assert (compared["agreement"], compared["change"]) == (1, 0)


@pytest.mark.parametrize("python", ["/no/such/python", "/bin/false"])
def test_an_interpreter_that_cannot_run_networks_is_no_fault_of_the_model(
    archive: Callable[[Net], Path], python: str
) -> None:
    report = verify(archive(Net().ended("image")), runtime=python)
    assert report.exit_code == 3
    outcomes = {outcome.code: outcome for outcome in report.files[0].outcomes}
    for code in ("CZ424", "CZ425"):
        assert outcomes[code].cause is SkipCause.TOOL
        assert python in outcomes[code].reason
    assert outcomes["CZ426"].cause is SkipCause.CHOICE
    assert outcomes["CZ426"].reason == "no --baseline given"


def test_a_baseline_passes_its_own_model_and_no_other(
    archive: Callable[[Net], Path], tmp_path: Path
) -> None:
    first, golden = archive(Net().ended("image")), tmp_path / "golden.npz"
    made = write_baseline(first, golden, max_change=0.01)
    assert made == read_baseline(golden)
    assert made.tolerances.max_change == 0.01
    assert "zeros" not in [tile.name for tile in made.tiles]
    report = verify(first, baseline=golden)
    assert "CZ426" not in codes(report)
    compared = report.files[0].looked_at["run"]["baseline"]
    assert compared["agreement"] == 1
    assert compared["change"] < 1e-4
    assert compared["sha256"] == report.files[0].sha256
    jsonschema.validate(report.to_json(), SCHEMA)
    other = verify(archive(Net().ended("image", bound=0.36)), baseline=golden)
    assert other.exit_code == 1
    assert "a probability changes by" in message(other, "CZ426")


def test_there_is_no_baseline_of_answers_that_are_none(
    archive: Callable[[Net], Path], tmp_path: Path
) -> None:
    def logits() -> Net:
        graph = Net().ended("image")
        (answer,) = (n for n in graph.meta_graph.graph_def.node if n.name == "answer")
        answer.op = "Identity"
        return graph

    golden = tmp_path / "golden.npz"
    golden.write_bytes(b"what was there before")
    with pytest.raises(InputError, match="has no outputs to store"):
        write_baseline(archive(logits()), golden)
    assert golden.read_bytes() == b"what was there before"


def test_wrong_calls_are_told_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"max_change 2 is not within 0\.0001 and 1"):
        write_baseline("model.czmodel", tmp_path / "golden.npz", max_change=2)
    with pytest.raises(UsageError, match="is a folder"):
        write_baseline(tmp_path, tmp_path / "golden.npz")
    archive = tmp_path / "model.czmodel"
    archive.write_bytes(b"")
    stream = io.BytesIO()
    np.savez_compressed(stream, nuclei=np.zeros(3))
    (tmp_path / "other.npz").write_bytes(stream.getvalue())
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as other:
        other.writestr("nuclei.npy", b"")
    for wrong in ("missing.npz", "other.npz", "zip.npz", "model.czmodel"):
        with pytest.raises(UsageError, match="baseline"):
            verify(archive, baseline=tmp_path / wrong)


def test_the_command_line_makes_and_uses_a_baseline(
    archive: Callable[[Net], Path], tmp_path: Path
) -> None:
    def czcheck(*args: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "czcheck", *map(str, args)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    model, golden = archive(Net().ended("image")), tmp_path / "golden.npz"
    made = czcheck("baseline", model, "-o", golden, "--min-agreement", "0.99")
    assert made.returncode == 0, made.stderr
    assert str(golden) in made.stdout
    assert read_baseline(golden).tolerances.min_agreement == 0.99
    checked = czcheck("verify", model, "--baseline", golden, "--select", "CZ426")
    assert checked.returncode == 0, checked.stdout
    wrong = czcheck("verify", model, "--baseline", model)
    assert wrong.returncode == 2
    assert "is no baseline" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    missing = czcheck("baseline", tmp_path / "missing.czmodel", "-o", golden)
    assert missing.returncode == 2
