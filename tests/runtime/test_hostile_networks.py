"""Networks that reach for what is not theirs, with nobody having looked into them first."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from reachable import reachable

import czcheck
from czcheck.report.report import FileReport
from fixtures.archives import czmodel, metadata_xml, saved_model_zip

pytestmark = pytest.mark.tensorflow

HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"}
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has a sandbox")


@dataclass
class Place:
    """Where the networks are, and what they must leave alone."""

    networks: Path
    canary: Path
    calls: list[Any] = field(default_factory=list)

    def seen(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.canary.iterdir()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("hostile")
    here = Place(folder / "networks", folder / "canary")
    for each in (here.networks, here.canary):
        each.mkdir()
        each.chmod(0o777)  # no right is missing but for the sandbox
    reachable(folder)
    (here.canary / "secret").write_text("kept")
    (here.canary / "secret").chmod(0o666)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            try:
                while True:
                    connection, address = listener.accept()
                    connection.close()
                    here.calls.append(address)
            except OSError:
                pass  # closed: the tests are over

        threading.Thread(target=listen, daemon=True).start()
        port = str(listener.getsockname()[1])
        script = str(HERE / "make_hostile.py")
        command = [sys.executable, script, str(here.networks), str(here.canary), port]
        subprocess.run(command, check=True, env=ENVIRONMENT, capture_output=True)
        yield here


def outcomes(place: Place, mode: str, names: list[str], as_user: list[str]) -> dict[str, Any]:
    script = str(HERE / "run_hostile.py")
    command = [*as_user, sys.executable, script, str(place.networks), mode, *names]
    ended = subprocess.run(command, check=False, env=ENVIRONMENT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


DENIED = ("exception", "PermissionDeniedError")
EXPECTED = {
    "well_behaved": ("answered", ""),
    "reads_hostname": DENIED,
    "reads_secret": DENIED,
    "reads_environment": DENIED,
    "reads_parent": DENIED,
    "reads_memory": DENIED,
    "reads_cloud": ("exception", ""),
    "lists": ("answered", ""),  # it answers if it sees nothing
    "writes_out": DENIED,
    "writes_home": DENIED,
    "writes_up": DENIED,
    "deletes": ("exception", ""),
    "goes_next_door": ("answered", ""),
    "connects": ("exception", "DeadlineExceededError"),
    "leaves": ("exit", "exit code 0"),
    "aborts": ("abort", "enough of this"),
    "floods": ("log", "bytes of log"),
    "throws_dice": ("answered", ""),
    "throws_dice again": ("answered", ""),
    "reads_secret alone": DENIED,
}


@LINUX
def test_a_network_that_is_shut_in_gets_nowhere(place: Place, as_user: list[str]) -> None:
    told = outcomes(place, "shut", list(EXPECTED), as_user)
    if not all(each["sandboxed"] for each in told.values()):
        pytest.skip("no sandbox on this machine")
    found = {
        name: (each["kind"], EXPECTED[name][1] in each.get("reason", ""))
        for name, each in told.items()
    }
    assert found == {name: (kind, True) for name, (kind, _) in EXPECTED.items() if kind}
    assert place.seen() == {"secret": "kept"}
    assert place.calls == []
    # Forks of one process are not each other's copies.
    assert told["throws_dice"]["first"] != told["throws_dice again"]["first"]


def test_left_open_the_same_networks_get_through(place: Place) -> None:
    """What the test above shows is the sandbox's doing."""
    names = ["well_behaved", "reads_hostname", "lists", "writes_home", "connects"]
    told = outcomes(place, "open", names, [])
    assert told["reads_hostname"]["kind"] == "answered"
    assert told["reads_hostname"]["first"] != told["well_behaved"]["first"]
    assert "files are seen" in told["lists"]["reason"]
    assert told["writes_home"]["beside"] is True
    assert place.calls != []
    place.calls.clear()


ADMITTED = ("Abort", "WriteFile", "MatchingFiles", "PrintV2", "RpcClient", "TensorListReserve")


def archive(place: Place, name: str, folder: Path) -> Path:
    network = place.networks / name
    files = {
        str(path.relative_to(network)): path.read_bytes()
        for path in network.rglob("*")
        if path.is_file() and path.name != "fingerprint.pb"
    }
    path = folder / f"{name}.czmodel"
    path.write_bytes(czmodel(metadata_xml(), saved_model_zip(files)))
    return path


def told_of(report: FileReport) -> list[tuple[str, str, list[str]]]:
    return [
        (outcome.code, outcome.status.value, [each.message for each in outcome.findings])
        for outcome in report.outcomes
    ]


def test_hostile_neighbours_change_no_verdict(place: Place, tmp_path: Path) -> None:
    names = ["aborts", "well_behaved", "floods", "goes_next_door", "leaves"]
    paths = [archive(place, name, tmp_path) for name in names]
    good = paths[1]
    alone = czcheck.verify(good, target="any", allow_op=ADMITTED)
    assert alone.exit_code == 0, [str(each) for each in alone.findings]
    again = [paths[0], good, paths[2], good, paths[3], good, paths[4]]
    for jobs in (1, 3):
        report = czcheck.verify(again, target="any", allow_op=ADMITTED, jobs=jobs)
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
        assert "bytes of log" in fatal["floods"][0]
        assert "exit code 0" in fatal["leaves"][0]
