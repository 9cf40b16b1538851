"""An evaluation as lines of text and as a table for spreadsheets, from its plain data."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from czcheck.text import Line, cell, count, first_of, percent, printable, wrapped

if TYPE_CHECKING:
    from czcheck.figures.counts import ObjectFigures, PixelCounts
    from czcheck.figures.record import Evaluation

_SHOWN_PERCENTS = (0, 50, 60, 70, 80, 90, 95, 99)
_NAME = 24


def evaluation_lines(plain: Mapping[str, Any]) -> Iterator[Line]:
    """The results of an evaluation as lines of text.

    Args:
        plain: As `looked_at.evaluation` in the JSON report.
    """
    images = count(plain["images"], "labelled image")
    yield Line(
        f"  {images}, {plain['pixels']:,} pixels: pixel accuracy"
        f" {_number(plain['pixel_accuracy'], 6)}",
        "heading",
    )
    for note in image_notes(plain):
        yield from wrapped(printable(note), "  ")
    if padding := padding_text(plain["tiles"]):
        yield from wrapped(padding, "  ")
    below = f" (minimum confidence {plain['min_confidence']} %)" if plain["min_confidence"] else ""
    yield from _classes(plain["classes"], below)
    if goals := goals_text(plain):
        yield from wrapped(goals, "  ")
    if (objects := plain["objects"]) is not None:
        yield from wrapped(
            f"objects of {printable(objects['class'])}: {objects['true']:,} in the masks,"
            f" {objects['predicted']:,} found, {objects['matched']:,} of them right at IoU 0.5;"
            f" F1 {_number(objects['f1'])}, precision {_number(objects['precision'])},"
            f" recall {_number(objects['recall'])}",
            "  ",
        )
    yield Line(
        f"  calibration: confidence and accuracy differ by"
        f" {_number(plain['calibration']['error'])} on average"
    )
    yield from _thresholds(plain)
    if plain["worst"]:
        worst = ", ".join(
            f"{printable(each['name'])} ({_number(each['mean_iou'], 3)})" for each in plain["worst"]
        )
        yield from wrapped(f"worst images by mean IoU: {worst}", "  ")
    if plain["left_over"]:
        names = [printable(each) for each in plain["left_over"]]
        yield from wrapped(f"ignored, without a counterpart: {first_of(names, 3)}", "  ")


def padding_text(tiles: Mapping[str, Any]) -> str:
    """Share of the network's input that is padding, in words; empty for none.

    Args:
        tiles: As `looked_at.evaluation.tiles` in the JSON report.
    """
    count = tiles["padded_images"]
    if not count:
        return ""
    how = "reflection" if tiles["pad"] == "reflect" else "zeros"
    images = "1 image does not fill its tiles" if count == 1 else f"{count} images do not fill"
    if count > 1:
        images += " their tiles"
    share = percent(tiles["padding"])
    return (
        f"padding: {images} of {tiles['width']}x{tiles['height']} pixels; {share} of what the"
        f" network saw is padding ({how})"
    )


def _classes(classes: Sequence[Mapping[str, Any]], below: str) -> Iterator[Line]:
    measures = ("iou", "dice", "precision", "recall")
    yield Line(
        f"  {'class' + below:<{_NAME}} {'IoU':>9} {'Dice':>9} {'precision':>9} {'recall':>9}"
        f" {'pixels':>13} {'predicted':>13}",
        "heading",
    )
    for each in classes:
        figures = " ".join(f"{_number(each[measure]):>9}" for measure in measures)
        yield Line(
            f"  {printable(each['name']):<{_NAME}} {figures}"
            f" {each['pixels']:>13,} {each['predicted']:>13,}"
        )


def image_notes(plain: Mapping[str, Any]) -> list[str]:
    """Remarks on images and masks: missing pixels first, then warnings.

    Args:
        plain: As `looked_at.evaluation` in the JSON report.
    """
    missing = [f"missing, counted as 0: {each}" for each in plain["missing"]]
    return missing + [f"warning: {each}" for each in plain["warnings"]]


def goals_text(plain: Mapping[str, Any]) -> str:
    """The goals and their results in one line; empty without goals.

    Args:
        plain: As `looked_at.evaluation` in the JSON report.
    """
    reached = "; ".join(
        f"{printable(goal_title(each))} at least {each['demanded']:g}"
        f" ({_number(each['value'])}, {'reached' if each['reached'] else 'missed'})"
        for each in plain["goals"]
    )
    return reached and f"demanded: {reached}"


def goal_title(goal: Mapping[str, Any]) -> str:
    """Which figure a goal is for.

    Args:
        goal: As one of `looked_at.evaluation.goals` in the JSON report.
    """
    return {
        "iou": f"IoU of {goal['class']}",
        "dice": f"Dice of {goal['class']}",
        "accuracy": "pixel accuracy",
        "f1": f"F1 of the objects of {goal['class']}",
    }[goal["measure"]]


def _thresholds(plain: Mapping[str, Any]) -> Iterator[Line]:
    """The effect of some minimum confidences; the JSON report has all of them."""
    names = [printable(each["name"])[:_NAME] for each in plain["classes"]]
    columns = " ".join(f"{'IoU ' + name:>{max(9, len(name) + 4)}}" for name in names)
    yield Line(
        f"  {'minimum confidence':<{_NAME}} {'kept':>9} {'accuracy':>9} {columns}", "heading"
    )
    least = 100 // max(len(names), 1)  # the most probable of n classes has 1/n at least
    for least_percent in (each for each in _SHOWN_PERCENTS if each == 0 or each >= least):
        row = plain["thresholds"][least_percent]
        values = " ".join(
            f"{_number(iou):>{max(9, len(name) + 4)}}"
            for name, iou in zip(names, row["iou"], strict=True)
        )
        share, accuracy = f"{100 * row['kept']:.2f} %", _number(row["accuracy"])
        yield Line(f"  {f'{least_percent} %':<{_NAME}} {share:>9} {accuracy:>9} {values}")


def _number(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


ALL = "all images"
"""Name of the last row."""

_MEASURES = ("iou", "dice", "precision", "recall")


def evaluation_csv(evaluation: Evaluation) -> str:
    """A row for each plane, and a last one for all of them together.

    Columns: image, pixels, pixel_accuracy, then iou, dice, precision and recall of each class
    (`iou Nucleus`), and where masks number objects their true, predicted and matched numbers with
    f1. A figure that rests on nothing is empty. Figures of classes and objects rest on pixels above
    the minimum confidence.
    """
    objects = evaluation.objects is not None
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    classes = [printable(name) for name in evaluation.classes]
    heads = [f"{measure} {name}" for name in classes for measure in _MEASURES]
    counted = ["true_objects", "predicted_objects", "matched_objects", "f1"] if objects else []
    table.writerow(["image", "pixels", "pixel_accuracy", *heads, *counted, "padding"])
    rows = [(each.name, each.counts, each.objects, each.padding) for each in evaluation.images]
    rows.append((ALL, evaluation.counts, evaluation.objects, evaluation.padding))
    for name, pixels, found, padding in rows:
        table.writerow(_row(name, pixels, found, padding, evaluation.min_confidence))
    return stream.getvalue()


def _row(
    name: str, counts: PixelCounts, objects: ObjectFigures | None, padding: float, percent: int
) -> list[object]:
    figures = [
        getattr(each, measure) for each in counts.class_figures(percent) for measure in _MEASURES
    ]
    row = [cell(name), counts.pixels, counts.accuracy(), *figures]
    if objects is not None:
        row += [objects.true, objects.predicted, objects.matched, objects.f1]
    row.append(padding)
    return ["" if value is None else value for value in row]
