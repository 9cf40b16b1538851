"""The network on the HTML page: its receptive field, its layers, its operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from czcheck.report.html_figures import TIMES
from czcheck.report.json_form import plain_json

if TYPE_CHECKING:
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
