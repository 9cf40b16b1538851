"""The planes of an evaluation as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from czcheck.text import cell, printable

if TYPE_CHECKING:
    from czcheck.evaluating.counts import PixelCounts
    from czcheck.evaluating.objects import ObjectFigures
    from czcheck.evaluating.record import Evaluation

ALL = "all images"
"""Name of the last row."""

_MEASURES = ("iou", "dice", "precision", "recall")


def evaluation_csv(evaluation: Evaluation) -> str:
    """A row for each plane, and a last one for all of them together.

    Columns: image, pixels, pixel_accuracy, then iou, dice, precision and recall of each class
    (`iou Nucleus`), and where masks number objects their true, predicted and matched numbers with
    f1. A figure that rests on nothing is empty. Figures of classes and objects rest on pixels above
    the minimum confidence.

    Args:
        evaluation: The evaluation.
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
