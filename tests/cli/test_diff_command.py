"""`czcheck diff` on the command line: exit codes, files, wrong calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from czcheck.cli import main
from fixtures.bad_releases import OTHER, release, with_bias
from fixtures.graphs import classifier

if TYPE_CHECKING:
    from calls import Call

DEMO = Path(__file__).parents[2] / "fixtures" / "models" / "nuclei.czmodel"
STATIC = ("--level", "network")


@pytest.fixture
def diff(czcheck: Call) -> Call:
    return lambda *args: czcheck("diff", *args)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.czmodel"
    path.write_bytes(release())
    return path


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Other weights under the same id: found without a run."""
    path = tmp_path / "new.czmodel"
    path.write_bytes(release(graph=with_bias(classifier(), -4.5)))
    return path


def test_the_exit_codes(diff: Call, old: Path, new: Path, tmp_path: Path) -> None:
    own_id = tmp_path / "own_id.czmodel"
    own_id.write_bytes(release(graph=with_bias(classifier(), -4.5), guid=OTHER))
    assert diff(old, old, *STATIC).code == 0
    assert diff(old, new, *STATIC).code == 1
    assert diff(old, own_id, *STATIC).code == 3
    assert diff(old, tmp_path / "missing.czmodel", *STATIC).code == 2


def test_the_format_never_changes_the_exit_code(diff: Call, old: Path, new: Path) -> None:
    for after, code in ((old, 0), (new, 1)):
        for form in ("text", "json"):
            result = diff(old, after, *STATIC, "--format", form)
            assert result.code == code
            if form == "json":
                assert json.loads(result.out)["exit_code"] == code


def test_severities_and_choices(diff: Call, old: Path, tmp_path: Path) -> None:
    smaller = tmp_path / "smaller.czmodel"
    smaller.write_bytes(release((">4<", ">2<")))
    assert diff(old, smaller, *STATIC).code == 0
    assert diff(old, smaller, *STATIC, "--fail-on", "warning").code == 1
    assert diff(old, smaller, *STATIC, "--fail-on", "warning", "--ignore", "CZ606").code == 0
    assert diff(old, smaller, *STATIC, "--fail-on", "warning", "--select", "CZ601,CZ62").code == 0


def test_verify_says_who_checks_rules_on_two_releases(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["verify", str(old), "--select", "CZ601"])
    assert stop.value.code == 2
    assert "checked by `czcheck diff`" in capsys.readouterr().err


def test_a_specification_is_compared_with_what_was_built_of_it(
    diff: Call, old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["init", str(old), "-o", str(tmp_path / "spec.json")])
    capsys.readouterr()
    result = diff(tmp_path / "spec.json", old, *STATIC)
    assert result.code == 0
    assert "in the first release, a specification is no archive" in result.out


def test_reports_go_to_files(diff: Call, old: Path, new: Path, tmp_path: Path) -> None:
    file = tmp_path / "diff.json"
    result = diff(old, new, *STATIC, "--report", f"json={file}")
    assert result.code == 1
    assert "CZ601" in result.out
    assert json.loads(file.read_text("utf-8"))["findings"][0]["code"] == "CZ601"


def test_html_is_a_report_as_well(diff: Call, old: Path, new: Path, tmp_path: Path) -> None:
    pages = [tmp_path / "one.html", tmp_path / "two.html"]
    assert diff(old, new, *STATIC, "--html", pages[0], "--report", f"html={pages[1]}").code == 1
    assert pages[0].read_text("utf-8").startswith("<!doctype html>")
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_quiet_says_nothing_of_what_is_the_same(diff: Call, old: Path, new: Path) -> None:
    assert diff(old, old, *STATIC, "--quiet").out == ""
    told = diff(old, new, *STATIC, "--quiet").out
    assert "CZ601" in told
    assert "size and cost" not in told


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), ("'A'",)),
        (("old.czmodel",), ("'B'",)),
        (("nowhere.czmodel", "nowhere.czmodel"), ("nowhere.czmodel", "no such file")),
        ((".", "."), ("folder",)),
        (("old.czmodel", "old.czmodel", "--level", "metadata"), ("network",)),
        (("old.czmodel", "old.czmodel", "--select", "CZ1"), ("CZ1", "czcheck rules CZ6")),
        (("old.czmodel", "old.czmodel", "--report", "sarif=x"), ("sarif", "json")),
        (("old.czmodel", "old.czmodel", "--report", "json=old.czmodel"), ("replace",)),
        (("old.czmodel", "old.czmodel", "--picture", "old.czmodel"), ("replace",)),
        (("old.czmodel", "old.czmodel", "--picture", "no/x.png"), ("no", "does not exist")),
        (
            ("old.czmodel", "old.czmodel", "--level", "network", "--picture", "x.png"),
            ("--picture", "--level run"),
        ),
    ],
)
def test_usage_errors(
    diff: Call,
    old: Path,
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(old.parent)
    result = diff(*args)
    assert result.code == 2
    assert result.out == ""
    for word in words:
        assert word in result.err


@pytest.mark.tensorflow
def test_a_repaired_model_is_the_same_release(
    diff: Call, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What its exporter stored as variables the repair made constants, in another graph."""
    import czcheck

    source = corpus / "simple_nuclei_tf200.czmodel"
    repaired = czcheck.repair(source, tmp_path / "repaired.czmodel", verify=False).path
    static = json.loads(diff(source, repaired, *STATIC, "--format", "json").out)
    assert static["exit_code"] == 0
    assert static["answers"]["proven"]
    picture = tmp_path / "picture.png"
    result = diff(source, repaired, "--format", "json", "--picture", picture)
    assert result.code == 0
    plain = json.loads(result.out)
    assert plain["weights"]["equal"]
    assert plain["weights"]["stored_otherwise"] == 4
    assert plain["answers"]["largest_change"] <= 1e-5
    assert plain["answers"]["labels_changed"] == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_random_forest_is_not_compared(diff: Call, corpus: Path, old: Path) -> None:
    result = diff(corpus / "xrm_sandstone_v1.czmodel", old)
    assert result.code == 3
    assert "Python pickle" in result.out
    assert "The Version was 1 and is 3.0.0" in result.out


@pytest.mark.tensorflow
def test_networks_of_other_tiles_are_run_and_not_the_same(diff: Call, old: Path) -> None:
    result = diff(DEMO, old, "--format", "json")
    assert result.code == 1
    plain = json.loads(result.out)
    assert plain["answers"]["other"] == (
        "a tile was 256x256x1 and is 32x32x1, so none fits both releases"
    )
    assert all(run["cost"]["tile_seconds"] for run in plain["answers"]["runs"])
