"""A comparison of two releases as HTML tables, for notebooks."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from czcheck.diffing.json_form import diff_to_json
from czcheck.diffing.text import (
    MOST,
    changed_weights,
    cost_rows,
    further,
    outputs_text,
    part_text,
    shown,
    verdict_text,
    weight_name,
    weight_text,
    weights_text,
)
from czcheck.report.notebook import badge, table, text

if TYPE_CHECKING:
    from czcheck.diffing.record import DiffRecord

_CAPTIONS = {"input": "input", "before": "before", "after": "after", "difference": "not the same"}


def diff_html(diff: DiffRecord) -> str:
    """A comparison as tables, with the picture of where both differ.

    Returns:
        An HTML fragment.
    """
    plain = diff_to_json(diff)
    before, after = plain["before"], plain["after"]
    paths = f"<b>{text(before['path'])}</b> &rarr; <b>{text(after['path'])}</b>"
    parts = [f"<p>{paths}: {badge(plain['verdict'])}<br>{text(verdict_text(plain))}</p>"]
    rows = [
        (badge(each["severity"]), each["code"], text(each["message"]), text(each["fix"]))
        for each in plain["findings"]
    ]
    if rows:
        parts.append(table(("Severity", "Rule", "What", "Fix"), rows))
    parts.append(_changes("Metadata", plain["metadata"], ("fields", "unknown")))
    parts.append(_changes("Signature", plain["network"], ("signature",)))
    parts.append(_weights(plain))
    if "fault" in plain["answers"]:
        parts.append(f"<p>Outputs: not known: {text(plain['answers']['fault'])}</p>")
    else:
        parts.append(f"<p>Outputs: {text(outputs_text(plain['answers']))}</p>")
    parts.append(_pictures(diff))
    cost = [[text(cell) for cell in row] for row in cost_rows(plain)]
    parts.append(table(("Size and cost", "Before", "After"), cost))
    return "".join(parts)


def _changes(heading: str, part: dict[str, Any], keys: Sequence[str]) -> str:
    if "fault" in part:
        return f"<p>{heading}: not known: {text(part['fault'])}</p>"
    rows: list[tuple[str, ...]] = [
        (text(each["name"]), text(shown(each["before"])), text(shown(each["after"])))
        for key in keys
        for each in part[key]
    ]
    rows += [
        (
            f"class {', '.join(each['changes'])}",
            *(
                text(shown(side and f"{side['label_value']} {side['name']} {side['color']}"))
                for side in (each["before"], each["after"])
            ),
        )
        for each in part.get("classes", ())
        if each["changes"]
    ]
    return table((heading, "Before", "After"), rows) if rows else ""


def _weights(plain: dict[str, Any]) -> str:
    weights = plain["weights"]
    if "fault" in weights:
        return f"<p>Weights: not known: {text(weights['fault'])}</p>"
    found = changed_weights(plain)
    rows = [
        (
            each["state"],
            text(weight_name(each)),
            text(weight_text(each)),
            "" if each["relative"] is None else text(part_text(each["relative"])),
        )
        for each in found[:MOST]
    ]
    sentence = f"<p>Weights: {text(weights_text(weights) + further(found))}</p>"
    return sentence + (table(("Weights", "Name", "Change", "Relative"), rows) if rows else "")


def _pictures(diff: DiffRecord) -> str:
    drawn = diff.drawing
    if drawn is None:
        return ""
    figures = "".join(
        f'<figure style="display:inline-block;margin:4px"><img alt="{caption}, tile'
        f' {text(drawn.tile)}" style="max-width:240px" src="data:image/png;base64,'
        f'{b64encode(drawn.panels[name]).decode()}"><figcaption>{caption}</figcaption></figure>'
        for name, caption in _CAPTIONS.items()
    )
    return f"<p>Tile {text(drawn.tile)}</p><div>{figures}</div>"
