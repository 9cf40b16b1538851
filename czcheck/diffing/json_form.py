"""A comparison of two releases as plain data, as `schemas/diff.schema.json` describes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from czcheck.diffing.record import Fault
from czcheck.report.inspection import whole_cost
from czcheck.report.json_form import finding_to_json, json_text, outcome_to_json, plain_json

if TYPE_CHECKING:
    from czcheck.changes.metadata import ClassChange, FieldChange, MetadataChange
    from czcheck.changes.network import NetworkChange
    from czcheck.changes.outputs import OutputsChange, ReleaseRun
    from czcheck.changes.weights import WeightChange, WeightsChange
    from czcheck.diffing.record import DiffRecord, ReleaseFile
    from czcheck.metadata.classes import SegmentationClass
    from czcheck.network.weights import Weight
    from czcheck.runtime.compare import TileComparison

DIFF_VERSION = "1.0"
Known = TypeVar("Known")


def diff_to_json(diff: DiffRecord) -> dict[str, Any]:
    """A comparison as plain data, whose text is safe to print."""
    options = diff.options
    plain: dict[str, Any] = plain_json(
        {
            "diff_version": DIFF_VERSION,
            "tool": {"name": "czcheck", "version": diff.tool_version},
            "options": {
                "level": options.level.value,
                "fail_on": options.fail_on.value,
                "select": options.select,
                "ignore": options.ignore,
                "allow_op": options.allow_op,
            },
            "verdict": diff.verdict.value,
            "exit_code": diff.exit_code,
            "equal": diff.equal,
            "same_file": diff.same_file,
            "before": _file(diff.before),
            "after": _file(diff.after),
            "members": _or_fault(diff.members, lambda known: {"changes": list(map(_field, known))}),
            "metadata": _or_fault(diff.metadata, _metadata),
            "network": _or_fault(diff.network, _network),
            "weights": _or_fault(diff.weights, _weights),
            "answers": _or_fault(diff.outputs, _outputs),
        }
    )
    if diff.configuration is not None:
        plain["configuration"] = plain_json(dict(diff.configuration))
    plain["findings"] = [finding_to_json(each) for each in diff.findings]
    plain["waived"] = [finding_to_json(each) for each in diff.waived]
    plain["rules"] = [outcome_to_json(each) for each in diff.outcomes]
    return plain


def diff_json(diff: DiffRecord) -> str:
    """A comparison as JSON text, with a line end at its end."""
    return json_text(diff_to_json(diff))


def _or_fault(known: Known | Fault, to_plain: Callable[[Known], dict[str, Any]]) -> dict[str, Any]:
    return {"fault": known.reason} if isinstance(known, Fault) else to_plain(known)


def _file(file: ReleaseFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "size": file.size,
        "sha256": file.sha256,
        "parameters": file.parameters,
        "cost": None if file.cost is None else whole_cost(file.cost),
    }


def _field(change: FieldChange) -> dict[str, Any]:
    return {"name": change.field, "before": change.before, "after": change.after}


def _metadata(change: MetadataChange) -> dict[str, Any]:
    return {
        "name": [change.before.name, change.after.name],
        "fields": list(map(_field, change.fields)),
        "unknown": list(map(_field, change.unknown)),
        "classes": list(map(_class_change, change.classes)),
    }


def _class_change(change: ClassChange) -> dict[str, Any]:
    return {
        "before": _class(change.before),
        "after": _class(change.after),
        "changes": change.words,
    }


def _class(each: SegmentationClass | None) -> dict[str, Any] | None:
    if each is None:
        return None
    color = "#{:02x}{:02x}{:02x}".format(*each.color)
    return {"label_value": each.label_value, "name": each.name, "color": color}


def _network(change: NetworkChange) -> dict[str, Any]:
    return {
        "tile": [None if tile is None else list(tile) for tile in change.tiles],
        "signature": list(map(_field, change.signature)),
        "operations": [
            {"op": each.op, "before": each.before, "after": each.after}
            for each in change.operations
        ],
        "computes_same": change.computes_same,
        "is_same": change.is_same,
        "unknown_to_target": change.lacking,
    }


def _weights(change: WeightsChange) -> dict[str, Any]:
    states = ("same", "changed", "reshaped", "added", "removed", "unread")
    return {
        "equal": change.equal,
        "counts": {state: sum(each.state == state for each in change.changes) for state in states},
        "stored_otherwise": sum(each.stored_otherwise for each in change.changes),
        "relative": change.relative,
        "weights": list(map(_weight_change, change.changes)),
    }


def _weight_change(change: WeightChange) -> dict[str, Any]:
    return {
        "state": change.state,
        "paired_by": change.paired_by,
        "before": _weight(change.before),
        "after": _weight(change.after),
        "norm": change.norm,
        "relative": change.relative,
        "largest": change.largest,
    }


def _weight(weight: Weight | None) -> dict[str, Any] | None:
    if weight is None:
        return None
    return {
        "name": weight.name,
        "kind": weight.kind,
        "dtype": weight.dtype,
        "shape": weight.shape,
        "sha256": weight.digest,
        "fault": weight.fault,
    }


def _outputs(change: OutputsChange) -> dict[str, Any]:
    worst = change.worst
    return {
        "equal": change.equal,
        "other": change.other,
        "proven": change.proven,
        "pixels": change.pixels,
        "labels_changed": change.labels,
        "largest_change": change.change,
        "worst_tile": None if worst is None else worst.tile,
        "tiles": list(map(_tile, change.tiles)),
        "flat_tiles": change.flat,
        "unanswered": [
            {"release": each.which, "tile": each.tile, "reason": each.reason}
            for each in change.missing
        ],
        "classes": [
            {"name": each.name, "pixels_changed": each.changed, "dice": each.dice}
            for each in change.classes
        ],
        "runs": list(map(_run, change.runs)),
    }


def _tile(tile: TileComparison) -> dict[str, Any]:
    found = tile.comparison
    at = found.at
    return {
        "tile": tile.tile,
        "differs": tile.differs,
        "tolerance": tile.tolerance,
        "pixels": found.pixels,
        "labels_changed": found.labels,
        "ties": found.ties,
        "largest_change": found.change,
        "at": None if at is None else {"row": at.row, "column": at.column},
    }


def _run(run: ReleaseRun | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "tensorflow": run.environment.tensorflow,
        "python": run.environment.python,
        **run.environment.backend_facts,
        "isolation": run.environment.isolation,
        "cost": None if run.cost is None else run.cost.to_json(),
    }
