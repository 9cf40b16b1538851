"""A configuration that comes with a model makes its check no milder, and lets nothing run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import czcheck
from czcheck.cli import main
from czcheck.configuration import Configured, InForce, configuration_of_call
from czcheck.errors import UsageError
from czcheck.rules import RETIRED, Severity, every_rule
from fixtures.make import BAD

Write = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("project")
FILE = Path("received/model.czmodel")

MILDER = """
level = "archive"
target = "any"
fail-on = "error"
select = ["CZ1"]
ignore = ["CZ2"]
allow-op = ["PrintV2"]
tiles = ["."]
runtime = "/bin/true"
baseline = "golden.npz"
max-tile-seconds = 100
memory = 100
[severity]
CZ207 = "note"
[tolerances]
sum = 0.5
label-agreement = 0.1
[[waivers]]
code = "CZ"
reason = "trust me"
"""
STRICTER = """
level = "run"
fail-on = "note"
thorough = true
max-tile-seconds = 1
[severity]
CZ207 = "error"
[tolerances]
sum = 1e-4
label-agreement = 0.9999
"""


def force(**given: object) -> InForce:
    return Configured(given, find=True).of(FILE)


@pytest.mark.parametrize("text", [MILDER, STRICTER, "this is = = no toml"])
def test_a_configuration_next_to_the_file_counts_for_nothing(write: Write, text: str) -> None:
    write('level = "network"\nfail-on = "warning"\nmax-tile-seconds = 50\n')
    alone = force()
    write(text, "received/czcheck.toml")
    assert force() == alone


def test_a_verdict_is_the_same_with_one_next_to_the_file(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    FILE.parent.mkdir(exist_ok=True)
    shutil.copy(BAD / "CZ207_same_colour.czmodel", FILE)
    printed = []
    for text in (None, MILDER):
        if text is not None:
            write(text, "received/czcheck.toml")
        with pytest.raises(SystemExit) as stop:
            main(["verify", str(FILE), "--level", "metadata", "--fail-on", "warning"])
        assert stop.value.code == 1
        printed.append(capsys.readouterr().out)
    assert "CZ207" in printed[0]
    assert printed[0] == printed[1]


def test_a_retired_code_is_refused_with_what_became_of_it() -> None:
    with pytest.raises(UsageError, match=r"CZ912 was retired .*; leave it out"):
        Configured({"ignore": ["CZ912"]})
    assert not RETIRED.keys() & every_rule().keys()


def test_a_folder_that_somebody_sent_runs_nothing_even_from_inside(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = Path("ran").absolute()
    script = write(f"#!/bin/sh\ntouch {marker}\n", "received/python")
    script.chmod(0o755)
    shutil.copy(BAD / "CZ207_same_colour.czmodel", FILE)
    for text in ('runtime = "./python"\n', 'profile = "x"\n[profiles.x]\nruntime = "./python"\n'):
        path = write(text, "received/czcheck.toml")
        czcheck.verify(FILE, find_config=True, level="network")
        monkeypatch.chdir(path.parent)
        with pytest.raises(
            UsageError, match=r"`runtime` lets something run.*--config czcheck.toml"
        ):
            czcheck.verify(FILE.name, find_config=True)
        monkeypatch.chdir(path.parent.parent)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["runtime", "allow-op"])
def test_what_lets_something_run_counts_when_it_is_named(write: Write, name: str) -> None:
    value = '"python3"' if name == "runtime" else '["PrintV2"]'
    path = write(f"{name} = {value}\n")
    with pytest.raises(UsageError, match=f"line 1: `{name}`"):
        Configured({}, find=True)
    assert Configured({}, path).call[name] in ("python3", ("PrintV2",))
    given = {name: "python3.7" if name == "runtime" else ["Print"]}
    assert Configured(given, find=True).call[name] in ("python3.7", ("Print",))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_above_the_working_folder_is_not_ours(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write('level = "archive"\n')
    work = path.parent / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    assert configuration_of_call(None) is not None
    os.chown(path, 4242, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert configuration_of_call(None) is None
    os.chown(work, 4242, -1)
    assert configuration_of_call(None) is not None, "a checkout of another user, as in a container"


def test_a_broken_file_of_another_tool_is_no_matter_and_one_of_ours_is(write: Write) -> None:
    write("this is = = no toml\n", "pyproject.toml")
    assert force().file is None
    write("[tool.czcheck]\nthis is = = no toml\n", "pyproject.toml")
    with pytest.raises(UsageError, match=r"pyproject\.toml"):
        force()


def test_config_shows_where_each_setting_comes_from(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        'profile = "release"\nmax-memory = 4\n[[overrides]]\nfiles = "rec*/"\nlevel = "network"\n'
    )
    with pytest.raises(SystemExit) as stop:
        main(["config", str(FILE), "--target", "any", "--json"])
    assert stop.value.code == 0
    plain = json.loads(capsys.readouterr().out)
    origins = {each["key"]: each["from"] for each in plain["settings"]}
    assert origins["thorough"] == "profile release"
    assert origins["max-memory"] == "czcheck.toml:2"
    assert origins["level"] == "override for rec*/, czcheck.toml:5"
    assert origins["target"] == "command line"
    assert origins["jobs"] == "default"
    with pytest.raises(SystemExit):
        main(["config", str(FILE)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "czcheck.toml, profile release, in force for received/model.czmodel"
    assert any(line.split() == ["max-memory", "4", "czcheck.toml:2"] for line in lines)
    # What is in force, also where nobody said it.
    assert any(line.split() == ["timeout", "120", "default"] for line in lines)
    assert any(line.split() == ["memory", "8", "default"] for line in lines)
    assert any(
        line.split()[:3] == ["tolerances.baseline-dice", "the", "baseline's"] for line in lines
    )


def test_the_users_own_patterns_have_as_many_stars_as_they_like(write: Write) -> None:
    write('[[overrides]]\nfiles = "*-*-*-*-*.czmodel"\nfail-on = "note"\n')
    assert Configured({}, find=True).of(Path("a-b-c-d-e.czmodel")).fail_on is Severity.NOTE
