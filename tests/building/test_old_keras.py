"""What Keras 2 wrote into HDF5 files and Keras 3 does not read, without Keras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from czcheck.building.old_keras import modernised

h5py = pytest.importorskip("h5py", reason="comes with Keras")


def layer(name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": name, "config": {"name": name.lower(), **config}}


def model(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "model", "layers": list(layers)}}


def file_of(path: Path, config: dict[str, Any], version: str) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = version
    return path


def read(path: Path) -> Any:
    with h5py.File(path) as file:
        return json.loads(file.attrs["model_config"])


def test_arguments_without_a_meaning_are_left_out(tmp_path: Path) -> None:
    old = model(
        layer("Conv2D", batch_input_shape=[None, 32, 32, 1], groups=1, kernel_initializer="x"),
        layer("SeparableConv2D", groups=1, kernel_initializer="x", depthwise_initializer="y"),
        layer("Conv2DTranspose", groups=2),
    )
    path = file_of(tmp_path / "old.h5", old, "2.2.4-tf")
    before = path.read_bytes()
    (tmp_path / "new").mkdir()
    found = modernised(path, tmp_path / "new")
    assert read(found) == model(
        {
            "class_name": "InputLayer",
            "config": {
                "batch_shape": [None, 32, 32, 1], "dtype": "float32", "name": "conv2d_input",
            },
        },
        layer("Conv2D", groups=1, kernel_initializer="x"),
        layer("SeparableConv2D", depthwise_initializer="y"),
        layer("Conv2DTranspose", groups=2),
    )  # fmt: skip
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", ["2.15.0", "3.15.1"])
def test_what_can_be_read_stays_where_it_is(version: str, tmp_path: Path) -> None:
    first = layer("InputLayer", batch_input_shape=[None, 32, 32, 1])
    path = file_of(tmp_path / "old.h5", model(first, layer("Conv2D", groups=1)), version)
    assert modernised(path, tmp_path) == path
    assert [each.name for each in tmp_path.iterdir()] == ["old.h5"]
