"""Composes networks and builds archives of them, in one process: TensorFlow is imported once.

`python -m benchmarks.target_sweep.building FIRST COUNT SEED FOLDER` writes, for each network that
its description makes, `FOLDER/<number>/` with `tile.npy`, `expected.npy`, and what was built,
`built/`, or why it was refused, `refused.txt`.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path

import numpy as np

import czcheck
from benchmarks.target_sweep.composing import UnfitError, compose
from benchmarks.target_sweep.drawing import draw
from czcheck.building.lowering import fitting, objects
from czcheck.building.lowering import lower as lowering
from czcheck.errors import InputError
from czcheck.metadata import ModelMetadata, SegmentationClass, to_xml
from czcheck.network import SavedModelFolder, read_network
from czcheck.runtime.unpack import unpack
from fixtures.archives import GUID, czmodel, saved_model_zip


def packed(saved_model: bytes, classes: int, channels: int) -> bytes:
    """An archive around a lowered network, as a build makes it.

    Args:
        saved_model: The bytes of `saved_model.pb`.
        classes: Number of the network's classes.
        channels: Channels of its input, 1 or 3.
    """
    named = tuple(SegmentationClass(i, f"class {i}", (i, 0, 0)) for i in range(1, classes + 1))
    colours = ("Bgr24", "SplitRgb") if channels == 3 else ("Gray16", "ConvertToMonochrome")
    metadata = ModelMetadata(GUID, "Drawn", named, colours[:1], colours[1], 4)
    files = {"saved_model.pb": saved_model, **objects.checkpoint()}
    return czmodel(to_xml(metadata), saved_model_zip(files))


def build(source: Path, folder: Path, classes: int, channels: int) -> str | None:
    """Build an archive as a build does, judge it statically, and unpack it.

    Args:
        source: The SavedModel.
        folder: Where to write `model.czmodel` and `built/`.
        classes: Number of the network's classes.
        channels: Channels of its input.

    Returns:
        Why it was refused; None if it was not.
    """
    network = read_network(SavedModelFolder(source))
    try:
        lowered = lowering.lower(source, network.loader)
        lowered.graph_def = fitting.fit(lowered.graph_def, None).graph_def
    except InputError as error:
        return f"build: {error}"
    archive = folder / "model.czmodel"
    archive.write_bytes(packed(lowering.write_saved_model(lowered), classes, channels))
    report = czcheck.verify(archive, level="network").files[0]
    errors = [each for each in report.findings if each.severity.value == "error"]
    if errors:
        return "verify: " + "; ".join(f"{each.code} {each.message}" for each in errors)
    with czcheck.open(archive) as model:
        unpack(model.files, folder / "built")
    return None


def main(first: int, count: int, seed: int, folder: Path) -> None:
    """Compose and build the networks of some numbers."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    for number, description in list(enumerate(draw(first + count, seed)))[first:]:
        place = folder / str(number)
        place.mkdir()
        (place / "description.json").write_text(json.dumps(description))
        try:
            tile, expected = compose(description, number, place / "source")
        except UnfitError as error:
            (place / "unfit.txt").write_text(str(error))
            continue
        np.save(place / "tile.npy", tile)
        np.save(place / "expected.npy", expected)
        try:
            refusal = build(
                place / "source", place, description["classes"], description["channels"]
            )
        except Exception:  # noqa: BLE001 - a fault of ours is a result
            (place / "fault.txt").write_text(traceback.format_exc())
            continue
        if refusal is not None:
            (place / "refused.txt").write_text(refusal)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
