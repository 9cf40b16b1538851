"""What is inside an archive: plain data, lines of text, HTML for a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from czcheck.archive.container import ContainerKind
from czcheck.errors import UnavailableError
from czcheck.report.escape import printable
from czcheck.report.text import Line

if TYPE_CHECKING:
    from czcheck.model import CzModel
    from czcheck.network.cost import StaticCost
    from czcheck.network.facts import Network, Signature, TensorSpec
    from czcheck.network.reach import StaticReach

# Section 4 of the format.
READ_BY = {
    "1": "ZEN blue up to 3.2, ZEN core up to 3.0",
    "3.0.0": "ZEN blue 3.2 and later, ZEN core 3.1 and later",
    "3.1.0": "ZEN blue 3.4 and later, ZEN core 3.3 and later",
}
_KINDS = {
    ContainerKind.CZMODEL: "czmodel archive",
    ContainerKind.CZANN: "czann archive: not supported yet",
    ContainerKind.SAVED_MODEL: "zipped SavedModel without metadata",
    ContainerKind.OTHER: "ZIP archive without the members of a czmodel",
}
_LICENCES = ("license", "licence", "copying")
_UNITS = ("bytes", "KiB", "MiB", "GiB")


def inspection(model: CzModel) -> dict[str, Any]:
    """Everything that can be read of an archive without running it, as plain data.

    Args:
        model: The opened archive.

    Returns:
        What is there; for `metadata` and `network`, a `fault` where they cannot be read.

    Raises:
        UnavailableError: The archive cannot be read at all.
    """
    container = model.container
    plain: dict[str, Any] = {
        "path": str(model.path),
        "size": model.archive.size,
        "sha256": model.sha256,
        "kind": container.kind.value,
        "about": _KINDS[container.kind],
        "members": [
            {
                "name": member.name,
                "size": member.size,
                "packed_size": member.packed_size,
                "sha256": member.sha256,
            }
            for member in model.archive.members
        ],
        "licences": [
            name for name in container.others if any(word in name.lower() for word in _LICENCES)
        ],
        "payload": None,
        "metadata": None,
        "network": None,
    }
    if container.kind is ContainerKind.CZMODEL:
        plain["payload"] = _or_fault(_payload, model)
        plain["metadata"] = _or_fault(_metadata, model)
        plain["network"] = _or_fault(_network, model)
    return plain


def _or_fault(read: Callable[[CzModel], dict[str, Any]], model: CzModel) -> dict[str, Any]:
    try:
        return read(model)
    except UnavailableError as error:
        return {"fault": str(error)}


def _payload(model: CzModel) -> dict[str, Any]:
    payload = model.payload
    files = payload.files
    return {
        "member": payload.member,
        "kind": payload.kind.value,
        "size": payload.size,
        "files": []
        if files is None
        else [{"name": name, "size": files.size(name)} for name in files.names],
    }


def _metadata(model: CzModel) -> dict[str, Any]:
    document = model.document
    if document.fault is not None:
        return {"fault": document.fault}
    if document.schema_faults:
        version = document.version
        return {
            "fault": f"breaks the schema of Model 3.0.0: {document.schema_faults[0].reason}",
            "version": version,
            "read_by": READ_BY.get(version or "", "unknown"),
        }
    metadata = model.metadata
    return {
        "version": metadata.version,
        "read_by": READ_BY.get(metadata.version, "unknown"),
        "id": metadata.model_id,
        "name": metadata.name,
        "status": metadata.status,
        "feature_extractor": metadata.feature_extractor,
        "postprocessing": metadata.postprocessing,
        "color_handling": metadata.color_handling,
        "pixel_types": list(metadata.pixel_types),
        "border_size": metadata.border_size,
        "classes": [
            {
                "label_value": each.label_value,
                "name": each.name,
                "color": "#{:02x}{:02x}{:02x}".format(*each.color),
            }
            for each in metadata.classes
        ],
        "unknown": [
            {"path": part.path, "kind": part.kind, "name": part.name, "text": part.text}
            for part in metadata.unknown
        ],
    }


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {
        "key": spec.key,
        "tensor": spec.tensor,
        "dtype": spec.dtype,
        "shape": None if spec.shape is None else list(spec.shape),
    }


def _signature(signature: Signature | None) -> dict[str, Any] | None:
    if signature is None:
        return None
    return {
        "name": signature.name,
        "inputs": [_tensor(spec) for spec in signature.inputs],
        "outputs": [_tensor(spec) for spec in signature.outputs],
    }


def _network(model: CzModel) -> dict[str, Any]:
    network = model.network
    if network.fault is not None:
        return {"fault": network.fault}
    return {
        "tensorflow": network.tensorflow_version,
        "tags": list(network.tags),
        "signature": _signature(network.serving),
        "other_signatures": [each.name for each in network.signatures if each != network.serving],
        "parameters": network.parameters,
        "weight_bytes": network.weight_bytes,
        "variables": sum(variable.captured for variable in network.variables),
        "nodes": network.nodes,
        "functions": network.functions,
        "ends_in": network.tail,
        "reach": _reach(model.reach),
        "cost": _cost(model.cost),
        "operations": _operations(network),
        "assets": list(network.assets),
    }


def _reach(reach: StaticReach) -> dict[str, Any]:
    """How far the network looks, by its graph."""
    cause = reach.because
    return {
        "kind": reach.kind,
        "bound": None if reach.bound is None else list(reach.bound),
        "stride": reach.stride,
        "because": None
        if cause is None
        else {"op": cause.op, "name": cause.name, "function": cause.function},
        "reason": reach.reason or None,
    }


def _cost(cost: StaticCost | None) -> dict[str, Any] | None:
    """What a tile costs, by the graph."""
    if cost is None:
        return None
    return {
        "multiply_adds": cost.multiply_adds,
        "weight_bytes": cost.weight_bytes,
        "activation_bytes": cost.activation_bytes,
        "memory_bytes": cost.memory_bytes,
        "unknown": list(cost.unknown),
    }


def _operations(network: Network) -> dict[str, dict[str, int]]:
    """Operations by the part of the file that holds them: `serving`, `saver`, `other`."""
    parts: dict[str, dict[str, int]] = {"serving": {}, "saver": {}, "other": {}}
    for use in network.operations:
        parts[use.where][use.op] = parts[use.where].get(use.op, 0) + use.count
    return {part: dict(sorted(counts.items())) for part, counts in parts.items()}


def size_text(size: int) -> str:
    """A size for people: `1.4 MiB`.

    Args:
        size: Bytes.
    """
    value = float(size)
    for unit in _UNITS[:-1]:
        if value < 1024:  # noqa: PLR2004 - the step between units
            return f"{size} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} {_UNITS[-1]}"


def shape_text(shape: list[int | None] | None) -> str:
    """A shape for people: `? x 1024 x 1024 x 1`.

    Args:
        shape: Sizes, None for an open one; None for an open rank.
    """
    if shape is None:
        return "of open rank"
    return " x ".join("?" if size is None else str(size) for size in shape)


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
    # Where the payload is no SavedModel, its line has said so.
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
            "ends in": network["ends_in"],
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
        found = f"not known: {reach['reason'] or 'not understood is ' + because}"
    else:
        kinds = {
            "local": "local",
            "global-input": f"statistics of the whole tile go in ({because})",
            "global-inside": f"the whole tile is looked at ({because})",
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
    import textwrap  # noqa: PLC0415 - only for people

    text = ", ".join(op if count == 1 else f"{op} x{count}" for op, count in counts.items())
    for line in textwrap.wrap(
        printable(text),
        100,
        initial_indent=f"  {name:<16} ",
        subsequent_indent=" " * 19,
        break_on_hyphens=False,
    ):
        yield Line(line)


def model_html(model: CzModel) -> str:
    """An opened model as HTML tables, for notebooks.

    Args:
        model: The opened archive.

    Returns:
        An HTML fragment.
    """
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
        rows.append(("Ends in", text(network["ends_in"])))
        rows.append(("Saved by", f"TensorFlow {text(network['tensorflow'])}"))
        parts.append(table(("Network", ""), rows))
    return "".join(parts)
