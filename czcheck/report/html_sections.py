"""The sections of the HTML page on a model.

A section is a function that makes plain data of a file's report, and a template of the same key in
`templates/sections/` that shows it. Reports never compute: all numbers come from the report, its
inspection and its gallery. To add one, write both and enter it in `SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from czcheck.report import phrases
from czcheck.report.charts import border_chart, reliability_chart, sums_chart, threshold_chart
from czcheck.report.evaluation_text import goal_title, image_notes
from czcheck.report.gallery import SUM_LIMITS, confidence_colours
from czcheck.report.html_figures import TIMES
from czcheck.report.html_model import Data, ModelView, Section
from czcheck.report.html_pictures import classes_of, data_uri
from czcheck.report.json_form import plain_json
from czcheck.report.phrases import ranges
from czcheck.rules.catalogue import catalogue
from czcheck.rules.declaring import Level, explain

if TYPE_CHECKING:
    from czcheck.report.gallery import Gallery
    from czcheck.report.html_model import Data, ModelView

_MOST_LAYERS = 24
_MANY = 1000


def network_data(model: ModelView) -> Data | None:
    """Signature, operations, cost of a tile and receptive field."""
    found = plain_json((model.file.inspection or {}).get("network"))
    if not found:
        return None
    if "fault" in found:
        return {"network": found}
    field, note = _receptive_field(found["reach"])
    layers, caption = _layers(found["cost"])
    return {
        "network": found,
        "field": field,
        "field_note": note,
        "layers": layers,
        "layers_caption": caption,
        "kinds": _kinds(found),
    }


def _receptive_field(reach: Mapping[str, Any]) -> tuple[str, str]:
    """The receptive field, and a remark on it."""
    node = reach["because"]
    cause = "" if node is None else f" ({node['op']}, node {node['name']})"
    if reach["kind"] == "unknown":
        return "not known", reach["reason"] or f"unknown operation:{cause}"
    notes = {
        "local": "",
        "global-input": f"every output depends on whole-tile statistics{cause}",
        "global-inside": f"the whole tile at once{cause}",
    }
    if reach["bound"] is None:
        return "whole tile", notes[reach["kind"]]
    top, bottom, left, right = reach["bound"]
    return f"{top + bottom + 1} {TIMES} {left + right + 1} px", notes[reach["kind"]]


def _layers(cost: Mapping[str, Any] | None) -> tuple[list[Data], str]:
    """The layers that cost most, in the order in which they run."""
    every = [] if cost is None else cost["layers"]
    # Sizes and shapes that a graph computes are no layers to anybody.
    large = [each for each in every if each["multiply_adds"] or each["tensor_bytes"] >= _MANY]
    costly = sorted(large, key=lambda each: (-each["tensor_bytes"], -each["multiply_adds"]))
    names = {each["name"] for each in costly[:_MOST_LAYERS]}
    shown = [each for each in large if each["name"] in names]
    work = max((each["multiply_adds"] for each in shown), default=0) or 1
    room = max((each["tensor_bytes"] for each in shown), default=0) or 1
    start = _common_path([each["name"] for each in shown])
    caption = "What the layers cost for one tile, in the order in which they run"
    if len(shown) < len(large):
        caption += f"; the {len(shown)} with the largest tensors of {len(large)}"
    layers = [
        {
            **each,
            "name": each["name"].removeprefix(start) or each["name"],
            "work": round(each["multiply_adds"] / work, 4),
            "room": round(each["tensor_bytes"] / room, 4),
        }
        for each in shown
    ]
    return layers, caption


def _common_path(names: Sequence[str]) -> str:
    """The layers that all names begin with, a slash behind each."""
    parts = [name.split("/")[:-1] for name in names]
    common: list[str] = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        common.append(f"{level[0]}/")
    return "".join(common)


def _kinds(found: Mapping[str, Any]) -> list[Data]:
    """Operations by kind, the most frequent first."""
    parts = found["operations"]
    costs = {each["name"]: each for each in (found["cost"] or {}).get("operations", ())}
    names = dict.fromkeys(op for part in ("serving", "other", "saver") for op in parts[part])
    kinds = [
        {
            "name": name,
            **{part: parts[part].get(name, 0) for part in ("serving", "saver", "other")},
            "multiply_adds": costs.get(name, {}).get("multiply_adds", 0),
            "tensor_bytes": costs.get(name, {}).get("tensor_bytes", 0),
        }
        for name in names
    ]
    return sorted(kinds, key=lambda kind: (-kind["serving"], kind["name"]))


_PERCENTS = (0, 50, 60, 70, 80, 90, 95, 99)


def evaluation(model: ModelView) -> dict[str, Any] | None:
    """How well labelled images are segmented; None where there were none."""
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


# Of one rule; further findings are shown without previews.
_MOST_PICTURES = 12
# A fault in many places: beyond these, they are behind a click.
_FIRST_PLACES = 6


def findings(model: ModelView) -> Data:
    """Findings by rule, with previews of their tiles."""
    found = model.plain["findings"]
    severities = [name for name, number in model.severities.items() if number]
    return {"groups": _groups(model, found, "findings"), "severities": severities}


def waived(model: ModelView) -> Data | None:
    """Findings that a waiver accepts."""
    groups = _groups(model, model.plain["waived"], "waived")
    return {"groups": groups} if groups else None


def _groups(model: ModelView, found: Sequence[Mapping[str, Any]], kind: str) -> list[Data]:
    """Findings of the same rule and severity together, in the order of the report."""
    omitted = {each["code"]: each.get("omitted", 0) for each in model.plain["rules"]}
    places = {"findings": model.file.findings, "waived": model.file.waived}[kind]
    numbered = list(enumerate(zip(found, places, strict=True)))
    groups = []
    for (code, severity), group in groupby(
        numbered, key=lambda each: (each[1][0]["code"], each[1][0]["severity"])
    ):
        items = list(group)
        rule = catalogue()[code]
        groups.append(
            {
                **explain(rule),
                "severity": severity,
                "kind": kind,
                "first": _FIRST_PLACES if len(items) > _FIRST_PLACES + 1 else len(items),
                "omitted": omitted.get(code, 0) if kind == "findings" else 0,
                "places": [
                    {
                        "json": model.path(f"{kind}.{number}"),
                        "severity": severity,
                        "place": plain_json(str(finding.at)),
                        "message": plain["message"],
                        "waiver": plain.get("waiver"),
                        "shown": _evidence(model, plain) if place < _MOST_PICTURES else [],
                    }
                    for place, (number, (plain, finding)) in enumerate(items)
                ],
            }
        )
    return groups


def _evidence(model: ModelView, finding: Mapping[str, Any]) -> list[Data]:
    """The tile that a finding is about, and the one that it was compared with."""
    at = finding["location"]
    if at["kind"] != "pixel" or at["tile"] not in model.previews:
        return []
    mark = None if at["row"] is None else {"row": at["row"], "column": at["column"]}
    shown: list[Data] = [{"preview": model.previews[at["tile"]], "mark": mark}]
    other = model.previews.get(str(finding["fields"].get("other")))
    if other is not None:
        shown.append({"preview": other, "mark": mark})
    return shown


def unchecked(model: ModelView) -> Data | None:
    """Rules that crashed, and rules that could not be checked, by the reason."""
    crashed = [
        {**each, "title": catalogue()[each["code"]].title}
        for each in model.plain["rules"]
        if each["status"] == "crashed"
    ]
    groups = [
        {"reason": plain_json(reason), "codes": codes, "ranges": ranges(codes)}
        for reason, codes in phrases.unchecked(model.file).items()
    ]
    return {"crashed": crashed, "groups": groups} if crashed or groups else None


def model_data(model: ModelView) -> Data | None:
    """Metadata and members."""
    inspection = plain_json(dict(model.file.inspection or {}))
    if not inspection.get("metadata"):
        return None
    return {"metadata": inspection["metadata"], "members": inspection["members"]}


def tiles(model: ModelView) -> Data | None:
    """The test tiles, with the network's outputs."""
    shown = [each for each in model.previews.values() if each.is_test_tile]
    if not shown:
        return None

    steps = ", ".join("#{:02x}{:02x}{:02x}".format(*each) for each in confidence_colours(9))
    return {
        "natural": [each for each in shown if each.natural],
        "patterns": [each for each in shown if not each.natural],
        "classes": classes_of(model.file),
        "ramp": f"linear-gradient(to right, {steps})",
        "broken": any(each.not_numbers for each in shown),
    }


