"""Builds what `keras_networks.py` or `kernel_networks.py` wrote, and unpacks what was built.

A script of its own, so that TensorFlow is imported once: `python lower_all.py FOLDER` takes
`FOLDER/<name>/` through the build's own steps (lower, fit, write, pack, unpack) to
`FOLDER/unpacked/<name>/`, and writes `FOLDER/lowered.json`.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import czcheck
from czcheck.archive import write_archive
from czcheck.building.lowering import fitting, objects
from czcheck.building.lowering import lower as lowering
from czcheck.errors import InputError
from czcheck.metadata import ModelMetadata, SegmentationClass, to_xml
from czcheck.network import SavedModelFolder, read_network
from czcheck.runtime.unpack import unpack

GUID = "3f1c7a52-9d0b-4c36-8f5e-2b7d64a0c911"


def archive_of(saved_model: bytes, path: Path) -> None:
    """Pack a lowered network as a build does."""
    classes = [SegmentationClass(i, f"class {i}", (i, 0, 0)) for i in (1, 2, 3)]
    metadata = ModelMetadata(GUID, "Test", tuple(classes), ("Bgr24",), "SplitRgb", 8)
    payload = io.BytesIO()
    files = {"saved_model.pb": saved_model, **objects.checkpoint()}
    write_archive(payload, sorted(files.items()), deflate=False)
    write_archive(
        path,
        [
            (f"modelid={GUID}", b""),
            (f"{GUID}.xml", to_xml(metadata)),
            (f"{GUID}.model", payload.getvalue()),
        ],
    )


def main(folder: Path) -> None:
    archives, unpacked = folder / "archives", folder / "unpacked"
    archives.mkdir()
    unpacked.mkdir()
    results: dict[str, Any] = {}
    for source in sorted(each.parent for each in folder.glob("*/saved_model.pb")):
        name = source.name
        network = read_network(SavedModelFolder(source))
        with np.load(folder / f"{name}.npz") as known:
            _, height, width, _ = known["tile"].shape
        try:
            lowered = lowering.lower(source, network.loader, tile=(height, width))
        except InputError as error:
            results[name] = {"refused": str(error)}
            continue
        lowered.graph_def = fitting.fit(lowered.graph_def, (height, width)).graph_def
        first = lowering.write_saved_model(lowered)
        archive = archives / f"{name}.czmodel"
        archive_of(first, archive)
        with czcheck.open(archive) as model:
            unpack(model.files, unpacked / name)
        again = lowering.lower(unpacked / name, "session")
        again.graph_def = fitting.fit(again.graph_def, None).graph_def
        with zipfile.ZipFile(archive) as packed:
            members = packed.namelist()
        results[name] = {
            "loader": network.loader,
            "twice": lowering.write_saved_model(again) == first,
            "rewrites": lowered.changes.rewrites,
            "functions": len(lowered.graph_def.library.function),
            "operations": Counter(node.op for node in lowered.graph_def.node),
            "members": members,
        }
    (folder / "lowered.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
