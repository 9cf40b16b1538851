"""The ends of a network, from the description of layers that a `.keras` file holds."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from czcheck.planned import Ending, Outline, outline, read_outline

INPUT = {
    "class_name": "InputLayer",
    "config": {"batch_shape": [None, 32, 32, 3], "name": "tile"},
    "name": "tile",
    "inbound_nodes": [],
}


def layer(kind: str, name: str, before: str, **config: Any) -> dict[str, Any]:
    return {
        "module": "keras.layers",
        "class_name": kind,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": [
            {
                "args": [
                    {
                        "class_name": "__keras_tensor__",
                        "config": {"shape": [None, 32, 32, 4], "keras_history": [before, 0, 0]},
                    }
                ],
                "kwargs": {},
            }
        ],
    }


def conv(name: str = "last", before: str = "hidden", **config: Any) -> dict[str, Any]:
    return layer("Conv2D", name, before, **{"filters": 1, "activation": "linear", **config})


HIDDEN = conv("hidden", "tile", filters=4, activation="relu")


def functional(*layers: dict[str, Any], output: str | None = None) -> dict[str, Any]:
    last = output or layers[-1]["name"]
    config = {"layers": [INPUT, HIDDEN, *layers], "output_layers": [[last, 0, 0]]}
    return {"class_name": "Functional", "config": config, "name": "inner", "module": "keras"}


def ending_of(described: Any) -> Ending:
    found = outline(described)
    assert found is not None
    return found.ending


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([conv(activation="sigmoid")], Ending(1, "sigmoid", 0, 1, sure=True)),
        ([conv()], Ending(1, "linear", sure=True)),
        (
            [conv(filters=2), layer("Softmax", "end", "last", axis=-1)],
            Ending(2, "softmax", 0, 1, sure=True),
        ),
        (
            [conv(), layer("Activation", "end", "last", activation="sigmoid")],
            Ending(1, "sigmoid", 0, 1, sure=True),
        ),
        (
            [
                conv(activation="sigmoid"),
                layer("UpSampling2D", "up", "last"),
                layer("Activation", "end", "up", activation="linear", dtype="float32"),
            ],
            Ending(1, "sigmoid", 0, 1, sure=True),
        ),
        (
            [conv(activation="sigmoid"), layer("Rescaling", "end", "last", scale=255, offset=0)],
            Ending(1, "Rescaling", 0, 255, sure=True),
        ),
        ([conv(activation={"class_name": "function"})], Ending(1)),
        ([conv(activation="leaky_thing")], Ending(1)),
        # Probabilities made smooth can be probabilities.
        ([conv("p", activation="sigmoid"), conv("last", "p", filters=2)], Ending(2)),
        ([conv(), layer("Lambda", "end", "last")], Ending(None)),
        ([conv(), layer("Reshape", "end", "last")], Ending(None)),
    ],
)
def test_endings(layers: list[dict[str, Any]], expected: Ending) -> None:
    assert outline(functional(*layers)) == Outline(3, expected)


def test_models_in_models_and_sequences_are_entered() -> None:
    sequence = [
        {**each, "inbound_nodes": []} for each in (INPUT, HIDDEN, conv(activation="sigmoid"))
    ]
    sequential = {"class_name": "Sequential", "config": {"layers": sequence}}
    assert outline(sequential) == Outline(3, Ending(1, "sigmoid", 0, 1, sure=True))
    inner = functional(conv(activation="sigmoid"))
    outer = functional({**layer("Functional", "inner", "hidden"), "config": inner["config"]})
    assert ending_of(outer) == Ending(1, "sigmoid", 0, 1, sure=True)
    # As Keras 2 wrote what a layer takes.
    older = {**layer("Activation", "end", "last", activation="sigmoid")}
    older["inbound_nodes"] = [[["last", 0, 0, {}]]]
    assert ending_of(functional(conv(), older)).tail == "sigmoid"


@pytest.mark.parametrize(
    "described",
    [
        None,
        [],
        {"class_name": "OwnModel", "config": {}},
        {"class_name": "Functional", "config": None},
        {"class_name": "Functional", "config": {"layers": 7, "output_layers": "x"}},
        functional(conv(), output="missing"),
        functional({**conv(), "module": "own_layers"}),
        functional(layer("Activation", "end", "end", activation="linear")),
    ],
)
def test_what_is_not_understood_is_left_open(described: Any) -> None:
    found = outline(described)
    assert found is None or found.ending == Ending(None)


def test_files_that_cannot_be_read_are_left_to_keras(tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    assert read_outline(path) is None
    path.write_bytes(b"no archive")
    assert read_outline(path) is None
    for text in ("{", "[" * 100_000, json.dumps(functional(conv(data_format="channels_first")))):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", text)
        assert read_outline(path) is None
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(functional(conv())))
    assert read_outline(path) == Outline(3, Ending(1, "linear", sure=True))
