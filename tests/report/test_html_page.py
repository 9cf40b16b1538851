"""The HTML page as text: complete, the numbers of the JSON, harmless, and well built."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from galleries import HOSTILE, SCRIPT, with_pictures
from lxml import html
from reports import REPORTS, many_findings, passed, report

import czcheck
from czcheck.report import FORMS, Gallery, Report
from czcheck.rules.catalogue import catalogue
from czcheck.text import printable

ROOT = Path(__file__).parents[2]
MOST_BYTES = 5_000_000


@pytest.fixture(scope="module")
def run() -> Report:
    """A real run of a good model and of two bad ones."""
    bad = ROOT / "fixtures" / "bad"
    return czcheck.verify(
        [
            ROOT / "fixtures" / "models" / "nuclei.czmodel",
            bad / "CZ413_mean_of_31_pixels.czmodel",
            bad / "CZ405_divided_by_maximum.czmodel",
        ],
        gallery=True,
    )


@pytest.fixture(scope="module")
def page(run: Report) -> Any:
    return html.document_fromstring(run.render("html"))


NAMES = [*REPORTS, "hostile"]
HOSTILE_REPORT = report(with_pictures(many_findings(), ["noise", HOSTILE]))


@cache
def text_of(name: str) -> str:
    """The page of a report by name."""
    told: Report = HOSTILE_REPORT if name == "hostile" else REPORTS[name]
    return told.render("html")


def parsed(told: Report | str) -> Any:
    text = text_of(told) if isinstance(told, str) else told.render("html")
    return html.document_fromstring(text)


@pytest.mark.tensorflow
def test_every_number_of_the_json_report_that_is_shown_is_the_same_there(
    run: Report, page: Any
) -> None:
    plain = json.loads(json.dumps(run.to_json()))
    shown = page.xpath("//*[@data-json]")
    numbers = [each for each in shown if each.tag == "data" or each.get("data-null") is not None]
    for element in numbers:
        value: Any = plain
        for part in element.get("data-json").split("."):
            value = value[int(part) if isinstance(value, list) else part]
        if element.get("data-null") is not None:
            assert value is None
        else:
            assert json.loads(element.get("value")) == value
            assert re.search(r"\d", element.text_content())
    places = {re.sub(r"^files\.\d+\.", "", each.get("data-json")) for each in numbers}
    assert {
        "size",
        "counts.passed",
        "looked_at.network.parameters",
        "looked_at.run.tiles",
        "looked_at.run.cost.tile_seconds",
        "looked_at.run.cost.peak_bytes",
        "looked_at.run.border.declared",
        "looked_at.run.border.recommended",
        "looked_at.run.border.distances.2.left",
        "looked_at.run.behaviour.again.labels",
    } <= places


@pytest.mark.tensorflow
def test_numbers_read_as_they_are(run: Report, page: Any) -> None:
    (model,) = page.xpath("//*[@id='m1']")
    shown = {
        each.get("data-json").removeprefix("files.0."): each.text_content()
        for each in model.xpath(".//data")
    }
    file = run.to_json()["files"][0]
    border = file["looked_at"]["run"]["border"]
    assert shown["looked_at.network.parameters"] == "1,218"
    assert shown["looked_at.run.border.declared"] == "8"
    assert shown["looked_at.run.border.distances.1.top"] == str(border["distances"][1]["top"])
    assert shown["counts.passed"] == str(file["counts"]["passed"])
    assert shown["looked_at.run.border.declared_cost"] == "12.1 %"


@pytest.mark.parametrize(
    ("form", "value", "told"),
    [
        ("share", 0.99997, "> 0.9999"),
        ("share", 0.00001, "< 0.0001"),
        ("share", 1.0, "1.0000"),
        ("share", 0.97, "0.9700"),
        ("percent", 1, "100 %"),
        ("percent", 0, "0 %"),
        ("percent", 0.98, "98.0 %"),
        ("percent", 0.9997, "> 99.9 %"),
    ],
)
def test_what_is_not_all_is_not_rounded_to_all(form: str, value: float, told: str) -> None:
    assert FORMS[form](value) == told


def test_pixels_that_are_not_numbers_are_no_class() -> None:
    file = with_pictures(passed(), ["holes"], side=8)
    assert file.gallery is not None
    holes = replace(file.gallery.tiles[0], won=(16, 32, 0), not_numbers=16)
    page = parsed(report(replace(file, gallery=Gallery((holes,)))))
    (tile,) = page.xpath("//figure[@data-tile='holes']")
    shares = [each.text_content().rsplit(maxsplit=2)[-2:] for each in tile.xpath(".//li")]
    assert shares == [["25.0", "%"], ["50.0", "%"], ["0", "%"], ["25.0", "%"]]
    assert "not a number" in tile.xpath(".//li")[-1].text_content()


def test_every_finding_is_there_with_message_why_and_fix() -> None:
    for name, told in REPORTS.items():
        page, plain = parsed(name), told.to_json()
        for number, file in enumerate(plain["files"]):
            for kind in ("findings", "waived"):
                for index, each in enumerate(file[kind]):
                    path = f"files.{number}.{kind}.{index}"
                    (place,) = page.xpath(f"//*[@data-finding='{path}']")
                    shown = " ".join(place.text_content().split())
                    assert " ".join(each["message"].replace("`", "").split()) in shown.replace(
                        "`", ""
                    )
                    card = next(place.iterancestors("article")).text_content()
                    assert each["code"] in card
                    assert each["fix"].replace("`", "")[:60] in card
                    if "waiver" in each:
                        assert each["waiver"]["reason"] in shown
                        assert each["waiver"]["expires"] in shown


def test_worst_cases_say_what_they_are() -> None:
    crash = parsed("crash").text_content()
    assert "INCOMPLETE" in crash
    assert "Rule CZ207 crashed" in crash
    assert "KeyError: 'colour' (metadata.py, line 7)" in crash
    nothing = parsed("nothing").text_content()
    assert "Nothing was checked" in nothing
    assert "no space left on device" in nothing
    assert "Everything that applies was checked" not in nothing
    forty = parsed("forty").text_content()
    assert "1034 more of this rule are not in the report" in forty
    unmet = parsed("unmet").text_content()
    assert "the network was not run" in unmet


@pytest.mark.tensorflow
def test_pictures_of_all_tiles_are_there_once(run: Report, page: Any) -> None:
    (model,) = page.xpath("//*[@id='m1']")
    gallery = run.files[0].gallery
    assert gallery is not None
    tiles = [each.get("data-tile") for each in model.xpath(".//figure[@data-tile]")]
    assert sorted(tiles) == sorted(each.tile for each in gallery.tiles)
    images = model.xpath(".//image")
    assert len(images) == 3 * len([*gallery.tiles, *gallery.evidence])
    assert all(each.get("href").startswith("data:image/png;base64,") for each in images)
    ids = {each.get("id") for each in page.xpath("//*[@id]")}
    used = {each.get("href") for each in page.xpath("//use")}
    assert all(each.removeprefix("#") in ids for each in used)


@pytest.mark.tensorflow
def test_findings_on_a_pixel_show_it(page: Any) -> None:
    (model,) = page.xpath("//*[@id='m3']")
    (place,) = model.xpath(".//li[@data-code='CZ405']")
    assert len(place.xpath(".//circle[@class='mark']")) == 3
    (label,) = {each.get("aria-label") for each in place.xpath(".//svg[1]")} & {
        "Tile zeros, marked at row 0, column 0"
    }
    assert label


@pytest.mark.tensorflow
def test_the_border_is_drawn_with_what_is_declared_and_recommended(page: Any) -> None:
    (chart,) = page.xpath("//*[@id='m2-border']//*[contains(@class, 'chart')]")
    words = [each.text_content() for each in chart.xpath(".//text")]
    assert "declared 4" in words
    assert "recommended 15" in words
    for name in ("curve", "declared", "recommended", "reach", "tolerance"):
        assert chart.xpath(f".//g[@class='{name}']")


@pytest.mark.tensorflow
def test_the_curve_agrees_with_the_figures(run: Report) -> None:
    for file in run.files[:2]:
        border = file.to_json()["looked_at"]["run"]["border"]
        profile, declared = border["profile"], border["declared"]
        assert profile == sorted(profile, reverse=True)
        assert profile[min(declared, len(profile) - 1)] == border["change_at_declared"]


@pytest.mark.tensorflow
def test_several_models_have_an_overview_first(page: Any) -> None:
    order = [each.get("id") for each in page.xpath("//main/section | //main/article")]
    assert order == ["overview", "m1", "m2", "m3"]
    rows = page.xpath("//*[@id='overview']//tbody/tr")
    assert [row.xpath("string(.//*[contains(@class, 'badge')])").strip() for row in rows] == [
        "passed",
        "passed",
        "failed",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_well_built(name: str) -> None:
    assert_well_built(parsed(name))


@pytest.mark.tensorflow
def test_the_page_of_a_run_is_well_built(page: Any) -> None:
    assert_well_built(page)


def assert_well_built(page: Any) -> None:
    """Landmarks, headings in order, ids that are unique, pictures and tables with names."""
    assert page.get("lang") == "en"
    for landmark in ("header", "nav", "main", "footer"):
        assert page.xpath(f"//body/{landmark} | //body/div/{landmark}")
    levels = [int(each.tag[1]) for each in page.xpath("//h1|//h2|//h3|//h4|//h5|//h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [each.get("id") for each in page.xpath("//*[@id]")]
    assert len(ids) == len(set(ids))
    for element in page.xpath("//*[@aria-labelledby]"):
        assert set(element.get("aria-labelledby").split()) <= set(ids)
    for picture in page.xpath("//svg[@role='img']"):
        assert picture.get("aria-label") or picture.get("aria-labelledby") in ids
    for decoration in page.xpath("//svg[not(@role='img')]"):
        assert decoration.get("aria-hidden") == "true"
    for table in page.xpath("//table"):
        assert table.xpath("./caption")
        assert all(each.get("scope") in ("col", "row") for each in table.xpath(".//th"))


@pytest.mark.parametrize("name", NAMES)
def test_names_from_files_are_text_and_nothing_else(name: str) -> None:
    text = text_of(name)
    page = html.document_fromstring(text)
    assert not page.xpath(
        "//script | //iframe | //object | //embed | //form | //link[@rel!='icon']"
    )
    for element in page.iter():
        if isinstance(element.tag, str):
            assert not any(str(name).startswith("on") for name in element.attrib)
    assert "<script" not in text
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff]", text
    )


def test_hostile_names_are_shown_escaped() -> None:
    text = parsed("hostile").text_content()
    assert text.count(printable(HOSTILE)) > 10
    assert SCRIPT in text
    assert "{{7*7}}" in text
    assert "49" not in printable(HOSTILE)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_loaded_from_anywhere(name: str) -> None:
    page = parsed(name)
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy.startswith("default-src 'none'; img-src data:;")
    for element in page.iter():
        if not isinstance(element.tag, str) or element.tag == "a":
            continue
        for attribute in ("src", "href", "srcset", "data", "poster"):
            if address := element.get(attribute):
                assert address.startswith(("#", "data:image/")), address
    (style,) = page.xpath("//style/text()")
    assert "@import" not in style
    assert "url(" not in style


def test_rules_are_linked_where_somebody_hosts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not parsed(REPORTS["forty"]).xpath("//a[starts-with(@href, 'http')]")
    monkeypatch.setenv("CZCHECK_DOCS_URL", "https://docs.acme.test/czcheck")
    links = parsed(REPORTS["forty"]).xpath("//*[@class='more']/a/@href")
    assert catalogue()["CZ406"].url in links
    assert all(link.startswith("https://docs.acme.test/czcheck/rules/") for link in links)


def test_many_findings_on_tiles_share_their_pictures() -> None:
    file = with_pictures(many_findings(), ["noise"])
    text = report(file).render("html")
    assert text.count("data:image/png") == 3


def test_twenty_tiles_of_noise_stay_small() -> None:
    names = [f"image {number}.png" for number in range(20)]
    text = report(with_pictures(passed(), names)).render("html")
    assert text.count("data:image/png") == 60
    assert len(text.encode()) < MOST_BYTES


def test_a_report_without_pictures_is_a_page_as_well() -> None:
    page = parsed(report(passed()))
    assert not page.xpath("//image")
    assert "PASSED" in page.text_content()


@pytest.mark.tensorflow
def test_the_same_report_gives_the_same_page(run: Report) -> None:
    assert run.render("html") == run.render("html")


def test_a_tile_without_an_answer_says_so() -> None:
    file = with_pictures(many_findings(), ["noise"])
    assert file.gallery is not None
    bare = replace(
        file.gallery.tiles[0], shape=None, class_map=None, confidence=None, won=(), sums=()
    )
    page = parsed(report(replace(file, gallery=replace(file.gallery, tiles=(bare,)))))
    (tile,) = page.xpath("//figure[@data-tile]")
    assert tile.text_content().count("no output") == 2
    assert not page.xpath("//section[@class='sums']")


def test_other_formats_import_neither_templates_nor_charts(tmp_path: Path) -> None:
    path = tmp_path / "none.czmodel"
    path.write_bytes(b"")
    code = (
        "import sys; from czcheck.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('jinja2', 'matplotlib', 'numpy') if name in sys.modules])"
    )
    args = ["verify", "--level", "network", "--format", "json", str(path)]
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.tensorflow
def test_the_command_writes_a_page_with_pictures(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    model = ROOT / "fixtures" / "bad" / "CZ413_mean_of_31_pixels.czmodel"
    command = ["verify", "-q", f"--report=html={target}", str(model)]
    done = subprocess.run(
        [sys.executable, "-m", "czcheck", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    page = html.document_fromstring(target.read_bytes())
    assert page.xpath("//image")
    assert page.xpath("//figure[@data-tile='nuclei']")
