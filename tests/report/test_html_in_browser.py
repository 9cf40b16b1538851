"""The HTML page in Chromium: quiet, alone, usable by everybody, on every screen and on paper."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from galleries import COLOURS, HOSTILE, with_pictures
from reports import REPORTS, crashed, many_findings, nothing_checked, passed, report, with_waivers

import czcheck
from czcheck.figures import Evaluation, Goals, ImageEvaluation, ObjectFigures, PixelCounts
from czcheck.report import FileReport, FileSummary, png
from czcheck.text import printable

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RELEASES = ROOT / "fixtures" / "releases"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1360, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium; nothing is downloaded."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    given = os.environ.get("CZCHECK_CHROMIUM")
    path = given or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine (`make test` installs it for root on Debian)")
    with playwright.sync_playwright() as driver:
        # The page itself is harmless; a sandbox of Chromium's does not work for root.
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run, the worst cases, many models, and names of the worst kind."""
    folder = tmp_path_factory.mktemp("pages")
    model = ROOT / "fixtures" / "bad" / "CZ413_mean_of_31_pixels.czmodel"
    hostile = with_pictures(many_findings(), ["noise", HOSTILE])
    twenty = [f"image {number}.png" for number in range(20)]
    reports = {
        "run": czcheck.verify(model, gallery=True),
        "forty": report(with_pictures(many_findings(), ["noise"])),
        "crash": REPORTS["crash"],
        "nothing": REPORTS["nothing"],
        "many": report(hostile, passed(), crashed(), nothing_checked(), with_waivers()),
        "hostile": report(hostile),
        "twenty": report(with_pictures(passed(), twenty, side=64)),
    }
    reports["evaluated"] = report(evaluated(with_pictures(passed(), ["noise"], side=64)))
    releases = [
        RELEASES / f"CZ603_classes_exchanged.{each}.czmodel" for each in ("before", "after")
    ]
    paths = {"diff": folder / "diff.html"}
    paths["diff"].write_text(czcheck.diff(*releases).to_html(), encoding="utf-8")
    for name, told in reports.items():
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(told.render("html"), encoding="utf-8")
    return paths


CASES = ("run", "forty", "crash", "nothing", "many", "hostile", "twenty", "evaluated", "diff")


def evaluated(file: FileReport) -> FileReport:
    """A report on labelled images, with names of the worst kind."""
    generator = np.random.Generator(np.random.PCG64(5))
    names = tuple(f"Class {number} {HOSTILE}" for number in range(len(COLOURS)))
    counts, images, pictures = PixelCounts(len(names)), [], {}
    for number in range(3):
        truth, predicted = generator.integers(0, len(names), (2, 64, 64))
        counts.add(truth, predicted, generator.uniform(0.4, 1, (64, 64)).astype(np.float32))
        images.append(ImageEvaluation(f"{number} {HOSTILE}.png", counts, ObjectFigures(4, 5, 3)))
        pictures[images[-1].name] = png(np.zeros((64, 268, 3), np.uint8))
    found = Evaluation(
        mask="instances",
        classes=names,
        images=tuple(images),
        counts=counts,
        objects=ObjectFigures(4, 5, 3),
        object_class=names[1],
        min_confidence=60,
        tensorflow="2.21.0",
        isolation="sandbox",
        missing=(f"{HOSTILE}.tif: the file lacks 1 of 3 planes: z 1",),
        warnings=(f"{HOSTILE}.png: the image is to be turned",),
        pictures=pictures,
    )
    goals = Goals(iou={names[0]: 0.1, names[1]: 0.9}, accuracy=0.2, f1=0.5)
    return replace(
        file, gallery=None, evaluation=found, examined=FileSummary(evaluation=found.to_json(goals))
    )