def sums(model: ModelView) -> Data | None:
    """The histogram of the sums of probabilities."""
    gallery = model.file.gallery
    if gallery is None:
        return None

    counts = _added(gallery)
    not_numbers = sum(each.not_numbers for each in gallery.tiles)
    if not sum(counts) and not not_numbers:
        return None
    limits = [*(-each for each in SUM_LIMITS[::-1]), *SUM_LIMITS]
    middle, beyond = len(SUM_LIMITS), SUM_LIMITS.index(1e-3) + 1
    names = [f"less than {limits[0]:+g}"]
    names += [f"{low:+g} to {high:+g}" for low, high in pairwise(limits)]
    names.append(f"more than {limits[-1]:+g}")
    rows = [
        {"name": name, "count": counts[place], "outside": abs(place - middle) >= beyond}
        for place, name in enumerate(names)
    ]
    outside = sum(each for place, each in enumerate(counts) if abs(place - middle) >= beyond)
    sentence = "All pixels are within it" if not outside else f"{outside:,} pixels are not"
    changed = {
        each["key"]: each["value"]
        for each in (model.plain["configuration"] or {}).get("changed", ())
    }
    if (accepted := changed.get("tolerances.sum")) is not None:
        sentence += f"; the configuration accepts {accepted:g}"
    if not_numbers:
        sentence += f"; at {not_numbers:,} there is no number"
    return {
        "chart": _markup(sums_chart(counts, f"{model.prefix}-sums-chart")),
        "rows": rows,
        "not_numbers": not_numbers,
        "sentence": f"{sentence}.",
    }


