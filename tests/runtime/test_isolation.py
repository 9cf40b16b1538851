"""How far a network is kept away from the machine: said plainly, and demanded where asked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from czcheck.cli import main
from czcheck.errors import IncompleteError
from czcheck.runtime import RunnerLimits, Worker

MODEL = Path(__file__).parents[2] / "fixtures" / "models" / "nuclei.czmodel"
HELLO = """
import json, sys
asked = json.loads(sys.stdin.readline())
told = {"nonce": asked["nonce"], "command": "hello", "ok": True, "python": "3.0.0",
        "tensorflow": "2.0.0", "numpy": "1.0.0", "memory_limited": True, "sandbox": %r}
print(json.dumps(told), flush=True)
if json.loads(sys.stdin.readline())["command"] != "quit":
    open(%r, "w").close()
"""
WHOLE = {"landlock": 7, "seccomp": True, "lacking": None}
NO_LANDLOCK = {"landlock": 0, "seccomp": True, "lacking": "this kernel has no Landlock"}


def worker(folder: Path, told: object, **options: Any) -> Worker:
    script = folder / "fake.py"
    script.write_text(HELLO % (told, str(folder / "loaded")))
    return Worker(limits=RunnerLimits(), script=script, **options)


@pytest.mark.parametrize(
    ("sandbox", "options", "sandboxed", "words"),
    [
        (WHOLE, {}, True, "sandbox: Landlock ABI 7, seccomp, limits on time, memory and files"),
        (NO_LANDLOCK, {}, False, "not a sandbox: this kernel has no Landlock"),
        (None, {"sandbox": False}, False, "not a sandbox: none was asked for"),
        (WHOLE, {"gpu": True}, False, "not a sandbox: a GPU is used"),
        ("yes", {}, False, "not a sandbox: it cannot build one"),
    ],
)
def test_what_is_lacking_is_said(
    tmp_path: Path, sandbox: object, options: dict[str, bool], sandboxed: bool, words: str
) -> None:
    with worker(tmp_path, sandbox, **options) as process:
        environment = process.hello()
        process.finish()
    assert environment.sandboxed is sandboxed
    assert environment.isolation.endswith(words)


@pytest.mark.parametrize("sandbox", [NO_LANDLOCK, None])
def test_a_sandbox_that_is_demanded_and_lacking_keeps_everything_from_being_loaded(
    tmp_path: Path, sandbox: object
) -> None:
    with worker(tmp_path, sandbox, require_sandbox=True) as process:
        for _ in range(2):
            with pytest.raises(IncompleteError, match="no sandbox: "):
                process.load(
                    tmp_path, loader="session", signature="s", input=("a", "a"), output=("b", "b")
                )
    assert not (tmp_path / "loaded").exists()
    with worker(tmp_path, WHOLE, require_sandbox=True) as process:
        assert process.hello().sandboxed
        process.finish()


@pytest.mark.skipif(sys.platform == "win32", reason="an interpreter of two lines of shell")
def test_a_verdict_without_the_sandbox_demanded_is_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = tmp_path / "fake.py"
    fake.write_text(HELLO % (NO_LANDLOCK, str(tmp_path / "loaded")))
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{fake}"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    arguments = ["verify", str(MODEL), "--require-sandbox", "--format", "json"]
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    output, errors = capsys.readouterr()
    assert (stop.value.code, errors) == (3, "")
    (told,) = json.loads(output)["files"]
    assert told["verdict"] == "incomplete"
    assert "no sandbox: this kernel has no Landlock" in output
    assert not (tmp_path / "loaded").exists()


@pytest.mark.parametrize("jobs", ["0", "-1", "two"])
def test_a_senseless_number_of_jobs_is_wrong_usage(jobs: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["verify", str(MODEL), "-j", jobs])
    assert stop.value.code == 2
