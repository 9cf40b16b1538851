"""What is inside an archive, as plain data."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from czcheck.archive.container import ContainerKind
from czcheck.errors import UnavailableError
from czcheck.planned.ends import binary_of, ending_of
from czcheck.rules.declaring import Level

if TYPE_CHECKING:
    from czcheck.model import Model
    from czcheck.network.facts import Network, Signature, TensorSpec
    from czcheck.network.reach import Share, StaticCost, StaticReach

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
    ContainerKind.KERAS: "Keras file",
    ContainerKind.OTHER: "ZIP archive without the members of a czmodel",
}
_LICENCES = ("license", "licence", "copying")


def inspection(model: Model) -> dict[str, Any]:
    """Everything that can be read of an archive without running it, as plain data.

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
        "members": _members(model),
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


def as_far_as_read(model: Model, level: Level) -> dict[str, Any]:
    """The inspection of a file, as far as a check of a level has read it.

    Args:
        model: The opened archive, or a specification.
        level: Deepest level that was checked.

    Returns:
        As `inspection` does: `members`, `metadata` and `network`, None for what the file has not,
        or is not read at that level.
    """
    plain: dict[str, Any] = {"members": None, "metadata": None, "network": None}
    with suppress(UnavailableError):  # a specification has none
        plain["members"] = _members(model)
    if level.depth >= Level.METADATA.depth:
        plain["metadata"] = _or_fault(_metadata, model)
    if level.depth >= Level.NETWORK.depth:
        try:
            plain["network"] = _or_fault(_network, model)
        except Exception as error:  # noqa: BLE001 - the rule that reads the same says it crashed
            plain["network"] = {"fault": f"czcheck failed to read it: {type(error).__name__}"}
    return plain


def _members(model: Model) -> list[dict[str, Any]]:
    return [
        {
            "name": member.name,
            "size": member.size,
            "packed_size": member.packed_size,
            "sha256": member.sha256,
        }
        for member in model.archive.members
    ]


def _or_fault(read: Callable[[Model], dict[str, Any]], model: Model) -> dict[str, Any]:
    try:
        return read(model)
    except UnavailableError as error:
        return {"fault": str(error)}


def _payload(model: Model) -> dict[str, Any]:
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


def _metadata(model: Model) -> dict[str, Any]:
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


def _network(model: Model) -> dict[str, Any]:
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
        "binary": _binary(model),
        "reach": _reach(model.reach),
        "cost": _cost(model.cost),
        "operations": _operations(network),
        "assets": list(network.assets),
    }


def _binary(model: Model) -> dict[str, str] | None:
    """Names of the classes of p and 1 - p, where one channel p was made two."""
    try:
        names = [each.name for each in model.metadata.classes]
    except UnavailableError:
        return None
    binary = binary_of(ending_of(model.network), (), names)
    return None if binary is None else {"p": binary.p, "rest": binary.rest}


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


def whole_cost(cost: StaticCost) -> dict[str, Any]:
    """The whole cost of a tile, by the graph, as plain data."""
    return {
        "multiply_adds": cost.multiply_adds,
        "weight_bytes": cost.weight_bytes,
        "activation_bytes": cost.activation_bytes,
        "memory_bytes": cost.memory_bytes,
        "unknown": list(cost.unknown),
    }


def _cost(cost: StaticCost | None) -> dict[str, Any] | None:
    """The same, and each layer's part."""
    if cost is None:
        return None
    return {
        **whole_cost(cost),
        "layers": [_share(each) for each in cost.layers],
        "operations": [_share(each) for each in cost.operations],
    }


def _share(share: Share) -> dict[str, Any]:
    """What a layer or an operation costs."""
    return {
        "name": share.name,
        "operations": list(share.operations),
        "nodes": share.nodes,
        "multiply_adds": share.multiply_adds,
        "tensor_bytes": share.tensor_bytes,
    }


def _operations(network: Network) -> dict[str, dict[str, int]]:
    """Operations by the part of the file that holds them: `serving`, `saver`, `other`."""
    parts: dict[str, dict[str, int]] = {"serving": {}, "saver": {}, "other": {}}
    for use in network.operations:
        parts[use.where][use.op] = parts[use.where].get(use.op, 0) + use.count
    return {part: dict(sorted(counts.items())) for part, counts in parts.items()}
