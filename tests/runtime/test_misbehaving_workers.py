"""Workers whose network would misbehave: what they cannot do, and what they change of a verdict.

The networks are harmless ones. What a harmful one could do is done by the worker itself, in the
process that TensorFlow runs in, after it has run there: see `trying_worker.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from reachable import reachable

import czcheck
from czcheck.report import FileReport
from czcheck.runtime import process
from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import FLOAT, Graph, Type, classifier

pytestmark = pytest.mark.tensorflow

HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"}
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has a sandbox")


def throwing_dice() -> Graph:
    """A network whose output is another one each time."""
    graph = classifier()
    size = graph.const("size", [1], (1,), "int32")
    attrs: dict[str, Any] = {"T": Type("int32"), "dtype": FLOAT, "seed": 0, "seed2": 0}
    graph.node("dice", "RandomUniform", size, **attrs)
    graph.node("sum", "AddV2", "logits", "dice", T=FLOAT)
    (answer,) = (each for each in graph.meta_graph.graph_def.node if each.name == "answer")
    graph.node("both", "Mul", "logits", "sum", T=FLOAT)
    answer.input[0] = "both"
    return graph


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder to which no right is missing but for the sandbox, and a network beside it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("kept")
    network = tmp_path / "network"
    network.mkdir()
    for name, data in throwing_dice().files().items():
        (network / name).write_bytes(data)
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o777)
    reachable(tmp_path)
    return folder


def tried(outside: Path, mode: str, as_user: list[str], *names: str) -> dict[str, Any]:
    network = str(outside.with_name("network"))
    script = [sys.executable, str(HERE / "run_trying.py")]
    command = [*as_user, *script, network, str(outside), mode, *names]
    ended = subprocess.run(command, check=False, env=ENVIRONMENT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


@LINUX
def test_a_worker_that_is_shut_in_gets_nowhere(outside: Path, as_user: list[str]) -> None:
    told = tried(outside, "shut", as_user)
    if not all(each["sandboxed"] for each in told.values()):
        pytest.skip("no sandbox on this machine")
    for how, each in told.items():
        assert len(each["outcomes"]) > 30
        done = [name for name, outcome in each["outcomes"].items() if outcome == "done"]
        assert done == [], how
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_text() == "kept"
    assert [each["backend"] for each in told.values()] == ["c", "c", "python"]
    assert told["C library"]["first"] != told["C library again"]["first"]


@LINUX
def test_left_open_the_same_worker_gets_through(outside: Path) -> None:
    """What the test above shows is the sandbox's doing."""
    names = ["read outside", "list outside", "write outside", "make a file inside", "open a socket"]
    names.append("write to neighbour 0")
    told = tried(outside, "open", [], *names)
    for each in told.values():
        assert set(each["outcomes"].values()) == {"done"}
    assert (outside / "written").read_text() == "here"


def archive(folder: Path, doing: str) -> Path:
    """A harmless network, and what the worker is to do in its place."""
    graph = classifier()
    signature = graph.meta_graph.signature_def["serving_default"]
    signature.inputs[f"image_{doing}"].CopyFrom(signature.inputs["image"])
    del signature.inputs["image"]
    path = folder / f"{doing}.czmodel"
    path.write_bytes(czmodel(metadata_xml(), graph.payload()))
    return path


def told_of(report: FileReport) -> list[tuple[str, str, list[str]]]:
    return [
        (outcome.code, outcome.status.value, [each.message for each in outcome.findings])
        for outcome in report.outcomes
    ]


@LINUX
def test_misbehaving_neighbours_change_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "WORKER", HERE / "trying_worker.py")
    names = ["aborts", "behaves", "floods", "leaves"]
    paths = [archive(tmp_path, name) for name in names]
    good = paths[1]
    alone = czcheck.verify(good)
    assert alone.exit_code == 0, [str(each) for each in alone.findings]
    again = [paths[0], good, paths[2], good, paths[3], good]
    for jobs in (1, 3):
        report = czcheck.verify(again, jobs=jobs)
        assert [each.path for each in report.files] == [str(path) for path in again]
        for each in report.files:
            if each.path == str(good):
                assert told_of(each) == told_of(alone.files[0])
        fatal = {
            Path(each.path).stem: [
                finding.message
                for outcome in each.outcomes
                for finding in outcome.findings
                if finding.severity.value == "error"
            ]
            for each in report.files
        }
        assert [len(fatal[name]) for name in ("aborts", "floods", "leaves")] == [1, 1, 1]
        assert "SIGABRT" in fatal["aborts"][0]
        assert "enough of this" in fatal["aborts"][0]
        assert "bytes of log" in fatal["floods"][0]
        assert "exit code 0" in fatal["leaves"][0]
