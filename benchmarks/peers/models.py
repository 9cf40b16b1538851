"""The network that is measured, in the forms in which other programs take it."""

from __future__ import annotations

import json
import shutil
import uuid
import zipfile
from pathlib import Path

CLASSES = ("Background", "Nucleus")


def write_czann(network: Path, onnx: Path, tile: int, border: int) -> Path:
    """Pack a network as a `.czann`.

    Args:
        network: Its SavedModel's folder; the archive gets a name beside it.
        onnx: The same network as ONNX.
        tile: Pixels along a side of a tile.
        border: Pixels that are cut off each side of an answer.

    Returns:
        The archive.
    """
    described = {
        "FormatVersion": "2.1.0",
        "Id": str(uuid.uuid4()),
        "Type": "SingleClassSemanticSegmentation",
        "InputShape": [tile, tile, 1],
        "OutputShape": [tile, tile, len(CLASSES)],
        "MinOverlap": [2 * border, 2 * border],
        "Classes": list(CLASSES),
        "ModelName": network.name,
    }
    path = network.with_name(f"{network.name}.czann")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", json.dumps(described))
        archive.write(onnx, "model.model")
    return path


def write_description(network: Path, tile: int, border: int, tensorflow: str) -> Path:
    """Describe a network as the BioImage Model Zoo does, with its SavedModel for weights.

    Args:
        network: Its SavedModel's folder; the description gets a folder beside it.
        tile: Pixels along a side of a tile.
        border: Pixels that are cut off each side of an answer.
        tensorflow: The version that wrote it.

    Returns:
        The description, in YAML's subset that is JSON.
    """
    import numpy as np

    folder = network.with_name(f"{network.name}.bioimageio")
    folder.mkdir()
    shutil.make_archive(str(folder / "weights"), "zip", network)
    for name, channels, kind in (("image", 1, np.uint8), ("probabilities", 2, np.float32)):
        np.save(folder / f"{name}.npy", np.ones((1, tile, tile, channels), kind))
    (folder / "README.md").write_text("# A network to measure with\n", "utf-8")
    sides = ("y", "x")
    given = [{"type": "space", "id": side, "size": tile} for side in sides]
    answered = [
        {
            "type": "space",
            "id": side,
            "size": {"tensor_id": "image", "axis_id": side},
            "halo": border,
        }
        for side in sides
    ]
    description = {
        "type": "model",
        "format_version": "0.5.4",
        "name": "Network to measure with",
        "description": "A U-Net with weights drawn at random",
        "authors": [{"name": "The czcheck developers"}],
        "cite": [{"text": "Not published", "doi": "10.1007/978-3-319-24574-4_28"}],
        "license": "Apache-2.0",
        "documentation": "README.md",
        "inputs": [
            {
                "id": "image",
                "axes": [{"type": "batch"}, *given, {"type": "channel", "channel_names": ["gray"]}],
                "test_tensor": {"source": "image.npy"},
                "data": {"type": "uint8"},
                "preprocessing": [{"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}],
            }
        ],
        "outputs": [
            {
                "id": "probabilities",
                "axes": [
                    {"type": "batch"},
                    *answered,
                    {"type": "channel", "channel_names": [name.lower() for name in CLASSES]},
                ],
                "test_tensor": {"source": "probabilities.npy"},
                "data": {"type": "float32"},
            }
        ],
        "weights": {
            "tensorflow_saved_model_bundle": {
                "source": "weights.zip",
                "tensorflow_version": tensorflow,
            }
        },
    }
    path = folder / "rdf.yaml"
    path.write_text(json.dumps(description, indent=2), "utf-8")
    return path
