"""What a user meets: one clear message for each wrong input, the right exit code, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from czcheck.rules import Level, every_rule
from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import good_payload

if TYPE_CHECKING:
    from calls import Result

STATIC = ("--level", "network")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.czmodel"
    path.write_bytes(czmodel(metadata_xml(), good_payload()))
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.czmodel"
    xml = metadata_xml(('LabelValue="2"', 'LabelValue="3"'))
    path.write_bytes(czmodel(xml, good_payload()))
    return path


def test_a_good_file_passes(czcheck: Callable[..., Result], good: Path) -> None:
    result = czcheck("verify", good, *STATIC)
    assert result.code == 0, result.out
    assert f"{good}: PASSED at level network" in result.out
    assert "1 file: 1 passed, 0 failed, 0 incomplete" in result.out


def test_a_bad_file_fails(czcheck: Callable[..., Result], bad: Path) -> None:
    result = czcheck("verify", bad, *STATIC)
    assert result.code == 1
    assert "CZ206" in result.out
    assert "fix:" in result.out


def test_a_folder_stands_for_the_archives_in_it(
    czcheck: Callable[..., Result], good: Path, bad: Path
) -> None:
    (good.parent / "below").mkdir()
    (good.parent / "below" / "not_looked_at.czmodel").write_bytes(b"")
    result = czcheck("verify", good.parent, *STATIC)
    assert result.code == 1
    assert "2 files: 1 passed, 1 failed, 0 incomplete" in result.out
    assert result.out.index(str(good)) < result.out.index(str(bad))


def test_the_format_never_changes_the_exit_code(
    czcheck: Callable[..., Result], good: Path, bad: Path
) -> None:
    for path, code in ((good, 0), (bad, 1)):
        result = czcheck("verify", path, *STATIC, "--format", "json")
        assert result.code == code
        report = json.loads(result.out)
        assert report["exit_code"] == code
        assert report["files"][0]["path"] == str(path)


def test_quiet_says_nothing_of_what_passed(czcheck: Callable[..., Result], good: Path) -> None:
    assert czcheck("verify", good, *STATIC, "--quiet").out == ""


def test_ignoring_and_selecting_rules(czcheck: Callable[..., Result], bad: Path) -> None:
    assert czcheck("verify", bad, *STATIC, "--ignore", "CZ206").code == 0
    assert czcheck("verify", bad, *STATIC, "--ignore", "CZ2,CZ3").code == 0
    assert czcheck("verify", bad, *STATIC, "--select", "CZ1").code == 0
    assert czcheck("verify", bad, *STATIC, "--select", "cz206").code == 1


def test_warnings_fail_when_asked_to(czcheck: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "warned.czmodel"
    path.write_bytes(czmodel(metadata_xml(("Nucleus", "Background")), good_payload()))
    assert czcheck("verify", path, *STATIC).code == 0
    assert czcheck("verify", path, *STATIC, "--fail-on", "warning").code == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("verify", "missing.czmodel"), ("missing.czmodel", "no such file")),
        (("inspect", "missing.czmodel"), ("missing.czmodel", "no such file")),
        (("verify",), ("PATH",)),
        (("verify", "x", "--level", "deep"), ("deep", "network")),
        (("verify", "x", "--levle", "run"), ("--levle", "--level")),
        (("verfy", "x"), ("verfy", "verify")),
        (("rules", "CZ9999"), ("CZ9999", "czcheck rules")),
        (("rules", "--sort"), ("--sort",)),
    ],
)
def test_usage_errors(
    czcheck: Callable[..., Result], args: tuple[str, ...], words: tuple[str, ...]
) -> None:
    result = czcheck(*args)
    assert result.code == 2
    for word in words:
        assert word in result.err


@pytest.mark.parametrize("option", [("--target", "tf-9"), ("--select", "CZ7"), ("--ignore", "X")])
def test_wrong_values_name_the_fix(
    czcheck: Callable[..., Result], good: Path, option: tuple[str, str]
) -> None:
    result = czcheck("verify", good, *STATIC, *option)
    assert result.code == 2
    assert option[1] in result.err


def test_an_empty_folder_is_a_usage_error(czcheck: Callable[..., Result], tmp_path: Path) -> None:
    result = czcheck("verify", tmp_path)
    assert result.code == 2
    assert "holds no archive" in result.err


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "is a PNG image"),
        (czmodel(metadata_xml(), good_payload())[:900], "cut short"),
    ],
)
def test_files_that_are_no_archive(
    czcheck: Callable[..., Result], tmp_path: Path, data: bytes, word: str
) -> None:
    path = tmp_path / "wrong.czmodel"
    path.write_bytes(data)
    verified = czcheck("verify", path)
    assert verified.code == 1
    assert word in verified.out
    inspected = czcheck("inspect", path)
    assert inspected.code == 1
    assert word in inspected.err


def test_inspect_names_what_is_inside(czcheck: Callable[..., Result], good: Path) -> None:
    result = czcheck("inspect", good)
    assert result.code == 0
    for word in ("3.0.0", "ZEN blue 3.2", "Nucleus", "#00ff00", "Softmax", "? x 32 x 32 x 1"):
        assert word in result.out
    plain = json.loads(czcheck("inspect", good, "--json").out)
    assert plain["metadata"]["classes"][1] == {
        "label_value": 2,
        "name": "Nucleus",
        "color": "#00ff00",
    }
    assert plain["network"]["signature"]["inputs"][0]["shape"] == [None, 32, 32, 1]


def test_inspect_a_folder_is_a_usage_error(czcheck: Callable[..., Result], tmp_path: Path) -> None:
    result = czcheck("inspect", tmp_path)
    assert result.code == 2
    assert "is a folder" in result.err


def test_rules_lists_all_and_explains_one(czcheck: Callable[..., Result]) -> None:
    listed = czcheck("rules").out
    for code in every_rule():
        assert code in listed
    headings = [line for line in listed.splitlines() if line.startswith("level ")]
    assert headings == [f"level {level.value}" for level in Level]
    assert "czcheck diff" in listed
    page = czcheck("rules", "CZ207").out
    for word in ("why:", "fix:", "format:", "warning", "level metadata"):
        assert word in page
    plain = json.loads(czcheck("rules", "--json").out)
    assert [rule["code"] for rule in plain] == list(every_rule())


def test_an_internal_error_is_no_traceback_and_no_pass(
    czcheck: Callable[..., Result], good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("czcheck.verifying.verification.verify", bug)
    result = czcheck("verify", good)
    assert result.code == 3
    assert "ZeroDivisionError: oops" in result.err


def test_module_and_command_are_the_same(good: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "czcheck", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("czcheck, version")


def test_a_reader_that_goes_away_does_not_change_the_exit_code(bad: Path) -> None:
    command = f"{sys.executable} -m czcheck verify --level network {bad}; echo $? >&2"
    done = subprocess.run(
        ["sh", "-c", f"({command}) | true"], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "1"


def test_a_cache_folder_is_looked_at_in_a_process_of_its_own(good: Path, tmp_path: Path) -> None:
    """In the process of the tests, another one may have imported what is missing."""
    command = ["verify", str(good), "--level", "archive", "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [sys.executable, "-m", "czcheck", *command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_static_commands_import_nothing_slow(good: Path) -> None:
    slow = {
        "tensorflow",
        "numpy",
        "keras",
        "rich",
        "xmlschema",
        "PIL",
        "tifffile",
        "junitparser",
        "sarif_om",
        "attrs",
    }
    code = (
        "import sys\n"
        "from czcheck.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print('|', *sys.modules)"
    )
    for args in (["--help"], ["inspect", str(good)], ["verify", str(good), *STATIC], ["rules"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *args],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "80"},
        )
        assert slow.isdisjoint(done.stdout.rsplit("|", 1)[1].split()), args


@pytest.mark.parametrize("command", ["build", "repair", "init", "baseline"])
@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("-", "cannot be standard output"),
        (".", "is a folder"),
        ("none/x", "the folder none does not exist"),
    ],
)
def test_places_that_cannot_be_written_are_usage_errors(
    command: str,
    output: str,
    words: str,
    czcheck: Callable[..., Result],
    good: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(good.parent)
    result = czcheck(command, good, "-o", output)
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert list(good.parent.iterdir()) == [good]


def test_a_file_in_the_place_of_a_command(czcheck: Callable[..., Result], good: Path) -> None:
    result = czcheck(good)
    assert result.code == 2
    assert f"czcheck verify {good}" in result.err


def test_an_archive_in_the_place_of_a_specification(
    czcheck: Callable[..., Result], good: Path
) -> None:
    result = czcheck("build", good)
    assert result.code == 1
    assert "czcheck init" in result.err


def test_init_of_a_damaged_archive_says_where_to_read_more(
    czcheck: Callable[..., Result], tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.czmodel"
    damaged.write_bytes(b"no archive")
    result = czcheck("init", damaged, "-o", tmp_path / "spec.json")
    assert result.code == 1
    assert "czcheck verify" in result.err