class Watched:
    """A page, and what it did while it was opened."""

    def __init__(self, browser: Browser, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def __enter__(self) -> Watched:  # noqa: PYI034 - Self is younger than Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.parametrize("name", CASES)
def test_the_page_is_quiet_and_loads_nothing(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    with Watched(browser, pages[name], viewport=DESKTOP) as watched:
        assert watched.said == []
        other = [url for url in watched.asked if not url.startswith("data:image/")]
        assert other == [pages[name].as_uri()]
        # All pictures can be decoded and are drawn.
        drawn = watched.page.evaluate(
            """Promise.all([...document.querySelectorAll('image')].map(async each => {
                const image = new Image(); image.src = each.getAttribute('href');
                await image.decode(); return image.naturalWidth; }))"""
        )
        assert all(width > 0 for width in drawn)
        assert len(drawn) >= {"run": 33, "twenty": 60}.get(name, 0)


@pytest.mark.parametrize("name", CASES)
def test_nothing_sticks_out_at_the_side(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    with Watched(browser, pages[name], viewport=PHONE) as watched:
        watched.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        for width in (390, 320, 768, 1360):
            watched.page.set_viewport_size({"width": width, "height": 844})
            shown, wide = watched.page.evaluate(
                "[document.documentElement.clientWidth, document.documentElement.scrollWidth]"
            )
            assert wide <= shown, f"{width} pixels"


@pytest.mark.parametrize(
    ("name", "scheme", "viewport"),
    [
        ("run", "dark", PHONE),
        ("forty", "light", DESKTOP),
        ("crash", "dark", DESKTOP),
        ("many", "light", PHONE),
        ("evaluated", "dark", DESKTOP),
        ("evaluated", "light", PHONE),
        ("diff", "light", DESKTOP),
        ("diff", "dark", PHONE),
    ],
)
def test_everybody_can_use_it(
    browser: Browser, pages: dict[str, Path], name: str, scheme: str, viewport: dict[str, int]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe installed")
    options = {"viewport": viewport, "color_scheme": scheme, "bypass_csp": True}
    with Watched(browser, pages[name], **options) as watched:
        watched.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        results = axe.Axe().run(watched.page)
        assert results.violations_count == 0, results.generate_report()
        checked = {each["id"] for each in results.response["passes"]}
        assert {"color-contrast", "heading-order", "document-title"} <= checked


def test_scripts_in_names_are_never_run(browser: Browser, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["hostile"], viewport=DESKTOP) as watched:
        assert watched.page.title().startswith("FAILED: ")
        assert printable(HOSTILE) in watched.page.inner_text("main")
        assert watched.page.locator("script").count() == 0
        # Even what got in as markup would not be run.
        watched.page.evaluate(
            """document.body.insertAdjacentHTML('beforeend',
                '<img src=x onerror="document.title=1">')"""
        )
        watched.page.wait_for_timeout(100)
        assert watched.page.title().startswith("FAILED: ")


def test_findings_can_be_filtered_with_the_keyboard(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with Watched(browser, pages["forty"], viewport=DESKTOP) as watched:
        page = watched.page
        errors, notes = page.locator(".finding.error"), page.locator(".findings .finding.note")
        assert errors.first.is_visible()
        assert notes.first.is_visible()
        page.locator(".show-error").focus()
        page.keyboard.press("Space")
        assert not errors.first.is_visible()
        assert notes.first.is_visible()
        page.keyboard.press("Space")
        assert errors.first.is_visible()


def test_the_first_key_leads_to_the_content(browser: Browser, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["many"], viewport=DESKTOP) as watched:
        watched.page.keyboard.press("Tab")
        focused = "getComputedStyle(document.activeElement)"
        assert watched.page.evaluate("document.activeElement.textContent") == "Skip to the content"
        assert float(watched.page.evaluate(f"{focused}.top").removesuffix("px")) >= 0
        assert watched.page.evaluate(f"{focused}.outlineStyle") == "solid"


@pytest.mark.parametrize(
    ("name", "width", "media", "cells"),
    [
        ("evaluated", 700, "print", "tbody th"),
        ("diff", 700, "print", "tbody th"),
        ("run", 380, "screen", ".facts dt"),
    ],
)
def test_words_in_the_first_column_are_not_broken(
    browser: Browser, pages: dict[str, Path], name: str, width: int, media: Any, cells: str
) -> None:
    """A4 without its margins is narrower than a desktop and wider than a phone."""
    with Watched(browser, pages[name], viewport={"width": width, "height": 990}) as watched:
        watched.page.emulate_media(media=media)
        broken = watched.page.evaluate(
            """cells => [...document.querySelectorAll(cells)].filter(cell => {
                const range = document.createRange();
                const word = (cell.textContent.trim().split(/\\s+/)[0] || '').slice(0, 13);
                const node = [...cell.childNodes].find(n => n.nodeType == 3 && n.data.trim());
                if (!node || !word) return false;
                const start = node.data.indexOf(word);
                if (start < 0) return false;
                range.setStart(node, start); range.setEnd(node, start + word.length);
                return range.getClientRects().length > 1;
            }).map(cell => cell.textContent)""",
            cells,
        )
        assert broken == []


def test_paper_shows_what_is_folded_away(browser: Browser, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["forty"], viewport=DESKTOP, color_scheme="dark") as watched:
        page = watched.page
        last = page.locator(".further .place").last
        assert not last.is_visible()
        page.emulate_media(media="print")
        assert last.is_visible()
        assert not page.locator("nav").is_visible()
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(255, 255, 255)"
        assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_take_the_colours_of_the_page(
    browser: Browser, pages: dict[str, Path], scheme: str
) -> None:
    with Watched(browser, pages["run"], viewport=DESKTOP, color_scheme=scheme) as watched:
        of = "getComputedStyle(document.querySelector('{}'))"
        ink = watched.page.evaluate(f"{of.format('body')}.color")
        assert watched.page.evaluate(f"{of.format('.chart text')}.fill") == ink
        stroke = watched.page.evaluate(f"{of.format('.chart .declared path')}.stroke")
        assert stroke == ink


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_of_pixels_are_seen(browser: Browser, pages: dict[str, Path], scheme: str) -> None:
    with Watched(browser, pages["evaluated"], viewport=DESKTOP, color_scheme=scheme) as watched:
        bar, opacity, card = watched.page.evaluate(
            """(() => { const bar = getComputedStyle(document.querySelector('.pixels path'));
            const card = getComputedStyle(document.querySelector('.model > section:not(.hero)'));
            const plain = colour => colour.match(/\\d+/g).slice(0, 3).map(Number);
            return [plain(bar.fill), +bar.fillOpacity, plain(card.backgroundColor)]; })()"""
        )
        mixed = [opacity * a + (1 - opacity) * b for a, b in zip(bar, card, strict=True)]
        low, high = sorted(map(luminance, (mixed, card)))
        assert (high + 0.05) / (low + 0.05) >= 3  # WCAG, of what is no text


def luminance(rgb: list[float]) -> float:
    """Relative, as WCAG has it."""
    parts = [((v / 255 + 0.055) / 1.055) ** 2.4 for v in rgb]
    return float(0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2])
