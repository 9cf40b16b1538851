"""Networks that try to do harm are refused, within bounds, and touch nothing."""

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

from czcheck.errors import InputError
from czcheck.network import messages
from fixtures import attacks
from fixtures.archives import czmodel, metadata_xml, saved_model_zip, zip_bytes
from fixtures.attacks import ATTACKS, Attack
from fixtures.graphs import FLOAT, Func, Graph, classifier

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SECONDS, MEMORY_MIB = 10, 512

# Attacks that leave a file behind where nobody stops them.
LEAVE_A_FILE = {
    "nested_program", "print_to_file", "summary_file", "write_at_load", "write_directly",
    "write_in_function", "write_in_legacy_init",
}  # fmt: skip


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *map(str, command)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def verify(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """The exit code of `czcheck verify`, and its report."""
    done = run("-m", "czcheck", "verify", "--format", "json", *arguments)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def archive(graph: Graph, path: Path) -> Path:
    path.write_bytes(czmodel(metadata_xml(), graph.payload()))
    return path


def write_saved_model(graph: Graph, folder: Path) -> Path:
    for name, data in graph.files().items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


@pytest.mark.tensorflow
def test_attacks_work_where_nobody_stops_them(tmp_path: Path) -> None:
    folders = [
        write_saved_model(attack(str(tmp_path / f"{attack.__name__}.canary")), folder)
        for attack in ATTACKS
        if (folder := tmp_path / attack.__name__).name in LEAVE_A_FILE
    ]
    done = run(HERE / "load_attack.py", *folders)
    assert done.returncode == 0, done.stderr[-2000:]
    # What is left behind is a file, or a folder that holds the log.
    assert {path.stem for path in tmp_path.glob("*.canary")} == LEAVE_A_FILE


@pytest.mark.tensorflow
def test_nothing_refused_is_run_and_nothing_is_touched(tmp_path: Path) -> None:
    models, canaries = tmp_path / "models", tmp_path / "canaries"
    models.mkdir()
    canaries.mkdir()
    for attack in ATTACKS:
        archive(attack(str(canaries / attack.__name__)), models / f"{attack.__name__}.czmodel")
        old = canaries / f"{attack.__name__}-kept"
        old.write_text("kept")
        os.utime(old, (0, 0))
        archive(attack(str(old)), models / f"{attack.__name__}-kept.czmodel")
    code, report = verify("--level", "run", "--target", "any", models)
    assert code == 1
    assert len(report["files"]) == 2 * len(ATTACKS)
    for file in report["files"]:
        name = Path(file["path"]).stem
        assert file["verdict"] == "failed", name
        ends = {rule["code"]: rule for rule in file["rules"]}
        assert ends["CZ401"]["status"] == "skipped", name
        assert {rule["code"] for rule in file["rules"] if rule["status"] == "crashed"} == set()
    assert {path.name for path in canaries.iterdir()} == {f"{a.__name__}-kept" for a in ATTACKS}
    for path in canaries.iterdir():
        status = path.stat()
        assert (status.st_atime, status.st_mtime) == (0, 0), f"{path.name} was touched"
        assert path.read_text() == "kept"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_the_message_names_the_operation(attack: Attack, tmp_path: Path) -> None:
    graph = attack(str(tmp_path / "canary"))
    _, report = verify("--level", "network", archive(graph, tmp_path / "model.czmodel"))
    found = [each for each in report["files"][0]["findings"] if each["code"] in ("CZ330", "CZ335")]
    assert found
    held = graph.message.SerializeToString()
    for each in found:
        op = each["fields"]["op"]
        assert op in each["message"]
        assert op.encode() in held


# --- What would take too long, or too much --------------------------------------------------------


def _wrapped(number: int, data: bytes) -> bytes:
    """A field that holds bytes or a message."""
    size, length = bytearray(), len(data)
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + data


def _graph(*nodes: tuple[str, str], functions: int = 0, objects: int = 0) -> bytes:
    graph = classifier()
    for name, op in nodes:
        graph.node(name, op)
    for at in range(functions):
        graph.function(f"f{at}", {}, {})
    for _ in range(objects):
        graph.meta_graph.object_graph_def.nodes.add()
    return bytes(graph.message.SerializeToString())


def _pb(graph: Graph) -> bytes:
    return bytes(graph.message.SerializeToString())


def _many_functions_in_one_attribute() -> bytes:
    graph = classifier()
    graph.node("many", "NoOp", f=[Func("inner")] * 300_000)
    return _pb(graph)


def _nested_attributes() -> bytes:
    inner = b""
    for _ in range(2_000):
        inner = _wrapped(
            10, _wrapped(1, b"f") + _wrapped(2, _wrapped(1, b"a") + _wrapped(2, inner))
        )
    node = (
        _wrapped(1, b"deep")
        + _wrapped(2, b"NoOp")
        + _wrapped(5, _wrapped(1, b"a") + _wrapped(2, inner))
    )
    return _pb(classifier()) + _wrapped(2, _wrapped(2, _wrapped(1, node)))


def _texts_like_messages() -> bytes:
    graph = classifier()
    for at in range(40):
        attacks.text(graph, f"text{at}", b"\n\x00" * 50_000)
    return _pb(graph)


def _one_node_of_many_inputs() -> bytes:
    graph = classifier()
    graph.node("wide", "Abort", *["^answer"] * 600_000)
    return _pb(graph)


def _chained_in_front() -> bytes:
    graph = attacks.doubling(18)
    for at in range(50_000):
        graph.node(f"x{at}", "AddN", *[f"x{at - 1}" if at else "answer"] * 8, T=FLOAT, N=8)
    graph.node("end", "Abort")
    return _pb(graph)


LARGE: dict[str, Callable[[], bytes]] = {
    "500,000 nodes": lambda: _graph(*((f"n{at}", "NoOp") for at in range(500_000))),
    "100,000 functions": lambda: _graph(functions=100_000),
    "200,000 objects": lambda: _graph(objects=200_000),
    "100,000 nodes in a circle": lambda: _pb(attacks.circle(100_000)),
    "calls 20,000 deep": lambda: _pb(attacks.chain(20_000)),
    "calls 4,900 deep": lambda: _pb(attacks.chain(4_900)),
    "calls that double 40 times": lambda: _pb(attacks.doubling(40)),
    "many functions in one attribute": _many_functions_in_one_attribute,
    "attributes in attributes": _nested_attributes,
    "texts like messages": _texts_like_messages,
    "one node of many inputs": _one_node_of_many_inputs,
    "a long graph": _chained_in_front,
    "50 million empty nodes": lambda: _wrapped(2, _wrapped(2, b"\n\x00" * 50_000_000)),
    "50 million empty graphs": lambda: b"\x12\x00" * 50_000_000,
    "3 million empty texts": lambda: _pb(attacks.holding("texts", *[b""] * 3_000_000)),
}

MEASURED = """
import resource, sys
from czcheck.cli import main
from czcheck.runtime.worker import peak_bytes
sys.argv = ["czcheck", "verify", "--level", "network", "--format", "json", sys.argv[1]]
try:
    code = main()
except SystemExit as end:
    code = end.code
used = resource.getrusage(resource.RUSAGE_SELF)
print(code, peak_bytes() >> 20, used.ru_utime + used.ru_stime, file=sys.stderr)
"""


@pytest.mark.parametrize("name", LARGE)
def test_what_would_take_too_much_is_refused_in_time(name: str, tmp_path: Path) -> None:
    payload = zip_bytes([("saved_model.pb", LARGE[name]())], method=zipfile.ZIP_DEFLATED)
    path = tmp_path / "large.czmodel"
    path.write_bytes(czmodel(metadata_xml(), payload))
    begin = time.monotonic()
    done = run("-c", MEASURED, path)
    seconds = time.monotonic() - begin
    report = json.loads(done.stdout)["files"][0]
    code, memory, cpu = done.stderr.split()[-3:]
    assert code == "1"
    assert report["verdict"] == "failed"
    assert all(rule["status"] != "crashed" for rule in report["rules"])
    assert {each["code"] for each in report["findings"]} <= {"CZ301", "CZ330", "CZ331", "CZ332"}
    assert int(memory) <= MEMORY_MIB
    assert float(cpu) <= SECONDS, f"{cpu} s of CPU, {seconds:.0f} s in all"


# --- Whoever knows better -------------------------------------------------------------------------


def _printing() -> Graph:
    graph = classifier()
    words = attacks.text(graph, "words", "asked")
    graph.node("print", "PrintV2", words, output_stream="stderr", end="")
    return attacks.before_answer(graph, "print")


@pytest.mark.tensorflow
def test_an_admitted_operation_is_run(tmp_path: Path) -> None:
    path = archive(_printing(), tmp_path / "model.czmodel")
    code, report = verify(path)
    assert code == 1
    code, report = verify("--allow-op", "PrintV2", path)
    assert code == 0, report
    assert report["options"]["allow_op"] == ["PrintV2"]
    (file,) = report["files"]
    assert {rule["code"]: rule["status"] for rule in file["rules"]}["CZ401"] == "passed"


def test_ignoring_the_rule_admits_nothing(tmp_path: Path) -> None:
    path = archive(attacks.write_directly(str(tmp_path / "canary")), tmp_path / "model.czmodel")
    _, report = verify("--ignore", "CZ33", path)
    (file,) = report["files"]
    ends = {rule["code"]: rule for rule in file["rules"]}
    assert (ends["CZ401"]["status"], ends["CZ401"]["reason"]) == ("skipped", "CZ330 failed")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", ["_Recv", "", "Read File", "-x"])
def test_only_names_of_operations_can_be_admitted(name: str, tmp_path: Path) -> None:
    path = archive(classifier(), tmp_path / "model.czmodel")
    done = run("-m", "czcheck", "verify", f"--allow-op={name}", "--level", "network", path)
    assert done.returncode == 2
    assert "admitted" in done.stderr


def test_no_refused_network_is_built(tmp_path: Path) -> None:
    from czcheck import build

    folder = write_saved_model(attacks.write_at_load(str(tmp_path / "canary")), tmp_path / "model")
    spec = {
        "BorderSize": 4,
        "ColorHandling": "ConvertToMonochrome",
        "PixelType": "Gray16",
        "Classes": ["Background", "Nucleus"],
        "ModelPath": str(folder),
    }
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec))
    with pytest.raises(InputError, match=r"WriteFile .*writes files.*--allow-op"):
        build(path, tmp_path / "built.czmodel")
    assert not (tmp_path / "canary").exists()
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
    evil = attacks.write_directly(str(tmp_path / "canary")).message.SerializeToString()
    fine = classifier().message.SerializeToString()
    files = {"saved_model.pb": fine + evil}
    path = tmp_path / "model.czmodel"
    path.write_bytes(czmodel(metadata_xml(), saved_model_zip(files)))
    code, _ = verify("--level", "network", path)
    assert code == 1
    assert len(messages.parse(messages.SavedModel, fine + evil).meta_graphs) == 2
