"""Descriptions of layers as Keras 1 and 2 wrote them into HDF5 files, made readable for Keras 3.

Keras 3 loads such files, but for a few arguments that its layers no longer take though they said
nothing, and for a `Sequential` whose first layer tells the shape of the input.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

_CONVOLUTION = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")
# Arguments that other arguments of the same layer replace; Keras 2 wrote and never used them.
_UNUSED: dict[str, tuple[str, ...]] = {
    "SeparableConv1D": _CONVOLUTION,
    "SeparableConv2D": _CONVOLUTION,
    "DepthwiseConv2D": ("filters", *_CONVOLUTION),
}
# Layers that got `groups` in Keras 2 and lost it in Keras 3; 1 is what they all do.
_WITHOUT_GROUPS = (*_UNUSED, "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv1D")


def modernised(path: Path, folder: Path) -> Path:
    """A copy of a Keras 1 or 2 file that Keras 3 reads, or the file itself where it needs none.

    Args:
        path: The file.
        folder: Folder for the copy.
    """
    import h5py  # noqa: PLC0415 - comes with Keras

    if not h5py.is_hdf5(path):
        return path
    with h5py.File(path, "r") as file:
        text, version = file.attrs.get("model_config"), written_by(file)
    if text is None or version >= "3":
        return path
    config = json.loads(text)
    before = json.dumps(config)
    _modernise(config)
    after = json.dumps(config)
    if after == before:
        return path
    copy = folder / f"modernised{path.suffix}"
    shutil.copyfile(path, copy)
    with h5py.File(copy, "r+") as file:
        file.attrs["model_config"] = after
    return copy


def written_by(file: Any) -> str:
    """Version of Keras that wrote an opened HDF5 file; empty if it does not say."""
    found = file.attrs.get("keras_version", b"")
    return found.decode("ascii", "replace") if isinstance(found, bytes) else str(found)


def _modernise(config: Any) -> None:
    """Change a description of layers in place, those inside of layers too."""
    pending = [config]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, dict):
            pending.extend(value.values())
            name, inside = value.get("class_name"), value.get("config")
            if isinstance(inside, dict):
                _drop_unused(str(name), inside)
                layers = inside.get("layers")
                if name == "Sequential" and isinstance(layers, list):
                    _put_input_first(layers)


def _drop_unused(name: str, config: dict[str, Any]) -> None:
    for key in _UNUSED.get(name, ()):
        config.pop(key, None)
    if name in _WITHOUT_GROUPS and config.get("groups") == 1:
        del config["groups"]


def _put_input_first(layers: list[Any]) -> None:
    """Let a layer of its own tell the shape of the input."""
    first = layers[0] if layers and isinstance(layers[0], dict) else {}
    config = first.get("config")
    if first.get("class_name") == "InputLayer" or not isinstance(config, dict):
        return
    shape = config.pop("batch_input_shape", None)
    if shape is not None:
        given = {"batch_shape": shape, "dtype": "float32", "name": f"{config.get('name')}_input"}
        layers.insert(0, {"class_name": "InputLayer", "config": given})
