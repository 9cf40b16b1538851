"""A comparison of two releases as one page that is complete in itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from czcheck.configuration.showing import configuration_text
from czcheck.diffing import text
from czcheck.diffing.json_form import diff_to_json
from czcheck.report.html import environment, style, tab_icon
from czcheck.report.html_pictures import data_uri
from czcheck.report.json_form import plain_json
from czcheck.report.phrases import unchecked_texts
from czcheck.rules.catalogue import every_rule
from czcheck.rules.declaring import explain
from czcheck.text import count

if TYPE_CHECKING:
    from czcheck.changes.outputs import Picture
    from czcheck.diffing.record import DiffRecord
    from czcheck.rules.finding import Finding

MOST_WEIGHTS = 100
"""Weights that are shown one by one."""

_SECTIONS = {
    "verdict": "Verdict",
    "findings": "Findings",
    "outputs": "Outputs",
    "metadata": "Metadata and classes",
    "network": "Network",
    "weights": "Weights",
    "cost": "Size and cost",
}
_OUTPUTS = {
    True: "The outputs are the same",
    False: "The outputs differ",
    None: "The outputs were not compared",
}
_COMPUTES = {
    True: "Both networks compute the same: equal operations and connections, regardless of names"
    " and of how weights are stored.",
    False: "The networks differ in operations, attributes or connections.",
    None: "The graphs do not show whether the networks compute the same.",
}
_PANELS = {
    "input": ("input", "the tile itself"),
    "before": ("before", "classes by the first release"),
    "after": ("after", "classes by the second release"),
    "difference": (
        "not the same (magenta)",
        "the tile dimmed, in magenta where the classes are not the same",
    ),
}


def diff_page(diff: DiffRecord) -> str:
    """A comparison as an HTML page that loads nothing and runs no script.

    Returns:
        The page, with a line end at its end.
    """
    plain = diff_to_json(diff)
    weights = [] if "fault" in plain["weights"] else text.changed_weights(plain)
    pages = environment().overlay()
    pages.filters = {
        **pages.filters,
        "shown": text.shown,
        "digits": text.digits,
        "part": text.part_text,
    }
    runs = [run for run in plain["answers"].get("runs", ()) if run]
    page = pages.get_template("diff.html.j2").render(
        plain=plain,
        names=[PurePath(plain[side]["path"]).name for side in ("before", "after")],
        icon=tab_icon(plain["verdict"]),
        style=style("diff.css"),
        sections=_SECTIONS.items(),
        configuration=configuration_text(diff.configuration or {}),
        outputs_words=_OUTPUTS[plain["equal"]],
        lead=_lead(diff),
        findings=list(_findings(plain["findings"], diff.findings)),
        waived=list(_findings(plain["waived"], diff.waived)),
        unchecked=list(unchecked_texts(diff)),
        outputs_text="" if "fault" in plain["answers"] else _outputs(plain["answers"]),
        picture=diff.drawing,
        panels=[] if diff.drawing is None else list(_panels(diff.drawing)),
        computes=_COMPUTES[plain["network"].get("computes_same")],
        weights_text="" if "fault" in plain["weights"] else text.weights_text(plain["weights"]),
        weights=[_weight(each) for each in weights[:MOST_WEIGHTS]],
        more_weights=max(0, len(weights) - MOST_WEIGHTS),
        cost=[
            {"name": name, "before": old, "after": new} for name, old, new in text.cost_rows(plain)
        ],
        runs=runs[0] if runs else None,
    )
    return f"{page.strip()}\n"


def _lead(diff: DiffRecord) -> str:
    if diff.same_file:
        return "Both files are the same, byte for byte."
    number = len(diff.findings)
    found = "Nothing was found" if not number else count(number, "finding")
    if diff.waived:
        joined = "and" if number else "but"
        found += f" {joined} {count(len(diff.waived), 'waived finding')}"
    more = "; not everything could be compared" if list(unchecked_texts(diff)) else ""
    return f"{found}{more}."


def _outputs(outputs: dict[str, Any]) -> str:
    sentence = text.outputs_text(outputs)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _findings(
    plain: Sequence[dict[str, Any]], found: Sequence[Finding]
) -> Iterator[dict[str, Any]]:
    """Findings with the catalogue's description of their rules."""
    rules = every_rule()
    for each, finding in zip(plain, found, strict=True):
        about = explain(rules[finding.code])
        yield {**about, **each, "place": plain_json(str(finding.at))}


def _weight(weight: dict[str, Any]) -> dict[str, Any]:
    return {**weight, "name": text.weight_name(weight), "form": text.weight_form(weight)}


def _panels(picture: Picture) -> Iterator[dict[str, Any]]:
    """The panels of the picture, each with its size in pixels of the page."""
    for key, (name, description) in _PANELS.items():
        data = picture.panels[key]
        # A PNG's header: width and height in four bytes each, after sixteen others.
        width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
        yield {
            "uri": data_uri("image/png", data),
            "name": name,
            "description": f"{description}, {width} x {height} pixels",
            "width": width,
            "height": height,
        }
