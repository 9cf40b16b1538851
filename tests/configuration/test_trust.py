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
from czcheck.rules import Level, Severity
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


def test_what_makes_the_check_milder_is_not_heard(write: Write) -> None:
    write('level = "network"\nfail-on = "warning"\nmax-tile-seconds = 50\n')
    alone = force()
    write(MILDER, "received/czcheck.toml")
    found = force()
    assert {name: said.value for name, said in found.settings.items()} == {
        name: said.value for name, said in alone.settings.items()
    }
    assert found.waivers == ()
    assert set(found.refused) >= {"level", "ignore", "allow-op", "runtime", "waivers"}


def test_what_makes_the_check_stricter_is_heard(write: Write) -> None:
    write('level = "network"\n')
    write(STRICTER, "received/czcheck.toml")
    found = force()
    assert (found.level, found.fail_on) == (Level.RUN, Severity.NOTE)
    assert found["thorough"] is True
    assert found["max-tile-seconds"] == 1
    assert found.severities == {"CZ207": Severity.ERROR}
    assert (found.tolerances.sum, found.tolerances.label_agreement) == (1e-4, 0.9999)
    assert found.refused == ()
    assert force(level="metadata").level is Level.METADATA, "the caller is heard over it"


def test_a_nearer_configuration_does_not_hide_the_users(write: Write) -> None:
    write('fail-on = "warning"\n')
    write('level = "run"\n', "received/czcheck.toml")
    assert force().fail_on is Severity.WARNING


def test_profiles_and_overrides_beside_a_file_are_weighed_alike(write: Write) -> None:
    write(
        'profile = "mild"\n[profiles.mild]\nlevel = "archive"\nthorough = true\n'
        '[[overrides]]\nfiles = "*"\nignore = ["CZ2"]\n',
        "received/czcheck.toml",
    )
    found = force()
    assert (found.level, found["thorough"], found["ignore"]) == (Level.RUN, True, ())
    assert found.refused == ("level", "ignore")


def test_it_is_told_what_is_not_heard(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write(MILDER, "received/czcheck.toml")
    shutil.copy(BAD / "CZ207_same_colour.czmodel", FILE)
    with pytest.raises(SystemExit) as stop:
        main(["verify", str(FILE), "--level", "metadata", "--fail-on", "warning"])
    assert stop.value.code == 1
    out = capsys.readouterr().out
    assert "CZ207" in out
    assert "note    CZ912" in out
    assert "received/czcheck.toml" in out
    with pytest.raises(SystemExit) as stop:
        main(["verify", str(FILE), "--level", "metadata", "--isolated"])
    assert stop.value.code == 0
    assert "CZ912" not in capsys.readouterr().out


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
    write("this is = = no toml\n", "received/pyproject.toml")
    assert force().beside is None
    write("[tool.czcheck]\nthis is = = no toml\n", "received/pyproject.toml")
    with pytest.raises(UsageError, match=r"pyproject\.toml"):
        force()


def test_config_shows_where_each_setting_comes_from(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        'profile = "release"\nmax-memory = 4\n[[overrides]]\nfiles = "rec*/"\nlevel = "network"\n'
    )
    write('fail-on = "note"\nignore = ["CZ2"]\n', "received/czcheck.toml")
    with pytest.raises(SystemExit) as stop:
        main(["config", str(FILE), "--target", "any", "--json"])
    assert stop.value.code == 0
    plain = json.loads(capsys.readouterr().out)
    origins = {each["key"]: each["from"] for each in plain["settings"]}
    assert origins["thorough"] == "profile release"
    assert origins["max-memory"] == "czcheck.toml:2"
    assert origins["level"] == "override for rec*/, czcheck.toml:5"
    assert origins["fail-on"] == "received/czcheck.toml:1"
    assert origins["target"] == "command line"
    assert origins["jobs"] == "default"
    assert (plain["beside"], plain["refused"]) == ("received/czcheck.toml", ["ignore"])
    with pytest.raises(SystemExit):
        main(["config", str(FILE)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "czcheck.toml, profile release, effective for received/model.czmodel"
    assert any(line.split() == ["max-memory", "4", "czcheck.toml:2"] for line in lines)
    # What is in force, also where nobody said it.
    assert any(line.split() == ["timeout", "120", "default"] for line in lines)
    assert any(line.split() == ["memory", "8", "default"] for line in lines)
    assert any(
        line.split()[:3] == ["tolerances.baseline-dice", "the", "baseline's"] for line in lines
    )
    assert lines[-1].endswith("it also says in vain: ignore")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[overrides]]\nfiles = "*a*a*a*a*a*b"\nlevel = "run"\n', "line 2: .*stars"),
        ('[[overrides]]\nfiles = "**/a/**/a/**/a/**/b"\nlevel = "run"\n', "line 2: .*stars"),
        ('[[overrides]]\nfiles = "*"\nlevel = "run"\n' * 201, "more than 200"),
    ],
)
def test_a_pattern_that_somebody_sent_cannot_take_for_ever(
    write: Write, text: str, said: str
) -> None:
    write(text, "received/czcheck.toml")
    file = FILE.with_name(f"{'a' * 200}.czmodel")
    with pytest.raises(UsageError, match=said):
        Configured({}, find=True).of(file)


def test_the_users_own_patterns_have_as_many_stars_as_they_like(write: Write) -> None:
    write('[[overrides]]\nfiles = "*-*-*-*-*.czmodel"\nfail-on = "note"\n')
    assert Configured({}, find=True).of(Path("a-b-c-d-e.czmodel")).fail_on is Severity.NOTE
