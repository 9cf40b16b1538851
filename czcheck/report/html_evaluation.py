"""The page's section on labelled images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from czcheck.report.charts_evaluation import reliability_chart, threshold_chart
from czcheck.report.evaluation_text import goal_title, image_notes
from czcheck.report.html_pictures import data_uri

if TYPE_CHECKING:
    from czcheck.report.html_model import ModelView

_PERCENTS = (0, 50, 60, 70, 80, 90, 95, 99)


def evaluation(model: ModelView) -> dict[str, Any] | None:
    """How well labelled images are segmented; None where there were none.

    Args:
        model: The model.
    """
    plain = model.plain["looked_at"].get("evaluation")
    if plain is None:
        return None

    names = [each["name"] for each in plain["classes"]]
    evaluated = model.file.evaluation
    pictures = {} if evaluated is None else evaluated.pictures
    reliability = reliability_chart(plain["calibration"]["bins"], f"{model.prefix}-rel")
    thresholds = threshold_chart(plain["thresholds"], names, f"{model.prefix}-thr")
    return {
        "found": plain,
        "notes": image_notes(plain),
        "goals": [goal_title(each) for each in plain["goals"]],
        # Drawn by us; the XML writer has escaped the names of the classes.
        "reliability": Markup(reliability),  # noqa: S704
        "thresholds": Markup(thresholds),  # noqa: S704
        "percents": [each for each in _PERCENTS if each == 0 or each >= 100 // max(len(names), 1)],
        "pictures": {
            number: data_uri("image/png", pictures[image.name])
            for number, image in enumerate(evaluated.worst(len(pictures)) if evaluated else ())
            if image.name in pictures
        },
    }
