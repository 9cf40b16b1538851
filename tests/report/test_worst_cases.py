"""The report where it matters most, as people read it: held against files that were looked at.

`CZCHECK_WRITE_SNAPSHOTS=1` writes them anew; look at them before they are committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from reports import REPORTS

SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize("form", ["text", "markdown"])
@pytest.mark.parametrize("name", ["forty", "crash", "nothing", "waived"])
def test_as_it_was_looked_at(name: str, form: str) -> None:
    told = REPORTS[name].render(form)
    path = SNAPSHOTS / f"{name}.{'md' if form == 'markdown' else 'txt'}"
    if os.environ.get("CZCHECK_WRITE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(told, encoding="utf-8", newline="\n")
    assert told == path.read_text("utf-8")


def test_markdown_links_to_the_rule_where_somebody_hosts_its_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CZCHECK_DOCS_URL", "https://docs.acme.test/czcheck")
    link = "[CZ206](https://docs.acme.test/czcheck/rules/CZ206.html)"
    assert f"**error {link}** " in REPORTS["forty"].render("markdown")


def test_markdown_names_the_command_where_nobody_does() -> None:
    shown = REPORTS["forty"].render("markdown")
    (line,) = [each for each in shown.splitlines() if each.startswith("- why: ")]
    assert line.startswith("- why: `czcheck rules CZ")
    assert "CZ206" in line


def test_junit_says_where_the_rule_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\nmore: czcheck rules CZ206</failure>" in REPORTS["forty"].render("junit")
    monkeypatch.setenv("CZCHECK_DOCS_URL", "https://docs.acme.test/czcheck")
    link = "https://docs.acme.test/czcheck/rules/CZ206.html"
    assert f"\nmore: {link}</failure>" in REPORTS["forty"].render("junit")
