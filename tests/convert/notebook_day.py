"""What a notebook does with the layers and the convert functions; prints what came out as JSON.

`python notebook_day.py FOLDER` works in the folder. Nothing here is judged: the tests do that.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from children import forked_builds, start

import czcheck
from czcheck import ModelMetadata, ModelSpec
from czcheck.convert import convert_from_json_spec, convert_from_model_spec
from czcheck.limits import DEFAULT_LIMITS
from czcheck.runtime.unpack import unpack

RNG = np.random.default_rng(0)
MEAN, STD = [100.0, 200.0, 300.0], [3.0, 5.0, 7.0]


def apart(one: Any, other: Any) -> float:
    """Largest difference; infinite where the shapes differ."""
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        return float("inf")
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max())


def message_of(call: Any) -> str:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - which one is what is asked
        return f"{type(error).__name__}: {error}"
    return "no error"


def layers_alone() -> dict[str, Any]:
    """Each layer against TensorFlow's own operations, on raw intensities."""
    raw = RNG.uniform(0, 65535, (2, 9, 7, 3)).astype(np.float32)
    flat = np.full((1, 8, 8, 1), 7, np.float32)
    alpha = RNG.uniform(0, 255, (1, 5, 4, 4)).astype(np.float32)
    scores = RNG.random((1, 5, 4, 1), np.float32)
    integers = RNG.integers(0, 256, (1, 8, 8, 3), np.uint8)
    standard = czcheck.PerImageStandardization()
    red, green, blue, opacity = np.moveaxis(alpha, -1, 0)
    half = czcheck.PerImageStandardization(dtype="mixed_float16")(raw)
    return {
        "standardisation": apart(standard(raw), tf.image.per_image_standardization(raw)),
        "standardisation_flat": apart(standard(flat), np.zeros_like(flat)),
        "standardisation_integers": apart(
            standard(integers), tf.image.per_image_standardization(integers)
        ),
        "standardisation_half": apart(half, tf.image.per_image_standardization(raw)),
        "half_type": half.dtype.name,
        "rgb": apart(czcheck.RgbToBgr()(raw), tf.reverse(raw, [-1])),
        "rgba": apart(czcheck.RgbaToBgra()(alpha), np.stack([blue, green, red, opacity], axis=-1)),
        "normalisation": apart(
            czcheck.Normalization(MEAN, STD)(raw), (raw - tf.constant(MEAN)) / tf.constant(STD)
        ),
        "normalisation_one_for_all": apart(czcheck.Normalization(10, [2])(raw), (raw - 10.0) / 2.0),
        "scores": apart(
            czcheck.SigmoidToSoftmaxScores()(scores), tf.concat([scores, 1 - scores], -1)
        ),
    }


