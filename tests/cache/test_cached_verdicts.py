"""A cached verdict is what an uncached run says, and only what cannot have changed is one."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import czcheck
from czcheck.cache import (
    FOLDER,
    NotPlainError,
    Verdicts,
    circumstances,
    is_lasting,
    outcome_from_plain,
    outcome_to_plain,
)
from czcheck.configuration import Configuration
from czcheck.limits import DEFAULT_LIMITS
from czcheck.report import Report
from czcheck.rules import (
    Finding,
    InGraph,
    InMember,
    JsonPlace,
    Outcome,
    Severity,
    SkipCause,
    Status,
    TilePixel,
    WholeFile,
    XmlPath,
)
from czcheck.runtime import DEFAULT_RUNNER_LIMITS, Environment, Failure, RunRecord
from fixtures.make import BAD

SCHEMA = json.loads(files("czcheck.schemas").joinpath("report.schema.json").read_text("utf-8"))
ENVIRONMENT = Environment("3.11", "2.21", "2", "none")


def plain(report: Report) -> dict[str, Any]:
    """A report as it is told, but for times and the mark."""
    told: dict[str, Any] = json.loads(json.dumps(report.to_json()))
    jsonschema.Draft202012Validator(SCHEMA).validate(told)
    for file in told["files"]:
        file["cached"] = None
        if run := file["looked_at"].get("run"):
            del run["cost"]
    return told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def model() -> Path:
    found = sorted(BAD.glob("CZ416_*.czmodel"))
    return found[0]


@pytest.fixture(scope="module")
def first(folder: Path, model: Path) -> Report:
    return czcheck.verify(model, cache_dir=folder)


@pytest.fixture
def no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails a test that starts a process for the network."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the network was run")

    monkeypatch.setattr("czcheck.verifying.running.FileRun.start_early", never)
    monkeypatch.setattr("czcheck.verifying.running.FileRun.record", never)


@pytest.mark.tensorflow
def test_a_cached_verdict_says_what_a_run_says(
    first: Report, folder: Path, model: Path, no_run: None
) -> None:
    again = czcheck.verify(model, cache_dir=folder)
    assert first.files[0].cached is None
    assert again.files[0].cached is not None
    assert json.dumps(plain(again)) == json.dumps(plain(first))
    assert again.files[0].outcomes == first.files[0].outcomes
    assert again.exit_code == first.exit_code == 0
    assert f"cached: nothing has changed since {again.files[0].cached[:10]}" in str(again)
    assert "cached:" not in str(first)


@pytest.mark.tensorflow
def test_severities_waivers_and_what_fails_are_looked_at_afresh(
    first: Report, folder: Path, model: Path, tmp_path: Path, no_run: None
) -> None:
    config = tmp_path / "czcheck.toml"
    config.write_text('[severity]\nCZ416 = "warning"\n')
    options: dict[str, Any] = {"cache_dir": folder, "config": config}
    assert czcheck.verify(model, **options).passed
    assert czcheck.verify(model, fail_on="warning", **options).exit_code == 1
    for days, code in ((0, 0), (-1, 1)):
        day = date.today() + timedelta(days=days)  # noqa: DTZ011 - the user's day
        config.write_text(f'[[waivers]]\ncode = "CZ416"\nreason = "x"\nexpires = {day}\n')
        report = czcheck.verify(model, **options)
        assert report.files[0].cached is not None
        assert report.exit_code == code


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "options",
    [
        {"cache": False},
        {"cache_dir": None},
        {"select": ["CZ4"]},
        {"target": "any"},
        {"max_tile_seconds": 1000},
        {"on_output": lambda *_: None},
        {"gallery": True},
        {"runner_limits": dataclasses.replace(DEFAULT_RUNNER_LIMITS, seconds_tile=60)},
        {"require_sandbox": True},
        {"python": sys.executable + "x"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_anything_else_that_is_asked_is_another_verdict(
    first: Report, folder: Path, model: Path, no_run: None, options: dict[str, Any]
) -> None:
    assert czcheck.verify(model, cache_dir=folder).files[0].cached is not None
    with pytest.raises(AssertionError, match="the network was run"):
        czcheck.verify(model, **{"cache_dir": folder, **options})


@pytest.mark.tensorflow
def test_a_configuration_can_do_without(
    first: Report, folder: Path, model: Path, tmp_path: Path, no_run: None
) -> None:
    config = tmp_path / "czcheck.toml"
    config.write_text("cache = false\n")
    with pytest.raises(AssertionError, match="the network was run"):
        czcheck.verify(model, cache_dir=folder, config=config)
    assert czcheck.verify(model, cache_dir=folder, config=config, cache=True).files[0].cached


@pytest.mark.tensorflow
def test_another_file_or_name_is_another_verdict(
    first: Report, folder: Path, model: Path, tmp_path: Path, no_run: None
) -> None:
    same = tmp_path / model.name
    shutil.copy(model, same)
    assert czcheck.verify(same, cache_dir=folder).files[0].cached is not None
    assert czcheck.verify(same, cache_dir=folder).files[0].path == str(same)
    for other in (tmp_path / "other.czmodel", same):
        other.write_bytes(model.read_bytes() + (b"" if other != same else b"\0"))
        with pytest.raises(AssertionError, match="the network was run"):
            czcheck.verify(other, cache_dir=folder)


def test_lower_levels_keep_nothing(model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    czcheck.verify(model, level="network", cache_dir=cache)
    assert not cache.exists()


@pytest.mark.tensorflow
def test_evidence_is_of_a_run_that_there_was(
    first: Report, folder: Path, model: Path, tmp_path: Path, no_run: None
) -> None:
    with pytest.raises(AssertionError, match="the network was run"):
        czcheck.verify(model, evidence=tmp_path / "evidence", cache_dir=folder)


@pytest.mark.tensorflow
def test_a_file_that_changes_during_the_run_is_not_kept(model: Path, tmp_path: Path) -> None:
    path, cache = tmp_path / "model.czmodel", tmp_path / "cache"
    shutil.copy(model, path)

    def touch(*_: object) -> None:
        os.utime(path)

    czcheck.verify(path, cache_dir=cache, progress=touch)
    assert not list((cache / FOLDER).iterdir())


def test_the_key_holds_everything_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, golden = tmp_path / "a.png", tmp_path / "golden.npz"
    image.write_bytes(b"1")
    golden.write_bytes(b"1")

    def key(sha256: str = "0" * 64, name: str = "m.czmodel", **given: Any) -> str | None:
        verdicts = Verdicts(
            tmp_path / "cache", None, DEFAULT_LIMITS, DEFAULT_RUNNER_LIMITS, require_sandbox=False
        )
        return verdicts.key(Path("some") / name, sha256, Configuration(given).call)

    base = key()
    given: dict[str, Any] = {"tiles": [image], "baseline": golden, "runtime": sys.executable}
    keys = [base, key("1" * 64), key(name="n.czmodel"), key(level="network"), key(ignore=["CZ4"])]
    keys += [key(**given)]
    image.write_bytes(b"2")
    keys += [key(**given)]
    golden.write_bytes(b"2")
    keys += [key(**given)]
    monkeypatch.setattr(circumstances, "machine", lambda: ["another"])
    keys += [key()]
    monkeypatch.undo()
    monkeypatch.setattr(circumstances, "tool", lambda: ["another"])
    keys += [key()]
    monkeypatch.undo()
    monkeypatch.setattr(circumstances, "_this_interpreter", lambda: ["tensorflow-2.22"])
    keys += [key()]
    monkeypatch.undo()
    assert len(set(keys)) == len(keys)
    assert None not in keys
    assert {key(), key(**{"fail-on": "note"}), key(jobs=2)} == {base}
    assert key(runtime=str(tmp_path / "no-python")) is None


def test_all_that_is_read_of_images_counts(tmp_path: Path) -> None:
    """Chunks below a store, and files that an OME-TIFF names, hold pixels as well."""
    chunk = tmp_path / "a.zarr" / "0" / "c" / "0"
    chunk.parent.mkdir(parents=True)
    (tmp_path / "a.zarr" / "zarr.json").write_text("{}")
    for path in (tmp_path, tmp_path / "a.zarr"):
        chunk.write_bytes(b"1")
        before = circumstances.contents(path)
        chunk.write_bytes(b"2")
        after = circumstances.contents(path)
        assert before is not None
        assert after not in (None, before)
    image = tmp_path / "a.ome.tif"
    image.write_bytes(b'<UUID FileName="a.ome.tif">')
    assert circumstances.contents(image) is not None
    image.write_bytes(b'<UUID FileName="a.ome.tif"><UUID FileName="b.ome.tif">')
    assert circumstances.contents(image) is None
    image.write_bytes(b"")
    assert circumstances.contents(image) is not None


def test_what_a_rule_of_another_package_uses_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lab_rules"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "helper.py").write_text("LIMIT = 1\n")
    (package / "rules.py").write_text("def check(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    check = importlib.import_module("lab_rules.rules").check
    found = {path.name for path in circumstances._files_of(check)}
    assert found == {"__init__.py", "helper.py", "rules.py"}


@pytest.mark.tensorflow
def test_an_interpreter_is_known_without_importing_tensorflow() -> None:
    mine = circumstances.interpreter(None)
    assert mine is not None
    assert any(name.startswith("tensorflow-") for name in mine[-1])
    link = circumstances.interpreter(str(Path(sys.executable)))
    assert link == mine
    other = circumstances._other_interpreter(sys.executable)
    assert other is not None
    assert any(name.startswith("tensorflow-") for name in other[1][-1])


def record(*failures: Failure) -> RunRecord:
    return RunRecord(ENVIRONMENT, None, failures=failures)


@pytest.mark.parametrize(
    ("outcome", "run", "lasting"),
    [
        (Outcome("CZ101", Status.PASSED), record(), True),
        (Outcome("CZ101", Status.FAILED), record(), True),
        (Outcome("CZ101", Status.SKIPPED, cause=SkipCause.CHOICE), record(), True),
        (Outcome("CZ101", Status.PASSED), None, False),
        (Outcome("CZ101", Status.PASSED), record(Failure("predict", "a", "time", "x")), False),
        (Outcome("CZ101", Status.CRASHED), record(), False),
        (Outcome("CZ101", Status.SKIPPED, cause=SkipCause.TOOL), record(), False),
        (Outcome("CZ101", Status.SKIPPED, cause=SkipCause.PREREQUISITE), record(), False),
        (Outcome("CZ422", Status.FAILED), record(), False),
        (Outcome("CZ425", Status.FAILED), record(), False),
    ],
)
def test_only_whole_verdicts_are_kept(
    outcome: Outcome, run: RunRecord | None, lasting: bool
) -> None:
    assert is_lasting((outcome,), run) is lasting


@pytest.mark.parametrize(
    "at",
    [
        WholeFile(),
        InMember("a\ud800"),
        XmlPath("/Model", 3),
        JsonPlace("Classes[1]", 1, None),
        InGraph("n", "f"),
        TilePixel("zeros", 1, 2, None),
    ],
)
def test_outcomes_come_back_as_they_were(at: Any) -> None:
    fields = (("a", (1, (2.5, "x"))), ("b", float("inf")), ("c", None), ("d", True))
    finding = Finding("CZ101", Severity.WARNING, at, "it is \u202e", fields)
    outcome = Outcome("CZ101", Status.FAILED, (finding,), omitted=3)
    again = json.loads(json.dumps(outcome_to_plain(outcome)))
    assert outcome_from_plain(again) == outcome
    odd = dataclasses.replace(finding, fields=(("a", object()),))
    with pytest.raises(NotPlainError):
        outcome_to_plain(dataclasses.replace(outcome, findings=(odd,)))


@pytest.mark.parametrize("entry", [{}, {"outcomes": 1}, {"outcomes": [{}]}, {"outcomes": [[]]}])
def test_an_entry_of_another_form_is_none(tmp_path: Path, entry: dict[str, Any]) -> None:
    verdicts = Verdicts(
        tmp_path, None, DEFAULT_LIMITS, DEFAULT_RUNNER_LIMITS, require_sandbox=False
    )
    entry = {"looked_at": {}, "checked": "", **entry}
    verdicts._store.put("ab" * 32, entry)
    assert verdicts.get("ab" * 32) is None


def command(model: Path, cache: Path) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "CZCHECK_CACHE"}
    code = (
        "import sys; from czcheck.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print('|', *(sys.modules.keys() & {'numpy', 'tensorflow', 'rich', 'lxml'}),"
        " file=sys.stderr)"
    )
    args = ["verify", str(model), "--cache-dir", str(cache), "--format", "json"]
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


@pytest.mark.tensorflow
def test_a_killed_run_keeps_nothing_and_the_next_one_does(model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    killed = command(model, cache)
    deadline = time.monotonic() + 60
    while not (cache / FOLDER).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert not list((cache / FOLDER).iterdir())
    both = [command(model, cache) for _ in range(2)]  # at the same time
    told = [each.communicate(timeout=300) for each in both]
    assert [each.returncode for each in both] == [0, 0], told
    third = command(model, cache)
    out, err = third.communicate(timeout=60)
    assert third.returncode == 0
    assert json.loads(out)["files"][0]["cached"] is not None
    loaded = err.rpartition("|")[2].split()
    assert "numpy" not in loaded
    assert "tensorflow" not in loaded
