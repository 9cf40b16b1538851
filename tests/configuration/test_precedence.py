"""Who is heard over whom: one test for each step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import czcheck
from czcheck.cli import main
from czcheck.configuration import Configuration, Settings
from czcheck.errors import UsageError
from czcheck.rules import Level, Severity
from czcheck.tolerances import DEFAULT_TOLERANCES

Write = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("project")


def force(file: str = "colours.czmodel", profile: str | None = None, **given: object) -> Settings:
    named = {name.replace("_", "-"): value for name, value in given.items()}
    return Configuration(named, None, profile, find=True).of(Path(file))


def test_defaults() -> None:
    found = force()
    assert found.options.level is Level.RUN
    assert found.options.fail_on is Severity.ERROR
    assert found.options.tolerances == DEFAULT_TOLERANCES
    assert found.changed == {}


def test_a_profile_that_the_file_names_lies_below_its_settings(write: Write) -> None:
    write('profile = "release"\nfail-on = "error"\n')
    found = force()
    assert found.options.fail_on is Severity.ERROR
    assert found["thorough"] is True
    assert found.profile == "release"
    assert {name: str(said.origin) for name, said in found.changed.items()} == {
        "thorough": "profile release"
    }


def test_a_profile_that_the_caller_names_lies_above_the_file(write: Write) -> None:
    write('fail-on = "error"\nlevel = "metadata"\ntarget = "any"\n')
    found = force(profile="release")
    assert found.options.fail_on is Severity.WARNING
    assert found.options.level is Level.RUN
    assert found["target"] == "any"


def test_the_callers_profile_stands_in_the_place_of_the_files(write: Write) -> None:
    write('profile = "release"\n')
    found = force(profile="quick")
    assert found.options.level is Level.NETWORK
    assert found.options.fail_on is Severity.ERROR


def test_own_profiles_extend_others(write: Write) -> None:
    write('[profiles.night]\nextends = "day"\njobs = 2\n[profiles.day]\nextends = "release"\n')
    found = force(profile="night")
    assert (found["jobs"], found.options.fail_on) == (2, Severity.WARNING)
    assert str(found.entries["jobs"].origin) == "profile night, czcheck.toml:3"


@pytest.mark.parametrize(
    ("text", "profile", "said"),
    [
        ('profile = "relaese"\n', None, r"czcheck.toml, line 1: .*did you mean `release`"),
        ("", "nightly", "--profile: there is no profile 'nightly'; choose from: release, quick"),
        (
            '[profiles.a]\nextends = "b"\n[profiles.b]\nextends = "a"\n',
            "a",
            "circle: a -> b -> a",
        ),
    ],
)
def test_profiles_that_cannot_be(write: Write, text: str, profile: str | None, said: str) -> None:
    write(text)
    with pytest.raises(UsageError, match=said):
        force(profile=profile)


def test_overrides_lie_above_profile_and_file_and_later_ones_above_earlier(write: Write) -> None:
    write(
        'level = "network"\n'
        '[[overrides]]\nfiles = "col*.czmodel"\nlevel = "metadata"\nfail-on = "warning"\n'
        '[[overrides]]\nfiles = "colours.czmodel"\nfail-on = "note"\n'
    )
    found = force()
    assert (found.options.level, found.options.fail_on) == (Level.METADATA, Severity.NOTE)
    assert str(found.entries["fail-on"].origin) == "override for colours.czmodel, czcheck.toml:8"
    other = force("unknown.czmodel", profile="release")
    assert (other.options.level, other.options.fail_on) == (Level.RUN, Severity.WARNING)


def test_the_caller_lies_above_everything(write: Write) -> None:
    write('level = "network"\n[[overrides]]\nfiles = "*.czmodel"\nlevel = "metadata"\n')
    assert force(level="archive", profile="release").options.level is Level.ARCHIVE


def test_lists_are_replaced_and_tables_merged(write: Write) -> None:
    write(
        'ignore = ["CZ416"]\n'
        '[severity]\nCZ4 = "note"\nCZ421 = "warning"\n[tolerances]\nsum = 0.1\n'
        '[[overrides]]\nfiles = "*"\nignore = ["CZ419"]\n'
        'severity = { CZ412 = "error" }\ntolerances = { seam = 0.5 }\n'
    )
    found = force()
    assert [each.code for each in found["ignore"]] == ["CZ419"]
    assert (found.options.tolerances.sum, found.options.tolerances.seam) == (0.1, 0.5)
    severities = found.severities
    assert severities["CZ401"] is Severity.NOTE
    assert severities["CZ421"] is Severity.WARNING
    assert severities["CZ412"] is Severity.ERROR
    assert "CZ301" not in severities


@pytest.mark.parametrize(
    ("pattern", "file", "meant"),
    [
        ("*.czmodel", "a.czmodel", True),
        ("*.czmodel", "deep/er/a.czmodel", True),
        ("legacy/*.czmodel", "legacy/a.czmodel", True),
        ("legacy/*.czmodel", "legacy/sub/a.czmodel", False),
        ("legacy/*.czmodel", "other/legacy/a.czmodel", False),
        ("legacy/", "legacy/sub/a.czmodel", True),
        ("legacy/**/a.czmodel", "legacy/x/y/a.czmodel", True),
        ("/a.czmodel", "sub/a.czmodel", False),
        ("legacy/*.czmodel", "../legacy/a.czmodel", False),
        ("*.czmodel", "../outside/a.czmodel", True),
        ("a.czmodel", "b.czmodel", False),
    ],
)
def test_patterns(write: Write, pattern: str, file: str, meant: bool) -> None:
    write(f'[[overrides]]\nfiles = "{pattern}"\nlevel = "archive"\n')
    assert (force(file).options.level is Level.ARCHIVE) is meant


def test_a_named_configuration_is_the_only_one(write: Write, tmp_path: Path) -> None:
    write('level = "archive"\n')
    other = tmp_path / "gate.toml"
    other.write_text('[tool.czcheck]\nlevel = "metadata"\n')
    found = Configuration({}, other, None, find=True).of(Path("colours.czmodel"))
    assert found.options.level is Level.METADATA


def test_czcheck_toml_counts_before_pyproject_and_the_nearest_before_both(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write('[tool.czcheck]\nlevel = "archive"\n', "pyproject.toml")
    assert force().options.level is Level.ARCHIVE
    write('level = "metadata"\n')
    assert force().options.level is Level.METADATA
    nested = write('[tool.czcheck]\nlevel = "network"\n', "sub/pyproject.toml").parent
    monkeypatch.chdir(nested)
    assert force().options.level is Level.NETWORK
    write('[project]\nname = "other"\n', "sub/pyproject.toml")
    assert force().options.level is Level.METADATA


def test_verify_in_python_looks_for_nothing_unless_asked(write: Write) -> None:
    path = write('level = "metadata"\nfail-on = "warning"\n')
    assert czcheck.verify("colours.czmodel", level="metadata").passed
    assert not czcheck.verify("colours.czmodel", config=path).passed
    assert not czcheck.verify("colours.czmodel", find_config=True).passed
    assert czcheck.verify("colours.czmodel", config=path, fail_on="error").passed
    assert not czcheck.verify("colours.czmodel", level="metadata", profile="release").passed


def test_each_file_is_checked_by_what_is_in_force_for_it(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        'level = "metadata"\n[severity]\nCZ204 = "error"\n'
        '[[overrides]]\nfiles = "colours.czmodel"\nlevel = "archive"\n'
    )
    with pytest.raises(SystemExit) as stop:
        main(["verify", "colours.czmodel", "unknown.czmodel", "--format", "json"])
    assert stop.value.code == 1
    first, second = json.loads(capsys.readouterr().out)["files"]
    assert (first["verdict"], first["configuration"]["level"]) == ("passed", "archive")
    assert (second["verdict"], second["configuration"]["level"]) == ("failed", "metadata")
    assert [each["severity"] for each in second["findings"]] == ["error"]
    assert second["configuration"]["file"] == "czcheck.toml"
    assert {each["key"]: each["from"] for each in second["configuration"]["changed"]} == {
        "level": "czcheck.toml:1",
        "severity.CZ204": "czcheck.toml:3",
    }


def test_text_says_what_was_configured_in_one_line(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write('level = "metadata"\nignore = [{ code = "CZ207", reason = "on purpose" }]\n')
    with pytest.raises(SystemExit):
        main(["verify", "colours.czmodel"])
    out = capsys.readouterr().out
    assert "  configuration: czcheck.toml: level metadata, ignore CZ207 (on purpose)\n" in out
    assert "colours.czmodel: PASSED at level metadata" in out
    with pytest.raises(SystemExit):
        main(["verify", "colours.czmodel", "--isolated", "--level", "metadata"])
    assert "configuration:" not in capsys.readouterr().out