def colour_network(*size: int | None) -> Any:
    """One sigmoid channel from three, with pooling, so that sizes have to be even."""
    tile = keras.Input((*size, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(tile)
    x = keras.layers.UpSampling2D(2)(keras.layers.MaxPooling2D(2)(x))
    x = keras.layers.Concatenate()([x, tile])
    return keras.Model(tile, keras.layers.Conv2D(1, 1, activation="sigmoid")(x))


def gray_network(*size: int | None) -> Any:
    """The notebook's: two convolutions behind a standardisation."""
    tile = keras.Input((*size, 1))
    x = czcheck.PerImageStandardization()(tile)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    return keras.Model(tile, keras.layers.Conv2D(2, 1, activation="softmax")(x))


class Subclassed(keras.Model):  # type: ignore[misc]
    """A model that does not say what its input is."""

    def __init__(self) -> None:
        super().__init__()
        self.last = keras.layers.Conv2D(2, 3, padding="same", activation="softmax")

    def call(self, tile: Any) -> Any:
        return self.last(tile)


def augmented(folder: Path) -> dict[str, Any]:
    """A model with layers that are active while it is trained, and that `export` leaves active."""
    tile = keras.Input((16, 16, 1))
    x = keras.layers.RandomFlip()(keras.layers.Rescaling(1 / 255)(tile))
    x = keras.layers.RandomRotation(0.3)(x)
    model = keras.Model(tile, keras.layers.Conv2D(2, 3, padding="same", activation="softmax")(x))
    pixels = RNG.uniform(0, 255, (1, 16, 16, 1)).astype(np.float32)
    expected = model.predict(pixels, verbose=0)
    metadata = ModelMetadata.from_params("SplitRgb", "Gray8", ["a", "b"], 1)
    made = convert_from_model_spec(ModelSpec(model, metadata), folder, "augmented", verify=False)
    model.export(str(folder / "augmented_export"), verbose=False)
    tile = keras.Input((None, None, 1))
    x = keras.layers.UpSampling2D(2, interpolation="bilinear")(keras.layers.MaxPooling2D(2)(tile))
    model = keras.Model(tile, keras.layers.Conv2D(2, 3, padding="same", activation="softmax")(x))
    spec = ModelSpec(model, metadata)
    enlarged = convert_from_model_spec(spec, folder, "enlarged", (16, 16), verify=False)
    exported = ModelSpec(folder / "augmented_export", metadata)
    return {
        "built": apart(answer_of(made.path, pixels), expected),
        "exported": message_of(lambda: convert_from_model_spec(exported, folder, "random")),
        "enlarged": apart(answer_of(enlarged.path, pixels), model.predict(pixels, verbose=0)),
        "open": message_of(lambda: convert_from_model_spec(spec, folder, "open")),
    }


def subclassed(folder: Path) -> dict[str, Any]:
    """A layer in front of a model whose graph Keras does not know."""
    model = Subclassed()
    tile = RNG.uniform(0, 255, (1, 16, 16, 1)).astype(np.float32)
    expected = model(tf.image.per_image_standardization(tile))
    metadata = ModelMetadata.from_params("SplitRgb", "Gray8", ["a", "b"], 3)
    made = convert_from_model_spec(
        ModelSpec(model, metadata), folder, "subclassed", None, czcheck.PerImageStandardization(),
        verify=False,
    )  # fmt: skip
    return {"built": apart(answer_of(made.path, tile), expected), "path": str(made.path)}


def layers_around(folder: Path) -> dict[str, Any]:
    """Layers added to a model: what it answers, saved and loaded, and built."""
    model = colour_network(None, None)
    fixed = colour_network(16, 16)
    before = [czcheck.RgbToBgr(), czcheck.Normalization(MEAN, STD)]
    after = czcheck.SigmoidToSoftmaxScores()
    whole = czcheck.add_preprocessing_layers(model, before, spatial_dims=[32, 24])
    whole = czcheck.add_postprocessing_layers(whole, after)
    tile = RNG.uniform(0, 255, (1, 32, 24, 3)).astype(np.float32)
    score = model((tile[..., ::-1] - np.array(MEAN, np.float32)) / np.array(STD, np.float32))
    expected = np.concatenate([score, 1 - np.asarray(score)], axis=-1)

    path = folder / "whole.keras"
    whole.save(path)
    loaded = keras.models.load_model(path)

    metadata = ModelMetadata.from_params(
        "SplitRgb", "Bgr24", ["Cell", "Background"], 3, name="Cells & <more>"
    )
    result = convert_from_model_spec(
        ModelSpec(model, metadata), str(folder / "layers"), "cells.czmodel", (32, 24),
        before, after, verify=False,
    )  # fmt: skip
    model.export(str(folder / "colour"), verbose=False)
    on_disk = {
        "keras_file": (path, None, None, None),
        "saved_model": (folder / "colour", (32, 24), before, after),
    }
    built = {"memory": apart(answer_of(result.path, tile), expected)}
    for kind, (source, dims, front, behind) in on_disk.items():
        made = convert_from_model_spec(
            ModelSpec(source, metadata), folder / "on_disk", kind, dims, front, behind, verify=False
        )
        built[kind] = apart(answer_of(made.path, tile), expected)

    larger = czcheck.add_preprocessing_layers(fixed, spatial_dims=(32, 24))
    sequential = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)])
    dense = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    one, two = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    several = keras.Model([one, two], keras.layers.Concatenate()([one, two]))
    add = czcheck.add_preprocessing_layers
    return {
        "shape": [whole.input_shape, whole.output_shape],
        "weights_shared": whole.get_layer(model.name) is model,
        "nothing_added": add(model) is model,
        "by_keras": apart(whole(tile), expected),
        "loaded": apart(loaded(tile), whole(tile)),
        "built": built,
        "built_path": str(result.path),
        "larger": apart(larger(tile), colour_answer(fixed, tile)),
        "sequential": add(sequential, None, (12, 10)).output_shape,
        "errors": {
            "several": message_of(lambda: add(several, czcheck.RgbToBgr())),
            "channels": message_of(lambda: add(sequential, czcheck.RgbToBgr())),
            "four_channels": message_of(lambda: czcheck.RgbToBgr()(np.zeros((1, 2, 2, 4)))),
            "class": message_of(lambda: add(sequential, czcheck.RgbToBgr)),
            "no_layer": message_of(lambda: add(sequential, ["RgbToBgr"])),
            "size": message_of(lambda: add(sequential, None, [8])),
            "dense": message_of(lambda: add(dense, None, (16, 16))),
            "std": message_of(lambda: czcheck.Normalization(0, [1, 0])),
            "lengths": message_of(lambda: czcheck.Normalization([1, 2], [1, 2, 3])),
            "mean": message_of(lambda: czcheck.Normalization([float("nan")], 1)),
            "numbers": message_of(lambda: add(model, czcheck.Normalization([1, 2], 1))),
            "scores": message_of(
                lambda: czcheck.add_postprocessing_layers(gray_network(8, 8), after)
            ),
            "on_disk": message_of(
                lambda: convert_from_model_spec(
                    ModelSpec(path, metadata), folder, preprocessing=keras.layers.Rescaling(2)
                )
            ),
        },
    }


