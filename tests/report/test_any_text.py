"""Any text out of a file leaves every format whole: valid, and with nothing added to it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree
from markdown_it import MarkdownIt
from reports import file_report, finding, report, waived

from czcheck.report import Report
from czcheck.rules import InMember, Outcome, Status, Waiver, WholeFile

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
ANY = st.text(st.characters(codec=None), min_size=1, max_size=30)
# What steers Markdown is rare among all characters.
MARKS = st.text(alphabet="#*_`~[]()<>!|\\&;:/-+=1.) \tax\n", min_size=1, max_size=20)


def telling(text: str) -> Report:
    """A report that holds a text wherever one out of a file can stand."""
    name = text.encode("utf-8", "replace").decode("utf-8")  # what a file can be called
    told: Report = report(
        file_report(
            f"{name}.czmodel",
            Outcome("CZ207", Status.CRASHED, reason=text),
            Outcome(
                "CZ205",
                Status.FAILED,
                (finding("CZ205", InMember(text), text), finding("CZ205", WholeFile(), text)),
            ),
            waived("CZ206", finding("CZ206", InMember(text), text), waiver=Waiver("CZ2", text)),
        )
    )
    return told


def shape(text: str) -> list[str]:
    """What Markdown makes of a report: its elements, without the text in them."""
    return [
        part.type
        for token in MARKDOWN.parse(telling(text).render("markdown"))
        for part in (token, *(token.children or ()))
        if part.type != "text"
    ]


PLAIN = shape("name")


@given((ANY | MARKS).filter(str.strip))  # a message of nothing is nobody's
@example("# heading")
@example("1. list")
@example("    code")
@example("-")
@example("![x](http://x)")
@example("&lt;b&gt; <b>")
@example("`")
@example("\ufffe\ud800\x00")
@settings(max_examples=200)
def test_markdown_keeps_its_shape(text: str) -> None:
    assert shape(text) == PLAIN


@given(ANY)
@example("\ufffe\uffff\ud800\x00\x0b]]>")
@settings(max_examples=50)
def test_junit_and_sarif_stay_whole(text: str) -> None:
    told = telling(text)
    (suite,) = etree.fromstring(told.render("junit").encode())
    results: list[Any] = json.loads(told.render("sarif"))["runs"][0]["results"]
    assert suite.get("failures") == "1"
    assert suite.get("errors") == "1"
    assert [each["ruleId"] for each in results] == ["CZ205", "CZ205", "CZ206"]
    assert len({each["message"]["text"] for each in results}) <= len(results)
