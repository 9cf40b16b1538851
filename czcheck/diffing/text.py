"""A comparison of two releases as lines of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from czcheck.configuration.showing import configuration_text
from czcheck.diffing.json_form import diff_to_json
from czcheck.report.text import outcome_lines
from czcheck.text import Line, count, first_of, percent, shape_text, size_text, wrapped

if TYPE_CHECKING:
    from czcheck.diffing.record import DiffRecord

ARROW = "->"
MOST = 12
"""Weights, operations or tiles that are shown one by one."""

_NAME = 18
_MOST_CHARACTERS = 120


def diff_lines(diff: DiffRecord, *, quiet: bool = False) -> Iterator[Line]:
    """A comparison as lines of text, the verdict last.

    Args:
        diff: The comparison.
        quiet: Leave out what changed, and everything where nothing failed.

    Yields:
        Lines without line ends.
    """
    plain = diff_to_json(diff)
    if quiet and plain["exit_code"] == 0:
        return
    yield Line(f"{plain['before']['path']} {ARROW} {plain['after']['path']}", "heading")
    if not quiet:
        for heading, lines_of in _SECTIONS.items():
            yield from _section(heading, plain, lines_of)
    if diff.findings or diff.waived:
        yield Line("findings", "heading")
    yield from outcome_lines(diff)
    if configuration := configuration_text(diff.configuration or {}):
        yield from wrapped(f"configuration: {configuration}", "  ")
    options = plain["options"]
    yield Line(
        f"czcheck {plain['tool']['version']}: {verdict_text(plain)} (level {options['level']},"
        f" fails on {options['fail_on']})",
        plain["verdict"],
    )


def diff_text(diff: DiffRecord) -> str:
    """A comparison as plain text, each line with its end."""
    return "".join(f"{line.text}\n" for line in diff_lines(diff))


def verdict_text(plain: dict[str, Any]) -> str:
    """Verdict and comparison of the outputs in a few words.

    Args:
        plain: What `Diff.to_json` returned.
    """
    outputs = {True: "same outputs", False: "different outputs", None: "outputs not compared"}
    words = outputs[plain["equal"]]
    if plain["same_file"]:
        words += ", the same file"
    findings = plain["findings"]
    if findings:
        words += f", {count(len(findings), 'finding')}"
    return f"{plain['verdict'].upper()}: {words}"


def _section(
    heading: str, plain: dict[str, Any], lines_of: Callable[[dict[str, Any]], Iterator[Line]]
) -> Iterator[Line]:
    yield Line(heading, "heading")
    part = plain.get(_KEYS.get(heading, heading))
    if part is not None and "fault" in part:
        yield from wrapped(f"not known: {part['fault']}", "  ", "skipped")
        return
    lines = list(lines_of(plain))
    yield from lines or [Line("  nothing changed")]


def _row(name: str, value: str, style: str = "", swatch: str = "") -> Line:
    return Line(f"  {name:<{_NAME}} {value}", style, swatch)


def shown(value: Any) -> str:
    """A value of a field for people; a long one is cut.

    Args:
        value: The value; None if there is none.
    """
    if value is None:
        return "(none)"
    text = str(value) or "(empty)"
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 3]}..."


def _changes(changes: list[dict[str, Any]]) -> Iterator[Line]:
    for change in changes:
        name, old, new = change["name"], shown(change["before"]), shown(change["after"])
        if len(name) <= _NAME and len(old) + len(new) < _MOST_CHARACTERS // 2:
            yield _row(name, f"{old} {ARROW} {new}")
        else:
            yield Line(f"  {name}")
            yield Line(f"    before  {old}")
            yield Line(f"    after   {new}")


def _members(plain: dict[str, Any]) -> Iterator[Line]:
    for change in plain["members"]["changes"]:
        word = "changed"
        if change["before"] is None or change["after"] is None:
            word = "added" if change["before"] is None else "removed"
        yield _row(word, change["name"])


def _metadata(plain: dict[str, Any]) -> Iterator[Line]:
    yield from _changes(plain["metadata"]["fields"])
    yield from _changes(plain["metadata"]["unknown"])
    for each in plain["metadata"]["classes"]:
        if not each["changes"]:
            continue
        sides = [side for side in (each["before"], each["after"]) if side is not None]
        values = [f"{side['label_value']} {side['name']} {side['color']}" for side in sides]
        what = "class " + ", ".join(each["changes"])
        yield _row(what, f" {ARROW} ".join(values))


def _network(plain: dict[str, Any]) -> Iterator[Line]:
    network = plain["network"]
    same = {
        True: "the same operations and connections",
        False: "different operations, attributes or connections",
        None: "not known",
    }
    yield _row("computes", same[network["computes_same"]])
    tiles = [shape_text(tile) for tile in network["tile"]]
    if tiles[0] != tiles[1]:
        yield _row("tile", f" {ARROW} ".join(tiles))
    yield from _changes(network["signature"])
    operations = [
        f"{each['op']} {each['before']} {ARROW} {each['after']}" for each in network["operations"]
    ]
    if operations:
        text = f"operations: {first_of(operations, MOST)}"
        yield from wrapped(text, "  ")
    for release, lacking in zip(("before", "after"), network["unknown_to_target"], strict=True):
        if lacking:
            text = f"{release}: not known to TensorFlow 2.0.0: {first_of(lacking, MOST)}"
            yield from wrapped(text, "  ")


def further(items: list[Any]) -> str:
    """How many items more than are shown there are."""
    return f" and {len(items) - MOST} more" if len(items) > MOST else ""


def weights_text(weights: dict[str, Any]) -> str:
    """What happened to the weights, in one sentence.

    Args:
        weights: `weights` of `Diff.to_json`.
    """
    counts = {state: number for state, number in weights["counts"].items() if number}
    parts = [f"{number} {state}" for state, number in counts.items()] or ["there are none"]
    text = ", ".join(parts)
    if weights["stored_otherwise"]:
        number = weights["stored_otherwise"]
        text += f"; {number} stored in another form (constant or variable)"
    if weights["relative"]:
        text += f"; together they moved by {part_text(weights['relative'])} of their norm"
    return text


def weight_text(weight: dict[str, Any]) -> str:
    """How far one weight moved, or what else happened to it.

    Args:
        weight: One of `weights` of `Diff.to_json`.
    """
    text = weight_form(weight)
    if weight["state"] == "changed":
        relative = weight["relative"]
        part = "" if relative is None else f" ({part_text(relative)})"
        text += f", norm {digits(weight['norm'])}{part}, at most {digits(weight['largest'])}"
    return text


def weight_form(weight: dict[str, Any]) -> str:
    """Dtype and shape of a weight, of both where they differ, and why it cannot be read."""
    sides = [side for side in (weight["before"], weight["after"]) if side is not None]
    text = f" {ARROW} ".join(dict.fromkeys(map(_form, sides)))
    faults = [side["fault"] for side in sides if side["fault"]]
    return f"{text}: {faults[0]}" if faults else text


def weight_name(weight: dict[str, Any]) -> str:
    """The name of a weight, or both where they differ."""
    names = [side["name"] for side in (weight["before"], weight["after"]) if side is not None]
    return f" {ARROW} ".join(dict.fromkeys(names))


def _form(side: dict[str, Any]) -> str:
    return f"{side['dtype']} {'x'.join(map(str, side['shape'])) or 'scalar'}"


def digits(value: Any) -> str:
    """A number at three digits; text as it is."""
    return value if isinstance(value, str) else f"{value:.3g}"


def part_text(part: Any) -> str:
    """A part of 1 in percent."""
    return part if isinstance(part, str) else percent(part)


def changed_weights(plain: dict[str, Any]) -> list[dict[str, Any]]:
    """The weights that are not the same, those that moved most first.

    Args:
        plain: What `Diff.to_json` returned.
    """
    found = [each for each in plain["weights"]["weights"] if each["state"] != "same"]
    return sorted(found, key=lambda each: -float(each["relative"] or 0))


def _weights(plain: dict[str, Any]) -> Iterator[Line]:
    weights = plain["weights"]
    yield from wrapped(weights_text(weights), "  ")
    found = changed_weights(plain)
    for each in found[:MOST]:
        yield Line(f"  {each['state']:<9} {weight_name(each)}: {weight_text(each)}")
    if further(found):
        yield Line(f"  {further(found).strip()}; `--format json` names them all")


def outputs_text(outputs: dict[str, Any]) -> str:
    """How far the outputs differ, in one sentence.

    Args:
        outputs: `answers` of `Diff.to_json`.
    """
    if outputs["other"] is not None:
        return f"not the same: {outputs['other']}"
    if outputs["proven"]:
        return "the same: equal graphs with equal weights; nothing was run"
    tiles = outputs["tiles"]
    differing = sum(each["differs"] for each in tiles)
    text = f"{count(len(tiles), 'tile')} compared, {differing} not the same"
    if tiles:
        part = outputs["labels_changed"] / max(1, outputs["pixels"])
        text += (
            f": {part_text(part)} of the labels change, a probability by at most"
            f" {digits(outputs['largest_change'])}"
        )
    if outputs["flat_tiles"]:
        flat = count(len(outputs["flat_tiles"]), "tile")
        text += f"; {flat} without contrast left out"
    return text


def _outputs(plain: dict[str, Any]) -> Iterator[Line]:
    outputs = plain["answers"]
    yield from wrapped(outputs_text(outputs), "  ")
    bad = [each for each in outputs["tiles"] if each["differs"]]
    bad.sort(key=lambda each: -each["labels_changed"] / max(1, each["pixels"]))
    for each in bad[:MOST]:
        part = part_text(each["labels_changed"] / max(1, each["pixels"]))
        worst = "  (largest difference)" if each["tile"] == outputs["worst_tile"] else ""
        change = digits(each["largest_change"])
        yield Line(f"  tile {each['tile']:<{_NAME}} labels {part:<9} probability {change}{worst}")
    if further(bad):
        yield Line(f"  {further(bad).strip()}; `--format json` names them all")
    if bad or outputs["other"]:
        for each in outputs["classes"]:
            dice = "no pixel has it" if each["dice"] is None else f"Dice {each['dice']:.4g}"
            pixels = count(each["pixels_changed"], "pixel")
            yield Line(f"  class {each['name']:<{_NAME - 1}} {dice}, {pixels} in one release alone")
    for each in outputs["unanswered"]:
        text = f"the {each['release']} release fails on the tile {each['tile']}: {each['reason']}"
        yield from wrapped(text, "  ")


def cost_rows(plain: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Size and cost: what, in the first release, in the second release.

    Args:
        plain: What `Diff.to_json` returned.
    """
    sides = plain["before"], plain["after"]
    rows: list[tuple[str, list[str]]] = [("file", [size_text(side["size"]) for side in sides])]
    if all(side["parameters"] is not None for side in sides):
        rows.append(("parameters", [f"{side['parameters']:,}" for side in sides]))
    costs = [side["cost"] for side in sides]
    if all(costs):
        adds = [f"{_large(cost['multiply_adds'])} per tile" for cost in costs]
        rows.append(("multiply-adds", adds))
        rows.append(("memory by graph", [size_text(cost["memory_bytes"]) for cost in costs]))
    measured = [run["cost"] for run in plain["answers"].get("runs", ()) if run and run["cost"]]
    if len(measured) == len(sides):
        seconds = [cost["tile_seconds"] or cost["first_tile_seconds"] for cost in measured]
        rows.append(("time, measured", [f"{each:.3g} s per tile" for each in seconds]))
        peaks = [cost["peak_bytes"] for cost in measured]
        if all(peaks):
            rows.append(("memory, measured", [size_text(peak) for peak in peaks]))
    for name, (old, new) in rows:
        yield name, old, new


def _large(value: int) -> str:
    """A large number for people: `78.6 million`."""
    for word, size in (("billion", 10**9), ("million", 10**6)):
        if value >= size:
            return f"{value / size:.3g} {word}"
    return f"{value:,}"


def _cost(plain: dict[str, Any]) -> Iterator[Line]:
    for name, old, new in cost_rows(plain):
        yield _row(name, old if old == new else f"{old} {ARROW} {new}")


# Headings are the keys of the plain data where that has them, but for these.
_KEYS = {"outputs": "answers"}
_SECTIONS: dict[str, Callable[[dict[str, Any]], Iterator[Line]]] = {
    "metadata": _metadata,
    "members": _members,
    "network": _network,
    "weights": _weights,
    "outputs": _outputs,
    "size and cost": _cost,
}