def answer_of(path: Path, tile: Any) -> Any:
    """What an archive's network answers to a tile."""
    with czcheck.open(path) as archive:
        unpacked = unpack(archive.files, path.with_suffix(""), DEFAULT_LIMITS)
    network = tf.saved_model.load(str(unpacked)).signatures["serving_default"]
    (answer,) = network(tf.constant(tile)).values()
    return answer


def colour_answer(model: Any, tile: Any) -> Any:
    """What a network's layers answer to a tile of another size, worked out one by one."""
    _, first, _, _, _, last = model.layers
    x = tf.nn.relu(tf.nn.conv2d(tile, first.kernel, 1, "SAME") + first.bias)
    pooled = tf.nn.max_pool2d(x, 2, 2, "VALID")
    x = tf.repeat(tf.repeat(pooled, 2, axis=1), 2, axis=2)
    x = tf.concat([x, tile], -1)
    return tf.sigmoid(tf.nn.conv2d(x, last.kernel, 1, "SAME") + last.bias)


def notebook(folder: Path) -> dict[str, Any]:
    """The reference notebook's cells, with the package's name changed."""
    model = gray_network(None, None)
    model_metadata = ModelMetadata.from_params(
        name="Simple_Nuclei_SegmentationModel",
        color_handling="ConvertToMonochrome",
        pixel_type="Gray16",
        classes=["Background", "Nucleus"],
        border_size=8,
    )
    model_spec = ModelSpec(model=model, model_metadata=model_metadata, license_file=None)
    memory = convert_from_model_spec(
        model_spec=model_spec,
        output_path=str(folder / "czmodel_output" / "deep"),
        output_name="simple_nuclei_segmodel",
        spatial_dims=(64, 96),
    )
    model.export(str(folder / "saved_tf2_model_output"), verbose=False)
    (folder / "model_spec.json").write_text(
        json.dumps(
            {
                "BorderSize": 8,
                "ColorHandling": "ConvertToMonochrome",
                "PixelType": "Gray16",
                "Classes": ["Background", "Nucleus"],
                "ModelPath": "saved_tf2_model_output/",
            }
        )
    )
    disk = convert_from_json_spec(
        model_spec_path=str(folder / "model_spec.json"),
        output_path=str(folder / "czmodel_output"),
        output_name="from_json",
        spatial_dims=(64, 96),
        verify=False,
    )
    assert memory.report is not None
    return {
        "memory": str(memory.path),
        "metadata": [str(model_metadata), str(memory.metadata)],
        "passed": memory.report.passed,
        "tile": memory.tile,
        "disk": str(disk.path),
        "disk_name": disk.metadata.name,
        "disk_id": disk.model_id,
    }


def wrong(folder: Path) -> dict[str, Any]:
    """What is said to models that cannot be built, and what is left of it."""
    metadata = ModelMetadata.from_params("SplitRgb", "Bgr24", ["a", "b"], 3)
    model = czcheck.add_postprocessing_layers(
        colour_network(None, None), czcheck.SigmoidToSoftmaxScores()
    )

    def convert(model: Any, dims: Any = (32, 32), meta: Any = metadata, **more: Any) -> str:
        spec = ModelSpec(model, meta)
        into = folder / "wrong" / "deep"
        return message_of(lambda: convert_from_model_spec(spec, into, "x", dims, **more))

    gray = ModelMetadata.from_params("SplitRgb", "Gray8", ["a", "b"], 3)
    three = ModelMetadata.from_params("SplitRgb", "Bgr24", ["a", "b", "c"], 3)
    unbuilt = keras.Sequential([keras.layers.Conv2D(2, 1)], name="unbuilt")
    found = {
        "no_tile": convert(model, None),
        "odd_tile": convert(model, (33, 32)),
        "channels": convert(model, meta=gray),
        "classes": convert(model, meta=three),
        "unbuilt": convert(unbuilt),
        "layer": convert(model, preprocessing=czcheck.RgbaToBgra()),
    }
    return {
        "messages": found,
        "written": (folder / "wrong").exists(),
        "private_left": [path.name for path in (folder / "private").glob("*czcheck*")],
        "weights": len(model.weights),
    }


def main(folder: Path) -> None:
    private = folder / "private"
    private.mkdir()
    keras.utils.set_random_seed(1)
    steps = {"alone": layers_alone()}
    with forked_builds():
        start()  # has a folder of its own, which is none that a build leaves
        tempfile.tempdir = str(private)
        for step in (layers_around, augmented, subclassed, notebook, wrong):
            steps[step.__name__] = step(folder)
    sys.stdout.write(json.dumps(steps))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
