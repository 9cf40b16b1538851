"""Networks that hold what must not run are refused, within bounds, and are not run.

What stands in them is harmless, see `fixtures/stand_ins.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from czcheck import CzModel
from czcheck.errors import InputError
from czcheck.limits import Limits
from czcheck.network import graph as graphs
from czcheck.network import messages, saved_model
from fixtures import stand_ins
from fixtures.archives import czmodel, metadata_xml, saved_model_zip, zip_bytes
from fixtures.graphs import FLOAT, Func, Graph, classifier
from fixtures.make import BAD
from fixtures.stand_ins import STAND_INS, UNLISTED, StandIn

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SECONDS, MEMORY_MIB = 10, 512
# What the operation says when it runs.
RAN = "could not correctly convert string: no number"


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, *map(str, command)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def verify(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """The exit code of `czcheck verify`, and its report."""
    done = run("-m", "czcheck", "verify", "--format", "json", *arguments)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def archive(graph: Graph, path: Path) -> Path:
    path.write_bytes(czmodel(metadata_xml(), graph.payload()))
    return path


def write_saved_model(files: dict[str, bytes], folder: Path) -> Path:
    for name, data in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


@pytest.mark.tensorflow
def test_stand_ins_run_where_nobody_stops_them_and_end_nothing(tmp_path: Path) -> None:
    """Where they stand is where operations run; and no bad file ends TensorFlow's process."""
    folders = []
    for path in sorted(BAD.glob("CZ33*.czmodel")):
        with CzModel(path) as model:
            files = {name: b"".join(model.files.chunks(name)) for name in model.files.names}
        folders.append(write_saved_model(files, tmp_path / path.stem))
    assert len(folders) > len(STAND_INS)
    done = run(HERE / "load_each.py", *folders)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told.keys() == set(map(str, folders))
    for loader, those in (
        ("session", stand_ins.RUN_BY_SESSION),
        ("object", stand_ins.RUN_BY_OBJECTS),
    ):
        for each in those:
            assert RAN in told[str(tmp_path / f"CZ330_{each.__name__}")][loader]["error"]


@pytest.mark.tensorflow
def test_nothing_refused_is_run(tmp_path: Path) -> None:
    for each in STAND_INS:
        archive(each(), tmp_path / f"{each.__name__}.czmodel")
    code, report = verify("--level", "run", "--target", "any", tmp_path)
    assert code == 1
    assert len(report["files"]) == len(STAND_INS)
    for file in report["files"]:
        name = Path(file["path"]).stem
        assert file["verdict"] == "failed", name
        ends = {rule["code"]: rule for rule in file["rules"]}
        assert ends["CZ401"]["status"] == "skipped", name
        assert "run" not in file["looked_at"], name
        assert {rule["code"] for rule in file["rules"] if rule["status"] == "crashed"} == set()
    assert RAN not in json.dumps(report)


@pytest.mark.parametrize("stand_in", STAND_INS, ids=lambda each: each.__name__)
def test_the_message_names_the_operation(stand_in: StandIn, tmp_path: Path) -> None:
    graph = stand_in()
    _, report = verify("--level", "network", archive(graph, tmp_path / "model.czmodel"))
    found = [each for each in report["files"][0]["findings"] if each["code"] in ("CZ330", "CZ335")]
    assert found
    held = graph.message.SerializeToString()
    for each in found:
        op = each["fields"]["op"]
        assert op in each["message"]
        assert op.encode() in held


# --- What would take too long, or too much --------------------------------------------------------
#
# The limits are lowered: a file that is beyond the real ones would block whoever else opens it.


def _wrapped(number: int, data: bytes) -> bytes:
    """A field that holds bytes or a message."""
    size, length = bytearray(), len(data)
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + data


def _graph(*, nodes: int = 0, functions: int = 0, objects: int = 0) -> bytes:
    graph = classifier()
    for at in range(nodes):
        graph.node(f"n{at}", "NoOp")
    for at in range(functions):
        graph.function(f"f{at}", {}, {})
    for _ in range(objects):
        graph.meta_graph.object_graph_def.nodes.add()
    return _pb(graph)


def _pb(graph: Graph) -> bytes:
    return bytes(graph.message.SerializeToString())


