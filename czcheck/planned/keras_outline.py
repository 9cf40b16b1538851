"""What a `.keras` file says of its network's ends, read from the description of its layers.

No layer is made and nothing is run. What is not understood is left open: Keras itself tells later.
"""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from czcheck.archive.directory import read_directory
from czcheck.limits import DEFAULT_LIMITS
from czcheck.planned.ends import Ending

CONFIG = "config.json"
MOST_CONFIG_BYTES = 1 << 24
_RANK = 4
_DEEPEST = 50
_MODELS = ("Functional", "Sequential", "Model")
# Layers that leave the number of channels, and whose values lie among those that go in.
_PASSED = frozenset(
    {"Cropping2D", "Dropout", "Identity", "UpSampling2D", "SpatialDropout2D", "InputLayer"}
    | {"MaxPooling2D", "AveragePooling2D", "CenterCrop", "Resizing"}
)
_UNITS = {
    "Conv2D": "filters",
    "Conv2DTranspose": "filters",
    "SeparableConv2D": "filters",
    "Convolution2D": "filters",
    "Dense": "units",
}
_SCORE = Ending(None, "linear", sure=True)
_ACTIVATIONS = {
    "linear": _SCORE,
    "relu": Ending(None, "Relu", 0.0, sure=True),
    "sigmoid": Ending(None, "sigmoid", 0.0, 1.0, sure=True),
    "softmax": Ending(None, "softmax", 0.0, 1.0, sure=True),
    "log_softmax": Ending(None, "log-softmax", high=0.0, sure=True),
    "hard_sigmoid": Ending(None, "hard sigmoid", 0.0, 1.0, sure=True),
    "tanh": Ending(None, "Tanh", -1.0, 1.0, sure=True),
}


@dataclass(frozen=True, slots=True)
class Outline:
    """The ends of a network in a Keras file.

    Attributes:
        channels: Size of the input's last dimension; None if it is open or not known.
        ending: The output, as far as it is known.
    """

    channels: int | None
    ending: Ending


def read_outline(path: Path) -> Outline | None:
    """Read what a `.keras` file says of its network's ends.

    Args:
        path: The file.

    Returns:
        The ends; None where the file is of another kind, or its description is not understood.
    """
    try:
        with path.open("rb") as file:
            # The strict reader first: `zipfile` takes as many members as a file claims to have.
            if read_directory(file, path.stat().st_size, DEFAULT_LIMITS.inner_members).defects:
                return None
        with zipfile.ZipFile(path) as archive, archive.open(CONFIG) as stream:
            text = stream.read(MOST_CONFIG_BYTES + 1)
        if len(text) > MOST_CONFIG_BYTES or b"channels_first" in text:
            return None
        described = json.loads(text)
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, OSError, EOFError, RuntimeError):
        return None  # whoever loads the file says what is wrong with it
    return outline(described)


def outline(described: Any) -> Outline | None:
    """The ends of a network from the description of its layers.

    Args:
        described: What `config.json` holds.
    """
    if not isinstance(described, Mapping) or described.get("class_name") not in _MODELS:
        return None
    inputs = [each for each in _layers(described) if _is_input(each)]
    channels = _input_channels(inputs[0]) if len(inputs) == 1 else None
    ending = _ending(described, 0)
    return Outline(channels, Ending(None) if ending is None else ending)


def _config(layer: Any) -> Mapping[str, Any]:
    config = layer.get("config") if isinstance(layer, Mapping) else None
    return config if isinstance(config, Mapping) else {}


def _layers(model: Any) -> list[Any]:
    layers = _config(model).get("layers")
    return (
        [each for each in layers if isinstance(each, Mapping)] if isinstance(layers, list) else []
    )


def _is_input(layer: Any) -> bool:
    return bool(layer.get("class_name") == "InputLayer")


def _input_channels(layer: Any) -> int | None:
    config = _config(layer)
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    if not isinstance(shape, list) or len(shape) != _RANK:
        return None
    return shape[3] if isinstance(shape[3], int) else None


