"""What is refused of a file of Keras 1 or 2, in words, before anything is computed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from czcheck.building.keras2 import Groups, Reader, Writer, assign, snake_case, writer_of
from czcheck.building.keras2.export import export
from czcheck.errors import InputError

h5py = pytest.importorskip("h5py", reason="comes with Keras")


def layer(name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": name, "config": {"name": name.lower(), "trainable": True, **config}}


def row(*layers: dict[str, Any]) -> dict[str, Any]:
    first = layer("InputLayer", batch_input_shape=[None, 8, 8, 1])
    return {"class_name": "Sequential", "config": {"name": "row", "layers": [first, *layers]}}


def file_of(
    path: Path, weights: Mapping[str, Mapping[str, Any]] | None = None, **attributes: str
) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs.update({"keras_version": "2.15.0", "backend": "tensorflow", **attributes})
        groups = file.create_group("model_weights")
        for name, arrays in (weights or {}).items():
            group = groups.create_group(name)
            group.attrs["weight_names"] = [each.encode() for each in arrays]
            for each, array in arrays.items():
                group[each] = array
    return path


@pytest.mark.parametrize(
    ("version", "standalone", "name"),
    [
        ("2.2.4-tf", False, "tf.keras 2.2.4-tf"),
        ("2.3.1", True, "Keras 2.3.1"),
        ("2.4.0", False, "tf.keras 2.4.0"),
        ("2.15.0", False, "tf.keras 2.15.0"),
        ("1.2.2", True, "Keras 1.2.2"),
        ("", True, "a Keras that does not name its version"),
    ],
)
def test_a_version_says_which_of_the_two_kerases_wrote(
    version: str, standalone: bool, name: str, tmp_path: Path
) -> None:
    writer = writer_of(file_of(tmp_path / "m.h5", keras_version=version))
    assert (writer.standalone, writer.name, writer.is_old) == (standalone, name, True)
    assert "simple_save" in writer.way_out if standalone else "tf.saved_model" in writer.way_out


def test_keras_3_is_not_old() -> None:
    assert not Writer("3.0.0").is_old
    assert not Writer("10.1").is_old


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"keras_version": "1.2.2"}, r"is of Keras 1\.2\.2, whose files are not built"),
        ({"backend": "theano"}, r"is of tf\.keras 2\.15\.0 on theano, whose files"),
        ({"keras_version": "damaged"}, r"whose files are not built"),
    ],
)
def test_other_kerases_are_refused(
    attributes: dict[str, str], message: str, tmp_path: Path
) -> None:
    path = file_of(tmp_path / "m.h5", {}, **attributes)
    with pytest.raises(InputError, match=message):
        export(path, row(layer("ReLU")), writer_of(path), tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


def test_a_class_that_is_not_known_is_named_with_version_and_way_out() -> None:
    record = row({"class_name": "LocallyConnected2D", "config": {"name": "gone"}})
    with pytest.raises(InputError, match=r"tf\.keras 2\.15\.0.*'gone' \(LocallyC.*`ModelPath`"):
        Reader(Writer("2.15.0"), {}).read(record)


def test_models_in_models_have_an_end() -> None:
    record = row(layer("ReLU"))
    for _ in range(30):
        record = row(record)
    with pytest.raises(InputError, match="nested deeper than 20"):
        Reader(Writer("2.15.0"), {}).read(record)


def assigned(record: dict[str, Any], path: Path) -> Any:
    model = Reader(writer_of(path), {}).read(record)
    with h5py.File(path) as file:
        assign(model, Groups(file))
    return model


def test_weights_of_models_inside_come_trained_ones_first(tmp_path: Path) -> None:
    """Keras 2 writes those of a model together: what is trained, then statistics and the rest."""
    inner = row({**layer("Conv2D", trainable=False), "name": "conv"}, layer("BatchNormalization"))
    arrays = {
        "batchnormalization/gamma:0": np.ones(2),
        "batchnormalization/beta:0": np.full(2, 2.0),
        "conv/kernel:0": np.full((3, 3, 1, 2), 3.0),
        "conv/bias:0": np.full(2, 4.0),
        "batchnormalization/moving_mean:0": np.full(2, 5.0),
        "batchnormalization/moving_variance:0": np.full(2, 6.0),
    }
    inner["config"]["name"] = "inner"
    model = assigned(row(inner), file_of(tmp_path / "m.h5", {"inner": arrays}))
    conv, norm = model.layers[1].layers[1:]
    assert {name: array.flat[0] for name, array in conv.weights.items()} == {
        "kernel": 3, "bias": 4,
    }  # fmt: skip
    assert [norm.weights[name][0] for name in ("gamma", "beta", "moving_mean")] == [1, 2, 5]


def test_weights_in_an_order_that_does_not_fit_are_refused(tmp_path: Path) -> None:
    arrays = {"dense/bias:0": np.ones(2), "dense/kernel:0": np.ones((1, 2))}
    path = file_of(tmp_path / "m.h5", {"dense": arrays})
    with pytest.raises(InputError, match=r"the weight 'dense/bias:0' where dense/kernel belongs"):
        assigned(row(layer("Dense", units=2)), path)


def test_weights_of_other_files_are_not_read(tmp_path: Path) -> None:
    other = file_of(tmp_path / "other.h5", {"dense": {"kernel:0": np.ones((1, 2))}})
    path = file_of(tmp_path / "m.h5", {"dense": {}})
    with h5py.File(path, "r+") as file:
        group = file["model_weights/dense"]
        group.attrs["weight_names"] = [b"kernel:0"]
        group["kernel:0"] = h5py.ExternalLink(str(other), "model_weights/dense/kernel:0")
    with pytest.raises(InputError, match=r"no weight 'kernel:0', or has it in another file"):
        assigned(row(layer("Dense", units=2, use_bias=False)), path)


def test_names_of_groups_in_archives_are_those_of_classes() -> None:
    names = ("Conv2D", "BatchNormalization", "MultiHeadAttention", "UpSampling2D", "ReLU")
    assert [snake_case(each) for each in names] == [
        "conv2d", "batch_normalization", "multi_head_attention", "up_sampling2d", "re_lu",
    ]  # fmt: skip


def test_long_lists_of_names_are_put_together(tmp_path: Path) -> None:
    """HDF5 cuts attributes of more than 64 KiB; Keras 2 numbers the parts."""
    path = file_of(tmp_path / "m.h5", {"dense": {"dense/kernel:0": np.ones((1, 2))}})
    with h5py.File(path, "r+") as file:
        group = file["model_weights/dense"]
        group["dense/bias:0"] = np.zeros(2)
        del group.attrs["weight_names"]
        group.attrs["weight_names0"] = [b"dense/kernel:0"]
        group.attrs["weight_names1"] = [b"dense/bias:0"]
    model = assigned(row(layer("Dense", units=2)), path)
    assert set(model.layers[1].weights) == {"kernel", "bias"}


def test_arguments_that_nobody_knows_are_refused() -> None:
    model = Reader(Writer("2.15.0"), {}).read(row(layer("Dense", units=2, flavour="new")))
    arguments = model.layers[1].arguments
    with pytest.raises(InputError, match=r"units = 2, which is not built"):
        arguments.finish()
    arguments.whole("units")
    with pytest.raises(InputError, match=r"layer 'dense' \(Dense\) has flavour = new"):
        arguments.finish()


def test_descriptions_are_json_of_any_kind() -> None:
    records: tuple[Any, ...] = (None, [], {"class_name": 3}, {"class_name": "Model", "config": 3})
    for record in records:
        with pytest.raises(InputError, match="description of its layers is damaged"):
            Reader(Writer("2.15.0"), {}).read(json.loads(json.dumps(record)))
