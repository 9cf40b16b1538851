"""`--format` and `--report`: where reports go, and what keeps them from going there."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from czcheck.cli import main
from czcheck.errors import UsageError
from czcheck.report import FORMATS, Destination, destination, known_format
from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import good_payload

Called = Callable[..., tuple[int, str, str]]


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str]) -> Called:
    def call(*args: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["verify", "--level", "network", *map(str, args)])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert isinstance(stop.value.code, int)
        return stop.value.code, out, err

    return call


@pytest.fixture
def models(tmp_path: Path) -> dict[str, Path]:
    folder = tmp_path / "models"
    folder.mkdir()
    xml = {"good": metadata_xml(), "bad": metadata_xml(('LabelValue="2"', 'LabelValue="3"'))}
    paths = {name: folder / f"{name}.czmodel" for name in xml}
    for name, path in paths.items():
        path.write_bytes(czmodel(xml[name], good_payload()))
    return paths


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_written_and_printed_with_the_same_exit_code(
    verify: Called, models: dict[str, Path], tmp_path: Path, form: str
) -> None:
    cut = tmp_path / "cut.czmodel"
    cut.write_bytes(models["good"].read_bytes()[:900])
    for path, code in ((models["good"], 0), (models["bad"], 1), (cut, 3)):
        target = tmp_path / f"{path.stem}.{form}"
        options = ("--ignore", "CZ101", "--report", f"{form}={target}")
        ended, text, _ = verify(path, *options)
        assert ended == code
        assert "at level network" in text, "the text is printed all the same"
        ended, printed, _ = verify(path, *options, "--format", form)
        assert ended == code
        assert target.read_text("utf-8") == printed
        assert printed.endswith("\n")


def test_several_reports_at_once(verify: Called, models: dict[str, Path], tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.txt"
    one.write_text("what was there before")
    code, out, _ = verify(*models.values(), "--report", f"json={one}", "--report", f"text={two}")
    assert code == 1
    assert json.loads(one.read_text())["exit_code"] == 1
    assert two.read_text() == out
    assert {path.name for path in tmp_path.iterdir()} == {"models", "one.json", "two.txt"}


def test_a_dash_is_standard_output(verify: Called, models: dict[str, Path]) -> None:
    code, out, _ = verify(models["bad"], "--report", "json=-")
    assert code == 1
    assert json.loads(out)["verdict"] == "failed"


@pytest.mark.parametrize(
    ("name", "near"), [("jsno", "json"), ("JSON", "json"), ("txt", "text"), ("yaml", "json")]
)
@pytest.mark.parametrize("option", ["--format", "--report"])
def test_an_unknown_format_is_refused_with_the_nearest(
    verify: Called, models: dict[str, Path], option: str, name: str, near: str
) -> None:
    code, out, err = verify(
        models["good"], option, name if option == "--format" else f"{name}=file"
    )
    assert (code, out) == (2, "")
    assert repr(name) in err
    assert near in err
    assert ("did you mean" in err) is (name != "yaml")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (("json",), "FORMAT=FILE"),
        (("json=",), "FORMAT=FILE"),
        (("=x",), "no report format"),
        (("json=auto",), "markdown=auto"),
        (("json=missing/report.json",), "missing does not exist"),
        (("json=models",), "is a folder"),
        (("json=a.json", "text=./a.json"), "names the same place as --report json=a.json"),
        (("json=-", "text=-"), "two reports"),
        (
            ("json=models/good.czmodel",),
            "would replace the model, which is read; name another file",
        ),
    ],
)
def test_what_cannot_be_written_is_a_usage_error_before_anything_is_run(
    verify: Called,
    models: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    values: tuple[str, ...],
    words: str,
) -> None:
    folder = models["good"].parent.parent
    monkeypatch.chdir(folder)
    monkeypatch.setattr("czcheck.verifying.verification.check_file", None)
    monkeypatch.setattr("czcheck.verifying.verification.WorkerSource", None)
    before = models["good"].read_bytes()
    code, out, err = verify("models", *(part for value in values for part in ("--report", value)))
    assert (code, out) == (2, "")
    assert words in err
    assert models["good"].read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["models"]


def test_two_reports_on_standard_output(verify: Called, models: dict[str, Path]) -> None:
    code, _, err = verify(models["good"], "--format", "json", "--report", "text=-")
    assert code == 2
    assert "standard output cannot hold two" in err


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, which nobody can write files to")
def test_a_folder_that_cannot_be_written(verify: Called, models: dict[str, Path]) -> None:
    code, _, err = verify(models["good"], "--report", "json=/proc/report.json")
    assert code == 2
    assert "/proc cannot be written" in err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_devices_and_links_stay_what_they_are(
    verify: Called, models: dict[str, Path], tmp_path: Path
) -> None:
    link, real = tmp_path / "link.json", tmp_path / "real.json"
    real.write_text("")
    link.symlink_to(real)
    assert verify(models["good"], "--report", f"json={link}")[0] == 0
    assert link.is_symlink()
    assert json.loads(real.read_text())["exit_code"] == 0
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text("utf-8")), daemon=True)
    reader.start()
    assert verify(models["good"], "--report", f"json={pipe}")[0] == 0
    reader.join(timeout=30)
    assert pipe.is_fifo()
    assert json.loads(read[0])["exit_code"] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full, a disk without space")
@pytest.mark.parametrize(("name", "expected"), [("good", 3), ("bad", 1)])
def test_a_report_that_cannot_be_written_in_the_end(
    verify: Called, models: dict[str, Path], name: str, expected: int
) -> None:
    code, out, err = verify(models[name], "--report", "json=/dev/full")
    assert code == expected
    assert "/dev/full: cannot be written: the disk is full" in err
    assert "at level network" in out


def test_the_step_summary_is_added_to(
    verify: Called, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("# of another step\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    asked = "--report markdown=auto"
    assert destination("markdown=auto") == Destination("markdown", summary, True, asked)
    assert verify(models["bad"], "--report", "markdown=auto")[0] == 1
    assert summary.read_text().startswith("# of another step\n")
    assert "CZ206" in summary.read_text()


def test_without_a_step_summary_it_is_said(
    verify: Called, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    code, out, err = verify(models["bad"], "--report", "markdown=auto")
    assert code == 1
    assert "at level network" in out
    assert "GITHUB_STEP_SUMMARY is not set" in err


def test_help_names_every_format(verify: Called) -> None:
    told = verify("--help")[1]
    for form in FORMATS:
        assert form in told


def test_python_callers_get_the_same_error() -> None:
    with pytest.raises(UsageError, match="did you mean 'json'"):
        known_format("jsonn")


@pytest.mark.parametrize(("name", "expected"), [("good", 3), ("bad", 1)])
@pytest.mark.parametrize("option", ["--report", "--format"])
def test_a_fault_in_a_format_does_not_hide_the_verdict(
    verify: Called,
    models: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    name: str,
    expected: int,
) -> None:
    monkeypatch.setitem(FORMATS, "json", "czcheck.report.json_form:missing")
    value = f"json={tmp_path / 'x.json'}" if option == "--report" else "json"
    code, out, err = verify(models[name], option, value)
    assert code == expected
    assert "at level network" in out
    assert "the report as json could not be made: AttributeError" in err
    assert not (tmp_path / "x.json").exists()
