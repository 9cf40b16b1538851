"""A configuration reaches the rules on two releases as it reaches those on one file."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import lxml.html
import pytest

import czcheck
from czcheck.diffing import Diff
from czcheck.errors import UsageError
from fixtures.bad_releases import release

CONFIGURED = "czcheck.toml"
WARNED = [("CZ606", "warning")]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release, and one with a smaller border, of which CZ606 warns."""
    monkeypatch.chdir(tmp_path)
    Path("old.czmodel").write_bytes(release())
    Path("new.czmodel").write_bytes(release((">4<", ">2<")))
    return tmp_path


def compared(text: str = "", **options: Any) -> Diff:
    Path(CONFIGURED).write_text(text, encoding="utf-8")
    options.setdefault("level", "network")
    options.setdefault("find_config", True)
    return czcheck.diff("old.czmodel", "new.czmodel", **options)


def codes(diff: Diff) -> list[tuple[str, str]]:
    return [(each.code, each.severity.value) for each in diff.findings]


def test_without_one_the_defaults_hold() -> None:
    found = compared('[severity]\nCZ606 = "error"\n', find_config=False)
    assert codes(found) == [("CZ606", "warning")]
    assert found.configuration is None
    assert "configuration" not in found.to_json()


@pytest.mark.parametrize(
    ("text", "expected", "exit_code"),
    [
        ("", [("CZ606", "warning")], 0),
        ('fail-on = "warning"', [("CZ606", "warning")], 1),
        ('[severity]\nCZ606 = "error"', [("CZ606", "error")], 1),
        ('[severity]\nCZ6 = "note"', [("CZ606", "note")], 0),
        ('fail-on = "note"\nignore = [{code = "CZ606", reason = "meant"}]', [], 0),
        ('select = ["CZ2", "CZ602"]', [], 0),
        # Names none of these rules: meant for `czcheck verify`.
        ('select = ["CZ2"]', [("CZ606", "warning")], 0),
        ('fail-on = "note"\n[[overrides]]\nfiles = "new*"\nfail-on = "error"', WARNED, 0),
        ('[[overrides]]\nfiles = "old*"\nfail-on = "warning"', WARNED, 0),
    ],
)
def test_severities_and_choices(text: str, expected: list[tuple[str, str]], exit_code: int) -> None:
    found = compared(text)
    assert (codes(found), found.exit_code) == (expected, exit_code)


def test_the_caller_is_heard_over_it() -> None:
    found = compared('fail-on = "warning"\nignore = ["CZ606"]', fail_on="error", ignore=["CZ601"])
    assert (codes(found), found.exit_code) == ([("CZ606", "warning")], 0)


def waiver(code: str, more: str = "") -> str:
    return f'fail-on = "warning"\n[[waivers]]\ncode = "{code}"\nreason = "told users"\n{more}\n'


def test_what_is_waived_fails_nothing_and_stays_visible() -> None:
    found = compared(waiver("CZ606", 'path = "new*"\nexpires = 2099-12-31'))
    assert (found.exit_code, codes(found)) == (0, [])
    (kept,) = found.waived
    assert kept.waiver is not None
    assert "told users" in str(found)
    assert "1 waiver" in str(found)
    plain = found.to_json()
    assert plain["waived"][0]["waiver"]["reason"] == "told users"
    assert plain["configuration"]["file"] == CONFIGURED
    schema = json.loads(files("czcheck.schemas").joinpath("diff.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(plain)
    page: Any = lxml.html.document_fromstring(found.to_html())
    (section,) = page.xpath("//section[@id='waived']")
    assert "CZ606" in section.text_content()
    assert "until 2099-12-31 for new*: told users" in " ".join(section.text_content().split())
    told = page.xpath("//div[@id='verdict']")[0].text_content()
    assert "Nothing was found but 1 waived finding." in told
    assert "but what is waived" in page.xpath("//section[@id='findings']")[0].text_content()
    assert CONFIGURED in page.xpath("//div[@id='verdict']")[0].text_content()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (waiver("CZ606", "expires = 2020-01-01"), ["CZ910", "CZ606"]),
        (waiver("CZ606", 'path = "old*"'), ["CZ606"]),
        (waiver("CZ607"), ["CZ606", "CZ911"]),
        # Its findings are met, or not, in `czcheck verify`.
        (waiver("CZ416", "expires = 2020-01-01"), ["CZ606"]),
    ],
)
def test_waivers_that_do_not_hold(text: str, expected: list[str]) -> None:
    found = compared(text)
    assert [code for code, _ in codes(found)] == expected
    assert found.exit_code == 1
    assert "waived finding" not in found.to_html()


def test_a_page_counts_what_fails_and_what_is_waived() -> None:
    Path("new.czmodel").write_bytes(release((">4<", ">2<"), ('colG="255"', 'colG="128"')))
    told = compared(waiver("CZ606"))
    assert [code for code, _ in codes(told)] == ["CZ605"]
    assert "1 finding and 1 waived finding." in told.to_html()


def test_one_that_lies_next_to_the_release_counts_for_nothing(project: Path) -> None:
    received = project / "received"
    received.mkdir()
    (project / "new.czmodel").rename(received / "new.czmodel")
    (received / CONFIGURED).write_text('ignore = ["CZ606"]\n', encoding="utf-8")
    found = czcheck.diff("old.czmodel", received / "new.czmodel", level="network", find_config=True)
    assert [code for code, _ in codes(found)] == ["CZ606"]


def test_levels_of_a_configuration(project: Path) -> None:
    assert compared('level = "metadata"', level=None).options.level.value == "network"
    assert compared("", level=None, profile="quick").options.level.value == "network"


def test_verify_takes_a_configuration_for_both() -> None:
    Path(CONFIGURED).write_text(
        'select = ["CZ206", "CZ606"]\nignore = ["CZ601"]\n[severity]\nCZ605 = "error"\n'
        + waiver("CZ606").partition("\n")[2],
        encoding="utf-8",
    )
    report = czcheck.verify("new.czmodel", level="metadata", find_config=True)
    assert report.exit_code == 0
    with pytest.raises(UsageError, match="checked by `czcheck diff`"):
        czcheck.verify("new.czmodel", level="metadata", select=["CZ606"])
    with pytest.raises(UsageError, match="no rule on two releases begins with 'CZ206'"):
        compared("", ignore=["CZ206"])
