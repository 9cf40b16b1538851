"""The build's child process: `runtime/worker.py` with two more commands.

    export   path of a Keras file, into: folder to write a SavedModel to, custom_objects: module or
             None, search: folder in which it is looked for
    lower    path, loader, signature, tile [height, width] or None, into: folder to write to,
             before and after: operations to put around the network, maximum: intensity
             -> what was made, see `lower`

Writes the SavedModel `into/lowered`: the network as it goes into the archive; and, where the tile
size changed, `into/source`: the same at the source's own size, for comparison.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[3]))  # isolated mode leaves it out

from czcheck.errors import InputError
from czcheck.metadata.processing import Operation
from czcheck.runtime import worker


def export(runner: worker.Runner, request: dict[str, Any]) -> dict[str, Any]:
    """Export a Keras file as a SavedModel.

    Args:
        runner: The worker, with TensorFlow imported.
        request: See the module's text.

    Returns:
        `notes`, what the file leaves open, one sentence each.

    Raises:
        InputError: The file cannot be loaded.
    """
    from czcheck.building.lowering import keras_files  # noqa: PLC0415

    runner.unload()
    tile = request.get("tile")
    notes = keras_files.export(
        Path(request["path"]),
        Path(request["into"]),
        request.get("custom_objects"),
        request["search"],
        None if tile is None else (tile[0], tile[1]),
    )
    return {"notes": notes}


def lower(runner: worker.Runner, request: dict[str, Any]) -> dict[str, Any]:
    """Lower a SavedModel and write it.

    Args:
        runner: The worker, with TensorFlow imported.
        request: See the module's text.

    Returns:
        Shapes, names and counts of what was made.

    Raises:
        InputError: The network cannot be lowered, or not take the tile.
    """
    from czcheck.building.lowering import fitting  # noqa: PLC0415
    from czcheck.building.lowering import lower as lowering  # noqa: PLC0415
    from czcheck.building.lowering.attaching import attach  # noqa: PLC0415

    runner.unload()
    tile, into = request.get("tile"), Path(request["into"])
    before, after = (_operations(request.get(key)) for key in ("before", "after"))
    maximum = float(request.get("maximum", 1))
    requested = None if tile is None else (tile[0], tile[1])
    lowered = lowering.lower(
        Path(request["path"]), request["loader"], request["signature"], requested
    )
    unfitted = lowered.graph_def
    fitted = fitting.fit(unfitted, requested, int(request.get("multiple", 1)))
    if fitted.classes != 1 and any(each.name == "SigmoidToSoftmaxScores" for each in after):
        raise InputError(
            f"the network outputs {fitted.classes} channels, but SigmoidToSoftmaxScores takes one; "
            "remove it"
        )
    lowered.graph_def = made = attach(fitted.graph_def, before, after, maximum)
    _save(into / "lowered", lowering.write_saved_model(lowered))
    own_size = -1 not in fitted.source_tile
    resized = own_size and fitted.tile != fitted.source_tile
    if resized:
        own = fitting.fit(unfitted, None).graph_def
        lowered.graph_def = attach(own, before, after, maximum)
        _save(into / "source", lowering.write_saved_model(lowered))
    changes = lowered.changes
    return {
        "tile": list(fitted.tile),
        "source_tile": list(fitted.source_tile),
        "source_batch": fitted.source_batch,
        "channels": fitted.channels,
        "classes": lowering.static_shape(made, lowering.OUTPUT).dim[3].size,
        "resized": resized,
        "nodes_before": lowered.nodes_before,
        "nodes_after": count_nodes(made),
        "attributes": changes.attributes,
        "rewrites": changes.rewrites,
    }


def _operations(records: Any) -> tuple[Operation, ...]:
    return tuple(
        Operation(
            name=record["name"],
            mean=tuple(record["mean"]),
            std=tuple(record["std"]),
            factor=record["factor"],
        )
        for record in records or ()
    )


def count_nodes(graph_def: Any) -> int:
    """Nodes of a graph, those of functions included."""
    inside = sum(len(function.node_def) for function in graph_def.library.function)
    return len(graph_def.node) + inside


def _save(folder: Path, data: bytes) -> None:
    from czcheck.building.lowering import objects  # noqa: PLC0415

    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(data)
    for name, content in objects.checkpoint().items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    worker.end(worker.main({"export": export, "lower": lower}))