def _name(layer: Any) -> Any:
    return _config(layer).get("name", layer.get("name"))


def _output(model: Any) -> Any:
    """The layer that makes the one output; None where there are several, or none is found."""
    layers = _layers(model)
    if model.get("class_name") == "Sequential":
        return layers[-1] if layers else None
    found = _config(model).get("output_layers")
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    if not isinstance(found, list) or not found or not isinstance(found[0], str):
        return None
    return next((each for each in layers if _name(each) == found[0]), None)


def _before(model: Any, layer: Any) -> Any:
    """The one layer whose output a layer takes; None where that is not plain."""
    layers = _layers(model)
    if model.get("class_name") == "Sequential":
        place = next((at for at, each in enumerate(layers) if each is layer), 0)
        return layers[place - 1] if place else None
    named: set[str] = set()
    pending = [layer.get("inbound_nodes")]
    while pending and len(named) <= 1:
        value = pending.pop()
        if isinstance(value, Mapping):
            history = value.get("keras_history")
            if isinstance(history, list) and history and isinstance(history[0], str):
                named.add(history[0])
            else:
                pending.extend(value.values())
        elif isinstance(value, list) and [type(each) for each in value[:3]] == [str, int, int]:
            named.add(value[0])  # as Keras 2 writes it
        elif isinstance(value, list):
            pending.extend(value)
    return next((each for each in layers if len(named) == 1 and _name(each) in named), None)


def _ending(model: Any, depth: int) -> Ending | None:
    """The output of a model."""
    return _made_by(model, _output(model), depth)


def _made_by(model: Any, layer: Any, depth: int) -> Ending | None:
    """What a layer of a model puts out; None where it is not understood."""
    if layer is None or depth > _DEEPEST:
        return None
    kind, config = layer.get("class_name"), _config(layer)
    if not str(layer.get("module", "keras.layers")).startswith("keras"):
        return None
    if kind in _MODELS:
        return _ending(layer, depth + 1)
    if kind in _UNITS:
        channels = config.get(_UNITS[kind])
        if not isinstance(channels, int):
            return None
        activation = config.get("activation", "linear")
        known = _ACTIVATIONS.get(activation) if isinstance(activation, str) else None
        hidden = known is _SCORE and _is_plain(model, layer)
        return replace(Ending(None) if known is None or hidden else known, channels=channels)
    if kind not in _PASSED and kind not in ("Activation", "Softmax", "Rescaling"):
        return None
    given = _made_by(model, _before(model, layer), depth + 1)
    if given is None or kind in _PASSED:
        return given
    if kind == "Rescaling":
        return _rescaled(given, config)
    if kind == "Softmax":
        return replace(_ACTIVATIONS["softmax"], channels=given.channels)
    activation = config.get("activation")
    known = _ACTIVATIONS.get(activation) if isinstance(activation, str) else None
    if known is None:
        return Ending(given.channels)
    return given if known is _SCORE else replace(known, channels=given.channels)


def _is_plain(model: Any, layer: Any) -> bool:
    """Whether a layer may weigh probabilities or raw intensities, whose sum can be one again."""
    before = _before(model, layer)
    if before is None or _is_input(before):
        return True
    activation = _config(before).get("activation")
    return before.get("class_name") == "Softmax" or activation in ("sigmoid", "softmax")


def _rescaled(given: Ending, config: Mapping[str, Any]) -> Ending:
    scale, offset = config.get("scale"), config.get("offset", 0.0)
    numbers = all(isinstance(each, (int, float)) for each in (scale, offset))
    if not numbers or not given.sure or not math.isfinite(given.low + given.high):
        return Ending(given.channels)
    assert isinstance(scale, (int, float))
    ends = sorted((given.low * scale + offset, given.high * scale + offset))
    return Ending(given.channels, "Rescaling", ends[0], ends[1], sure=True)
