"""An evaluation told as text, table and JSON; the rules on it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import numpy as np
import pytest
from lxml import html

from czcheck.figures import Evaluation, Goals, ImageEvaluation, ObjectFigures, PixelCounts
from czcheck.options import Options
from czcheck.report import (
    ALL,
    FileReport,
    FileSummary,
    Report,
    evaluation_csv,
    evaluation_lines,
    report_html_page,
)
from czcheck.rules import Found, Outcome, Severity, Status
from czcheck.rules import labelled as rules
from czcheck.rules.catalogue import catalogue

NAMES = ("Background", "Nucleus", "Edge\x1b[31m")


def counted(truth: Any, predicted: Any, confidence: float = 0.95) -> PixelCounts:
    counts = PixelCounts(len(NAMES))
    truth = np.asarray(truth)
    counts.add(truth, np.asarray(predicted), np.full(truth.shape, confidence, np.float32))
    return counts


def evaluation(*planes: tuple[Any, Any], confidence: float = 0.95, percent: int = 0) -> Evaluation:
    whole = PixelCounts(len(NAMES))
    results = []
    for number, (truth, predicted) in enumerate(planes):
        counts = counted(truth, predicted, confidence)
        whole.merge(counts)
        objects = ObjectFigures(4, 5, 3) if number == 0 else ObjectFigures()
        results.append(ImageEvaluation(f"{number}.png", counts, objects))
    return Evaluation(
        mask="instances",
        classes=NAMES,
        images=tuple(results),
        counts=whole,
        objects=ObjectFigures(4, 5, 3),
        object_class="Nucleus",
        min_confidence=percent,
        tensorflow="2.21.0",
        isolation="sandbox",
        left_over=("9.png",),
        missing=("1.tif: the file lacks 1 of 3 planes: z 1",),
        warnings=("0.png: the image is turned",),
    )


GOOD = ([[0, 0, 1, 2]], [[0, 0, 1, 2]])
HALF = ([[0, 1, 1, 2]], [[0, 1, 0, 0]])


def padded(*shares: float, pad: str = "reflect") -> Evaluation:
    """An evaluation of planes of two tiles each, so much of which is padding."""
    found = evaluation(*[GOOD] * len(shares))
    images = zip(found.images, shares, strict=True)
    planes = tuple(replace(image, tiles=2, padding=share) for image, share in images)
    return replace(found, images=planes, tile=(512, 1024), pad=pad)


def said(code: str, found: Found) -> str:
    return catalogue()[code].says.format_map(found.fields)


def test_plain_data_is_as_the_schema_says() -> None:
    schema = json.loads(files("czcheck.schemas").joinpath("report.schema.json").read_text("utf-8"))
    of_evaluations = {"$ref": "#/$defs/evaluation", "$defs": schema["$defs"]}
    for each in (
        evaluation(GOOD, HALF),
        padded(0.25, 0),
        evaluation(GOOD, confidence=1, percent=100),
    ):
        plain = json.loads(json.dumps(each.to_json()))
        jsonschema.validate(plain, of_evaluations)
        demanded = each.to_json(Goals({"Nucleus": 0.6}, {"Background": 1}, 0.6, 0.7))
        jsonschema.validate(json.loads(json.dumps(demanded)), of_evaluations)
    assert [each["name"] for each in plain["worst"]] == ["0.png"]
    assert plain["goals"] == []


def test_text_names_classes_objects_and_the_worst() -> None:
    text = "\n".join(line.text for line in evaluation_lines(evaluation(GOOD, HALF).to_json()))
    assert "2 labelled images, 8 pixels: pixel accuracy 0.750000" in text
    assert "objects of Nucleus: 4 in the masks, 5 found, 3 of them right" in text
    assert "F1 0.6667" in text
    assert "worst images by mean IoU: 1.png (0.278), 0.png (1.000)" in text
    assert "ignored, without a counterpart: 9.png" in text
    assert "missing, counted as 0: 1.tif: the file lacks 1 of 3 planes: z 1" in text
    assert "warning: 0.png: the image is turned" in text
    assert "\x1b" not in text


def test_text_says_what_was_demanded() -> None:
    goals = Goals(iou={NAMES[2]: 0.6}, f1=0.6, accuracy=0.5)
    told = evaluation(HALF).to_json(goals)
    text = " ".join(line.text.strip() for line in evaluation_lines(told))
    assert (
        "demanded: IoU of Edge\\x1b[31m at least 0.6 (0.0000, missed); pixel accuracy at least 0.5"
        " (0.5000, reached); F1 of the objects of Nucleus at least 0.6 (0.6667, reached)" in text
    )
    outcomes = tuple(Outcome(code, Status.PASSED) for code in catalogue())
    file = FileReport("a", 1, "0" * 64, Severity.ERROR, outcomes, FileSummary(evaluation=told))
    summary = Report("1", Options(), (file,)).render("markdown")
    assert "- demanded: IoU of Edge" in summary
    assert "- missing, counted as 0: 1.tif: the file lacks" in summary
    assert "F1 of the objects of Nucleus at least 0.6 " in summary
    assert "demanded" not in "".join(
        line.text for line in evaluation_lines(evaluation(HALF).to_json())
    )


def test_the_table_has_a_row_for_each_plane_and_one_for_all() -> None:
    rows = list(csv.DictReader(evaluation_csv(evaluation(GOOD, HALF)).splitlines()))
    assert [row["image"] for row in rows] == ["0.png", "1.png", ALL]
    assert [float(row["pixel_accuracy"]) for row in rows] == [1, 0.5, 0.75]
    assert float(rows[1]["iou Nucleus"]) == 0.5
    assert [row["f1"] for row in rows] == [f"{2 / 3}", "", f"{2 / 3}"]


def test_goals_that_are_missed() -> None:
    missed = evaluation(HALF)
    goals = Goals(iou={"Nucleus": 0.6}, dice={"Nucleus": 0.6, "Background": 0.9})
    texts = [said("CZ501", found) for found in rules.classes_reach_their_goals(missed, goals)]
    assert texts == [
        "Intersection over union of Nucleus is 0.5000 on 1 labelled images; 0.6 is required.",
        "Dice of Background is 0.5000 on 1 labelled images; 0.9 is required.",
    ]
    whole = Goals(f1=0.7, accuracy=0.6)
    texts = [said("CZ502", found) for found in rules.answers_reach_their_goals(missed, whole)]
    assert [text.split(" on ")[0] for text in texts] == [
        "The pixel accuracy is 0.5000",
        "F1 of the objects is 0.6667",
    ]


def test_goals_that_are_reached() -> None:
    good = evaluation(GOOD)
    goals = Goals(iou={"Nucleus": 1}, dice={"Background": 1}, f1=0.6, accuracy=1)
    assert not list(rules.classes_reach_their_goals(good, goals))
    assert not list(rules.answers_reach_their_goals(good, goals))


def test_a_goal_for_a_class_that_nobody_labelled() -> None:
    nowhere = evaluation(([[0, 0]], [[0, 0]]))
    (found,) = rules.classes_reach_their_goals(nowhere, Goals(iou={"Nucleus": 0.5}))
    assert "is not known, since there is none on" in said("CZ501", found)


def test_classes_in_another_order() -> None:
    exchanged = evaluation(([[0, 0, 0, 1, 1, 2]], [[1, 1, 1, 0, 0, 2]]))
    (found,) = rules.classes_are_in_the_order_of_the_answers(exchanged)
    assert said("CZ503", found).startswith(
        "16.7 % of the pixels are right as the classes are listed, and 100 % would be if they were "
        "listed as Nucleus, Background, Edge"
    )
    assert not list(rules.classes_are_in_the_order_of_the_answers(evaluation(HALF)))


def test_classes_that_are_never_found_or_never_labelled() -> None:
    result = evaluation(([[0, 0, 1, 1]], [[0, 0, 0, 2]]))
    (lost,) = rules.every_labelled_class_is_found(result)
    assert said("CZ504", lost).startswith("2 pixels are labelled Nucleus, and the network finds")
    (unknown,) = rules.every_class_is_labelled(result)
    assert said("CZ505", unknown).startswith(f"No pixel of the masks is labelled {NAMES[2]}")


@pytest.mark.parametrize(("confidence", "told"), [(0.95, True), (0.5, False)])
def test_confidence_that_says_nothing(confidence: float, told: bool) -> None:
    result = evaluation(HALF, confidence=confidence)
    assert bool(list(rules.confidence_is_accuracy(result))) == told
    for found in rules.confidence_is_accuracy(result):
        assert "differ by 0.450 on average" in said("CZ506", found)


def test_the_page_shows_the_numbers_of_the_json_report() -> None:
    found = evaluation(GOOD, HALF, percent=60)
    found = replace(found, pictures={"1.png": b"\x89PNG", "0.png": b"\x89PNG"})
    examined = FileSummary(evaluation=found.to_json(Goals(iou={"Nucleus": 0.6}, accuracy=0.9)))
    outcomes = tuple(Outcome(code, Status.PASSED) for code in catalogue())
    file = FileReport("a.czmodel", 10, "0" * 64, Severity.ERROR, outcomes, examined)
    report = Report("1.2.3", Options(), (replace(file, evaluation=found),))
    page: Any = html.fromstring(report_html_page(report))
    (section,) = page.xpath("//section[@id='m1-evaluation']")
    shown = {each.get("data-json") for each in section.xpath(".//*[@data-json]")}
    for name in (
        "pixel_accuracy",
        "objects.f1",
        "classes.1.iou",
        "goals.1.value",
        "thresholds.90.kept",
    ):
        assert f"files.0.looked_at.evaluation.{name}" in shown
    goals = [" ".join(each.text_content().split()) for each in section.xpath(".//table[1]//td[3]")]
    assert goals[:2] == ["reached", "missed"]
    assert len(section.xpath(".//figure/img[starts-with(@src, 'data:image/png')]")) == 2
    (run,) = page.xpath("//section[@id='m1-run']")
    assert "was not run" not in run.text_content()
    assert "2 labelled images" in run.text_content()
    assert "czcheck evaluate --format json" in page.xpath("//footer")[0].text_content()
    charts = section.xpath(".//*[local-name()='svg'][@role='img']")
    assert len(charts) == 2
    assert "IoU Edge\\x1b[31m" in charts[1].text_content()


def test_padding_is_said_with_its_share() -> None:
    found = padded(0.75, 0.9375, 0)
    assert found.to_json()["tiles"] == {
        "height": 512,
        "width": 1024,
        "count": 6,
        "pad": "reflect",
        "padding": 0.5625,
        "padded_images": 2,
    }
    text = "\n".join(line.text for line in evaluation_lines(found.to_json()))
    line = (
        "padding: 2 images do not fill their tiles of 1024x512 pixels; 56.2 % of what the network"
        " saw is padding (reflection)"
    )
    assert line in " ".join(text.split())
    rows = list(csv.DictReader(evaluation_csv(found).splitlines()))
    assert [float(row["padding"]) for row in rows] == [0.75, 0.9375, 0, 0.5625]
    none = evaluation(GOOD, HALF).to_json()
    assert "padding" not in "\n".join(line.text for line in evaluation_lines(none))


def test_mostly_padding_is_a_finding() -> None:
    (found,) = rules.images_fill_the_tiles(padded(0.75, 0.9375, 0, pad="zeros"))
    assert said("CZ507", found) == (
        "2 of 3 labelled images fill less than half of the network's tile of 1024x512 pixels:"
        " 84.4 % of what the network sees of them is padding (zeros), not image."
    )
    assert not list(rules.images_fill_the_tiles(padded(0.5, 0.1)))
