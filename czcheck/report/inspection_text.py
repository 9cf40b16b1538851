"""An inspection as lines of text, and as HTML for a notebook."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from czcheck.archive.container import ContainerKind
from czcheck.errors import UnavailableError
from czcheck.report.inspection import inspection
from czcheck.text import Line, printable, shape_text, size_text

if TYPE_CHECKING:
    from czcheck.model import Model


def _rows(rows: dict[str, str]) -> Iterator[Line]:
    for name, value in rows.items():
        yield Line(f"  {name:<16} {printable(value)}")


def inspection_lines(plain: dict[str, Any]) -> Iterator[Line]:
    """An inspection as lines of text.

    Args:
        plain: What `inspection` returned.

    Yields:
        Lines without line ends; those of classes carry their colour.
    """
    yield Line(f"{printable(plain['path'])}: {plain['about']}", "heading")
    yield from _rows({"size": size_text(plain["size"]), "sha256": plain["sha256"]})
    yield Line("members", "heading")
    for member in plain["members"]:
        digest = (member["sha256"] or "cannot be unpacked")[:16]
        yield Line(f"  {size_text(member['size']):>12}  {digest}  {printable(member['name'])}")
    if (payload := plain["payload"]) is not None:
        yield from _payload_lines(payload)
    if (metadata := plain["metadata"]) is not None:
        yield from _metadata_lines(metadata)
    # Where the payload is no SavedModel, its line states that.
    if (network := plain["network"]) is not None and payload and payload.get("files"):
        yield from _network_lines(network)
    if plain["kind"] == ContainerKind.CZMODEL.value:
        licences = ", ".join(plain["licences"]) or "none in the archive"
        yield from _rows({"licence": licences})


def _payload_lines(payload: dict[str, Any]) -> Iterator[Line]:
    if "fault" in payload:
        yield Line(f"payload: {printable(payload['fault'])}", "error")
        return
    yield Line(f"payload: {payload['kind']}, {size_text(payload['size'])}", "heading")
    for file in payload["files"]:
        yield Line(f"  {size_text(file['size']):>12}  {printable(file['name'])}")


def _metadata_lines(metadata: dict[str, Any]) -> Iterator[Line]:
    if "fault" in metadata:
        yield Line(f"metadata: {printable(metadata['fault'])}", "error")
        if metadata.get("version"):
            version = {"version": metadata["version"], "read by": metadata["read_by"]}
            yield from _rows(version)
        return
    yield Line("metadata", "heading")
    yield from _rows(
        {
            "version": metadata["version"],
            "read by": metadata["read_by"],
            "id": metadata["id"],
            "name": metadata["name"],
            "status": metadata["status"],
            "pixel type": ", ".join(metadata["pixel_types"]),
            "color handling": metadata["color_handling"],
            "border size": f"{metadata['border_size']} pixels",
            "postprocessing": metadata["postprocessing"] or "none",
        }
    )
    for each in metadata["classes"]:
        text = f"class {each['label_value']:<4} {each['color']}  {printable(each['name'])}"
        yield Line(f"  {text}", swatch=each["color"])
    for part in metadata["unknown"]:
        yield Line(f"  unknown {part['kind']} {printable(part['name'])} at {part['path']}", "note")


def _ends_in(network: dict[str, Any]) -> str:
    """What the network ends in, with the classes of p and 1 - p where it has them."""
    ending: str = network["ends_in"]
    if binary := network["binary"]:
        ending += f" (p: {printable(binary['p'])}, 1 - p: {printable(binary['rest'])})"
    return ending


def _network_lines(network: dict[str, Any]) -> Iterator[Line]:
    if "fault" in network:
        yield Line(f"network: {printable(network['fault'])}", "error")
        return
    yield Line("network", "heading")
    signature = network["signature"] or {"name": "none", "inputs": [], "outputs": []}
    rows = {"saved by": f"TensorFlow {network['tensorflow']}", "signature": signature["name"]}
    yield from _rows(rows)
    for side in ("inputs", "outputs"):
        for spec in signature[side]:
            value = f"{spec['key']}: {spec['dtype']} {shape_text(spec['shape'])}"
            yield from _rows({side[:-1]: value})
    yield from _rows(
        {
            "ends in": _ends_in(network),
            "parameters": f"{network['parameters']:,} ({size_text(network['weight_bytes'])})",
            "variables": f"{network['variables']} captured by the signature",
            "graph": f"{network['nodes']} nodes, {network['functions']} functions",
        }
    )
    yield from _rows(_looks_and_costs(network))
    names = {
        "serving": "operations",
        "saver": "saver only",
        "other": "not reached",
    }
    for part, counts in network["operations"].items():
        if counts:
            yield from _operation_lines(names[part], counts)


def _looks_and_costs(network: dict[str, Any]) -> dict[str, str]:
    """Rows on how far the network looks and what a tile costs."""
    reach, cost = network["reach"], network["cost"]
    node = reach["because"]
    because = "" if node is None else f"{node['op']}, node {node['name']}"
    if reach["kind"] == "unknown":
        found = f"not known: {reach['reason'] or 'unknown operation: ' + because}"
    else:
        kinds = {
            "local": "local",
            "global-input": f"depends on whole-tile statistics ({because})",
            "global-inside": f"the whole tile ({because})",
        }
        found = kinds[reach["kind"]]
        if reach["bound"] is not None:
            top, bottom, left, right = reach["bound"]
            most = max(reach["bound"])
            size = f"{top + bottom + 1} x {left + right + 1}"
            found = f"{size} pixels, at most {most} from an edge; {found}"
    rows = {"receptive field": found, "stride": f"{reach['stride']} pixels"}
    if reach["stride"] == 1:
        rows["stride"] = "1 pixel"
    if cost is not None:
        more = f", without {', '.join(cost['unknown'])}" if cost["unknown"] else ""
        rows["multiply-adds"] = f"{cost['multiply_adds']:,} for each tile{more}"
        rows["memory"] = (
            f"about {size_text(cost['memory_bytes'])} for each tile: weights"
            f" {size_text(cost['weight_bytes'])}, tensors {size_text(cost['activation_bytes'])}"
        )
    return rows


def _operation_lines(name: str, counts: dict[str, int]) -> Iterator[Line]:
    text = ", ".join(op if count == 1 else f"{op} x{count}" for op, count in counts.items())
    for line in textwrap.wrap(
        printable(text),
        100,
        initial_indent=f"  {name:<16} ",
        subsequent_indent=" " * 19,
        break_on_hyphens=False,
    ):
        yield Line(line)


def model_html(model: Model) -> str:
    """An opened model as HTML tables, for notebooks."""
    from czcheck.report.notebook import table, text  # noqa: PLC0415

    try:
        plain = inspection(model)
    except UnavailableError as error:
        return f"<p><b>{text(model.path)}</b>: {text(error)}</p>"
    parts = [f"<p><b>{text(plain['path'])}</b>: {text(plain['about'])}</p>"]
    metadata = plain["metadata"] or {}
    if "fault" in metadata:
        parts.append(f"<p>metadata: {text(metadata['fault'])}</p>")
    elif metadata:
        rows = [
            ("Name", text(metadata["name"])),
            ("Id", text(metadata["id"])),
            ("Version", f"{text(metadata['version'])} ({text(metadata['read_by'])})"),
            ("Pixel type", text(", ".join(metadata["pixel_types"]))),
            ("Color handling", text(metadata["color_handling"])),
            ("Border size", f"{metadata['border_size']} pixels"),
        ]
        parts.append(table(("Metadata", ""), rows))
        swatch = '<span style="background:{0};padding:0 1em">&nbsp;</span> {0}'
        parts.append(
            table(
                ("Label", "Class", "Colour"),
                [
                    (str(each["label_value"]), text(each["name"]), swatch.format(each["color"]))
                    for each in metadata["classes"]
                ],
            )
        )
    network = plain["network"] or {}
    if "fault" in network:
        parts.append(f"<p>network: {text(network['fault'])}</p>")
    elif network:
        signature = network["signature"] or {"inputs": [], "outputs": []}
        rows = [
            (side[:-1].capitalize(), text(f"{spec['key']}: {shape_text(spec['shape'])}"))
            for side in ("inputs", "outputs")
            for spec in signature[side]
        ]
        rows.append(("Parameters", f"{network['parameters']:,}"))
        rows.append(("Ends in", text(_ends_in(network))))
        rows.append(("Saved by", f"TensorFlow {text(network['tensorflow'])}"))
        parts.append(table(("Network", ""), rows))
    return "".join(parts)