LOWERED = Limits(nodes=500, functions=100, call_depth=20)
# File, words of the fault, and what of the readers' own bounds is lowered, too.
BEYOND: dict[str, tuple[Callable[[], bytes], str, dict[str, int]]] = {
    "nodes": (lambda: _graph(nodes=500), "nodes, more than the limit of 500", {}),
    "functions": (lambda: _graph(functions=101), "has 101 functions", {}),
    "objects": (lambda: _graph(objects=101), "more than 100 objects", {"OBJECTS": 100}),
    "nodes in a circle": (lambda: _pb(stand_ins.circle(400)), "wait", {}),
    "calls too deep": (lambda: _pb(stand_ins.chain(25)), "more than 20 deep", {}),
    "calls that double": (
        lambda: _pb(stand_ins.doubling(8)),
        "written out the graph has over 200",
        {"INLINED_NODES": 200},
    ),
    "empty nodes": (
        lambda: _wrapped(2, _wrapped(2, b"\n\x00" * 4_000)),
        "more than 1000 parts",
        {"PARTS": 1_000},
    ),
    "empty graphs": (lambda: b"\x12\x00" * 4_000, "more than 1000 parts", {"PARTS": 1_000}),
    "graphs": (lambda: b"\x12\x00" * 17, "holds 17 graphs", {}),
    "empty texts": (
        lambda: _pb(stand_ins.holding("texts", *[b""] * 4_000)),
        "more than 1000 parts",
        {"PARTS": 1_000},
    ),
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_is_beyond_the_limits_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, words, lowered = BEYOND[name]
    path = tmp_path / "model.czmodel"
    path.write_bytes(czmodel(metadata_xml(), zip_bytes([("saved_model.pb", make())])))
    for bound, value in lowered.items():
        monkeypatch.setattr(saved_model if bound == "PARTS" else graphs, bound, value)
    if "PARTS" in lowered:
        # Parts are counted before anything is made of them.
        monkeypatch.setattr(messages, "parse", lambda *_: pytest.fail("parsed"))
    with CzModel(path, LOWERED) as model:
        assert model.network.beyond_limits
        assert words in str(model.network.fault)


def _nested_attributes() -> bytes:
    inner = b""
    for _ in range(200):
        inner = _wrapped(
            10, _wrapped(1, b"f") + _wrapped(2, _wrapped(1, b"a") + _wrapped(2, inner))
        )
    node = (
        _wrapped(1, b"deep")
        + _wrapped(2, b"NoOp")
        + _wrapped(5, _wrapped(1, b"a") + _wrapped(2, inner))
    )
    return _pb(classifier()) + _wrapped(2, _wrapped(2, _wrapped(1, node)))


def _many_functions_in_one_attribute() -> bytes:
    graph = classifier()
    graph.node("many", "NoOp", f=[Func("inner")] * 50_000)
    return _pb(graph)


def _texts_like_messages() -> bytes:
    graph = classifier()
    for at in range(40):
        stand_ins.text(graph, f"text{at}", b"\n\x00" * 50_000)
    return _pb(graph)


def _one_node_of_many_inputs() -> bytes:
    graph = classifier()
    graph.node("wide", stand_ins.MADE_UP, *["^answer"] * 50_000)
    return _pb(graph)


def _chained_in_front() -> bytes:
    graph = stand_ins.doubling(10)
    for at in range(20_000):
        graph.node(f"x{at}", "AddN", *[f"x{at - 1}" if at else "answer"] * 8, T=FLOAT, N=8)
    graph.node("end", stand_ins.MADE_UP)
    return _pb(graph)


LARGE: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "nearly as many nodes as are read": (lambda: _graph(nodes=150_000), set()),
    "many functions in one attribute": (_many_functions_in_one_attribute, {"CZ332"}),
    "attributes in attributes": (_nested_attributes, {"CZ301"}),
    "texts like messages": (_texts_like_messages, {"CZ331"}),
    "one node of many inputs": (_one_node_of_many_inputs, {"CZ330"}),
    "a long graph": (_chained_in_front, {"CZ330"}),
}

MEASURED = """
import resource, sys
from czcheck.cli import main
from czcheck.runtime.worker import peak_bytes
options = ["--level", "network", "--target", "any", "--format", "json"]
sys.argv = ["czcheck", "verify", *options, sys.argv[1]]
try:
    code = main()
except SystemExit as end:
    code = end.code
used = resource.getrusage(resource.RUSAGE_SELF)
print(code, peak_bytes() >> 20, used.ru_utime + used.ru_stime, file=sys.stderr)
"""


