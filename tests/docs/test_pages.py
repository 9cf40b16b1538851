"""Pages that are made are up to date; what pages link to is there."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest

import czcheck
from czcheck.rules import FACTS
from docpages import pictures, rules

ROOT = Path(__file__).parents[2]


def test_rule_pages_are_what_the_script_makes() -> None:
    there = {path: path.read_text("utf-8") for path in rules.PAGES.glob("*.md")}
    made = rules.pages()
    stale = [path.name for path in made.keys() | there if made.get(path) != there.get(path)]
    assert stale == [], "run python -m docpages.rules"


def test_every_rule_has_a_page_with_an_example() -> None:
    for code, rule in rules.ours().items():
        text = (rules.PAGES / f"{code}.md").read_text("utf-8")
        for part in (
            "## Why it matters",
            "## How to fix it",
            "## Example\n\n",
            "## In the format",
        ):
            assert part in text, code
        assert f"since {rule.since}" in text
        assert f"[{code}]({code}.md)" in (rules.PAGES / "index.md").read_text("utf-8")


def test_a_rule_that_nothing_shows_has_no_page() -> None:
    rule = rules.ours()["CZ207"]
    with pytest.raises(ValueError, match="CZ207: no file in fixtures shows it"):
        rules.page(rule, [])


def test_sections_of_the_format_are_there() -> None:
    page = (ROOT / "docs" / "format.md").read_text("utf-8")
    anchors = set(re.findall(r"\{ ?#([\w-]+) ?\}", page))
    for code, rule in rules.ours().items():
        for text, anchor in rules.format_links(rule.source):
            assert anchor in anchors or text.startswith("none"), (code, text)


def test_pictures_are_what_the_script_makes() -> None:
    for path, text in pictures.pictures().items():
        assert path.read_text("utf-8") == text, "run python -m docpages.pictures"


def test_the_readme_links_to_what_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", (ROOT / "README.md").read_text("utf-8"))
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_schema_can_be_downloaded() -> None:
    page = (ROOT / "docs" / "reference" / "schemas.md").read_text("utf-8")
    for path in (ROOT / "schemas").glob("*.*"):
        if path.suffix in (".json", ".xsd"):
            assert f"(../schemas/{path.name})" in page


def test_the_page_on_own_rules_shows_the_example() -> None:
    page = (ROOT / "docs" / "how-to" / "own-rules.md").read_text("utf-8")
    (shown,) = re.findall(r"```python\n.*?(@rule.*?)```", page, re.DOTALL)
    assert shown in (ROOT / "examples" / "own_rules" / "house_rules.py").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| `([\w.]+)`", page, re.MULTILINE)
    assert rows
    for name, level, kind in rows:
        assert FACTS[name].level.value == level
        assert FACTS[name].kind.removesuffix(" | None") == kind


def _python_blocks(page: str) -> list[str]:
    text = (ROOT / "docs" / "how-to" / page).read_text("utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_page_on_adding_a_rule_shows_a_real_rule() -> None:
    function, case = _python_blocks("add-a-rule.md")
    assert function in (ROOT / "czcheck" / "rules" / "metadata.py").read_text("utf-8")
    assert case in (ROOT / "fixtures" / "bad_metadata.py").read_text("utf-8")


def test_the_page_on_adding_a_report_format_shows_one_that_works() -> None:
    module, entry, _reader = _python_blocks("add-a-report-format.md")
    assert entry.strip() == '"csv": "czcheck.report.findings_csv:report_csv",'
    names: dict[str, Any] = {"__name__": "findings_csv"}
    exec(module, names)
    report = czcheck.verify(ROOT / "fixtures" / "bad" / "CZ209_root.czmodel", level="metadata")
    (row,) = csv.DictReader(io.StringIO(names["report_csv"](report)))
    assert (row["verdict"], row["code"], row["count"]) == ("passed", "CZ209", "1")