def _added(gallery: Gallery) -> list[int]:
    """Sums of all test tiles."""
    tiles = [tile.sums for tile in gallery.tiles if tile.sums]
    return [sum(each) for each in zip(*tiles, strict=True)]


def border(model: ModelView) -> Data | None:
    """How far the border reaches."""
    run = model.plain["looked_at"].get("run", {})
    measured = run.get("border")
    if measured is None:
        return None

    kinds = {
        "local": "",
        "global-input": "Every output depends on whole-tile statistics; their influence is excluded"
        " here.",
        "global-inside": "The network uses the whole tile at once, so no border makes tiles fit"
        " together.",
    }
    return {
        "border": measured,
        "offsets": run.get("offsets"),
        "sentence": kinds[measured["kind"]],
        "chart": _markup(border_chart(measured, f"{model.prefix}-border-chart")),
    }


_VARIATIONS = {
    "again": "The same tile a second time",
    "fresh": "In a fresh process",
    "batch": "In a batch with another tile",
    "scaled": "Intensities scaled to 0..1",
    "colours": "Red and blue exchanged",
}


def behaviour(model: ModelView) -> Data | None:
    """Outputs compared with each other."""
    run = model.plain["looked_at"].get("run", {})
    measured = run.get("behaviour", {})
    base = "looked_at.run."
    rows = [
        {
            "name": title,
            "labels": f"{base}behaviour.{name}.labels",
            "change": f"{base}behaviour.{name}.difference",
        }
        for name, title in _VARIATIONS.items()
        if name in measured
    ]
    others = {"runtime": "In the other runtime", "baseline": "Reference outputs of the baseline"}
    rows += [
        {
            "name": f"{title} (worst of {run[name]['tiles']} tiles)",
            "labels": f"{base}{name}.agreement",
            "change": f"{base}{name}.change",
        }
        for name, title in others.items()
        if name in run
    ]
    if not rows:
        return None
    return {
        "rows": rows,
        "tile": measured.get("tile"),
        "orientation": measured.get("orientation"),
    }


def run(model: ModelView) -> Data:
    """Environment, cost and configuration."""
    looked_at = model.plain["looked_at"]
    configuration = model.plain["configuration"] or {}
    settings = {
        "Configuration": configuration.get("file"),
        "Profile": configuration.get("profile"),
        "Level": model.level,
        "Target": configuration.get("target", model.options["target"]),
        "Fails on": configuration.get("fail_on", model.options["fail_on"]),
        "Selected rules": model.options["select"] or "all",
        "Ignored rules": model.options["ignore"],
        "Admitted operations": model.options["allow_op"],
    }
    return {
        "run": looked_at.get("run"),
        "evaluation": looked_at.get("evaluation"),
        "evidence": looked_at.get("evidence"),
        "settings": settings,
        "changed": configuration.get("changed", ()),
        "waivers": configuration.get("waivers", ()),
    }


def rules(model: ModelView) -> Data:
    """Every rule and how it ended, by level."""
    ended = {each["code"]: each for each in model.plain["rules"]}
    levels = []
    for level in Level:
        of_level = [
            {
                "code": code,
                "title": rule.title,
                "url": rule.url,
                "status": ended[code]["status"],
                "mark": model.marks.get(code, ended[code]["status"]),
                "reason": ended[code].get("reason", ""),
            }
            for code, rule in catalogue().items()
            if rule.level is level and code in ended
        ]
        if of_level:
            levels.append({"name": level.value, "rules": of_level})
    chosen = sum(each.get("cause") == "choice" for each in ended.values())
    return {
        "levels": levels,
        "count": len(ended),
        "chosen": f"{chosen} were left out by choice, or do not apply to this file."
        if chosen
        else "",
    }


def _markup(svg: str) -> Any:
    return Markup(svg)  # noqa: S704 - drawn by us from numbers


SECTIONS = (
    Section("findings", "Findings", findings),
    Section("unchecked", "Not checked", unchecked),
    Section("waived", "Waived findings", waived),
    Section("model", "Model", model_data),
    Section("evaluation", "Labelled images", evaluation),
    Section("tiles", "Test tiles", tiles),
    Section("sums", "Sums of probabilities", sums),
    Section("border", "Border", border),
    Section("behaviour", "Run again", behaviour),
    Section("network", "Network", network_data),
    Section("run", "Run and configuration", run),
    Section("rules", "Rules", rules),
)