@pytest.mark.parametrize("name", LARGE)
def test_what_is_large_is_judged_in_time(name: str, tmp_path: Path) -> None:
    make, codes = LARGE[name]
    payload = zip_bytes([("saved_model.pb", make())], method=zipfile.ZIP_DEFLATED)
    path = tmp_path / "large.czmodel"
    path.write_bytes(czmodel(metadata_xml(), payload))
    begin = time.monotonic()
    done = run("-c", MEASURED, path)
    seconds = time.monotonic() - begin
    report = json.loads(done.stdout)["files"][0]
    code, memory, cpu = done.stderr.split()[-3:]
    assert {each["code"] for each in report["findings"]} == codes
    assert (code, report["verdict"]) == (("1", "failed") if codes else ("0", "passed"))
    assert all(rule["status"] != "crashed" for rule in report["rules"])
    assert int(memory) <= MEMORY_MIB
    assert float(cpu) <= SECONDS, f"{cpu} s of CPU, {seconds:.0f} s in all"


# --- Whoever knows better -------------------------------------------------------------------------


def _counting() -> Graph:
    """An operation that is not on the allowlist, and that does what it is asked."""
    graph = classifier()
    number = graph.node("number", UNLISTED, stand_ins.text(graph, "words", "0"), out_type=FLOAT)
    return stand_ins.in_answer(graph, number)


@pytest.mark.tensorflow
def test_an_admitted_operation_is_run(tmp_path: Path) -> None:
    path = archive(_counting(), tmp_path / "model.czmodel")
    code, report = verify(path)
    assert code == 1
    code, report = verify("--allow-op", UNLISTED, path)
    assert code == 0, report
    assert report["options"]["allow_op"] == [UNLISTED]
    (file,) = report["files"]
    assert {rule["code"]: rule["status"] for rule in file["rules"]}["CZ401"] == "passed"


def test_ignoring_the_rule_admits_nothing(tmp_path: Path) -> None:
    path = archive(stand_ins.when_called(), tmp_path / "model.czmodel")
    _, report = verify("--ignore", "CZ33", path)
    (file,) = report["files"]
    ends = {rule["code"]: rule for rule in file["rules"]}
    assert (ends["CZ401"]["status"], ends["CZ401"]["reason"]) == ("skipped", "CZ330 failed")


@pytest.mark.parametrize("name", ["_Internal", "", "Read File", "-x"])
def test_only_names_of_operations_can_be_admitted(name: str, tmp_path: Path) -> None:
    path = archive(classifier(), tmp_path / "model.czmodel")
    done = run("-m", "czcheck", "verify", f"--allow-op={name}", "--level", "network", path)
    assert done.returncode == 2
    assert "admitted" in done.stderr


def test_no_refused_network_is_built(tmp_path: Path) -> None:
    from czcheck import build

    folder = write_saved_model(stand_ins.when_loaded().files(), tmp_path / "model")
    spec = {
        "BorderSize": 4,
        "ColorHandling": "ConvertToMonochrome",
        "PixelType": "Gray16",
        "Classes": ["Background", "Nucleus"],
        "ModelPath": str(folder),
    }
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec))
    with pytest.raises(InputError, match=r"StringToNumber .*works on text.*--allow-op"):
        build(path, tmp_path / "built.czmodel")
    assert not (tmp_path / "built.czmodel").exists()


def test_messages_hold_no_name_of_unbounded_length(tmp_path: Path) -> None:
    graph = classifier()
    graph.node("n" * 100_000, "O" * 100_000)
    _, report = verify(
        "--level", "network", "--target", "any", archive(graph, tmp_path / "m.czmodel")
    )
    (found,) = report["files"][0]["findings"]
    assert found["code"] == "CZ330"
    assert len(json.dumps(found)) < 3_000


def test_the_payload_is_what_the_archive_holds(tmp_path: Path) -> None:
    """Two SavedModels in one payload: the harmless one in front hides nothing."""
    refused = stand_ins.when_called().message.SerializeToString()
    fine = classifier().message.SerializeToString()
    files = {"saved_model.pb": fine + refused}
    path = tmp_path / "model.czmodel"
    path.write_bytes(czmodel(metadata_xml(), saved_model_zip(files)))
    code, _ = verify("--level", "network", path)
    assert code == 1
    assert len(messages.parse(messages.SavedModel, fine + refused).meta_graphs) == 2
