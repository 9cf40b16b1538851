"""Makes a network of a description: Keras layers and raw operations, with a tile and its output.

What a network computes is taken from running it operation by operation, without a graph, so that
no optimiser has a part in it. Behind each step its output is scaled, by constants found so, to the
range in which operations differ from each other.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from benchmarks.target_sweep.drawing import Description, tolerance
from benchmarks.target_sweep.raw import Raw
from benchmarks.target_sweep.steps import make_step

SIZE = 24
NOISES = 3
Function = Callable[[Any], Any]


class UnfitError(Exception):
    """The description makes no network: a step does not fit its input, or gives no numbers."""


class Scaled(layers.Layer):  # type: ignore[misc]
    """`(x - shift) * factor`, with constants."""

    def __init__(self, shift: float, factor: float) -> None:
        super().__init__()
        self.shift, self.factor = shift, factor

    def call(self, x: Any) -> Any:
        return (tf.cast(x, self.compute_dtype) - self.shift) * self.factor


def _scaled(x: Any) -> Any:
    values = tf.cast(x, tf.float32).numpy()
    if not np.isfinite(values).all():
        raise UnfitError("not finite")
    spread = float(values.std())
    if spread < 1e-4 * (1e-3 + float(np.abs(values).max())):
        raise UnfitError("constant")
    return Scaled(float(values.mean()), 1.0 / spread)


def _network(description: Description, tile: Any) -> list[Function]:
    """The network as functions to call one after the other, calibrated on a tile."""
    functions: list[Function] = [layers.Activation("linear")]
    x = functions[0](tile)
    for step in description["steps"]:
        try:
            function = make_step(step, x)
            x = function(x)
        except UnfitError:
            raise
        except Exception as error:  # any combination may be refused
            raise UnfitError(f"{step['kind']}: {type(error).__name__}: {error}") from error
        functions.append(function)
        functions.append(_scaled(x))
        x = functions[-1](x)
    if x.shape[1:3] != (SIZE, SIZE):
        functions.append(layers.Resizing(SIZE, SIZE, interpolation="nearest"))
        x = functions[-1](x)
    head = layers.Conv2D(description["classes"], 1, dtype="float32")
    functions.append(head)
    logits = head(x).numpy()
    kernel, bias = head.get_weights()
    factor = 1.5 / (1e-6 + logits.std(axis=(0, 1, 2)))
    head.set_weights([kernel * factor, bias - np.median(logits, axis=(0, 1, 2)) * factor])
    functions.append(layers.Softmax(dtype="float32"))
    return functions


def compose(description: Description, number: int, folder: Path) -> tuple[Any, Any]:
    """Make a network and save it.

    Args:
        description: The network's description.
        number: Seed of its weights and of its tile.
        folder: Where to write the SavedModel.

    Returns:
        The tile and the network's output to it, both float32 of (1, height, width, channels).

    Raises:
        UnfitError: The description makes no network.
    """
    keras.utils.set_random_seed(number)
    keras.config.set_dtype_policy(description["policy"])
    try:
        random = np.random.default_rng(number)
        shape = (SIZE, SIZE, description["channels"])
        tile = random.random((1, *shape)).astype(np.float32)
        # Bright squares, so that neighbouring pixels have something in common.
        tile[:, 4:12, 6:16] += 0.7
        functions = _network(description, tf.constant(tile))
        x = tf.constant(tile)
        for function in functions:
            x = function(x)
        output = x.numpy()
        if not np.isfinite(output).all() or output.std() < 1e-3:
            raise UnfitError("constant")
        _check_condition(description, functions, tile, output)
        try:
            _save(description["export"], functions, shape, folder)
        except Exception as error:  # any combination may be refused
            raise UnfitError(f"saving: {type(error).__name__}: {error}") from error
    finally:
        keras.config.set_dtype_policy("float32")
    return tile, output


def _check_condition(
    description: Description, functions: list[Function], tile: Any, output: Any
) -> None:
    """See that the network does not multiply rounding beyond the tolerance it is judged by.

    Each step's output is changed at random in the last digits of what it computes in: an output
    on a step of a rounding, or an index at a tie, shows here in today's TensorFlow alone.

    Raises:
        UnfitError: Such a change alters the network's output by more than rounding may.
    """
    allowed = tolerance(description)
    random = np.random.default_rng(0)
    for _ in range(NOISES):
        x = tf.constant(tile)
        for function in functions:
            noise = random.uniform(-1, 1, x.shape) * allowed / 50
            x = function(x * tf.cast(1 + noise, x.dtype))
        if not np.abs(x.numpy() - output).max() < allowed / 2:
            raise UnfitError("multiplies rounding")


def _save(how: str, functions: list[Function], shape: tuple[int, ...], folder: Path) -> None:
    alone = any(isinstance(function, Raw) for function in functions)
    entry = keras.Input(shape, batch_size=1 if alone else None)
    x = entry
    for function in functions:
        x = function(x)
    model = keras.Model(entry, x)
    if how == "keras" and not alone:  # Keras leaves the batch open, which raw operations cannot
        model.export(str(folder), verbose=False)
        return
    signature = [tf.TensorSpec((1, *shape), tf.float32, name="tile")]
    serve = tf.function(lambda tile: {"probabilities": model(tile)}, input_signature=signature)
    if how != "frozen":
        module = tf.Module()
        module.variables_ = model.variables
        tf.saved_model.save(module, str(folder), signatures=serve.get_concrete_function())
        return
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    frozen = convert_variables_to_constants_v2(
        serve.get_concrete_function(), lower_control_flow=True
    )
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        tf.import_graph_def(frozen.graph.as_graph_def(), name="")
        tf.compat.v1.saved_model.simple_save(
            session,
            str(folder),
            {"tile": graph.get_tensor_by_name(frozen.inputs[0].name)},
            {"probabilities": graph.get_tensor_by_name(frozen.outputs[0].name)},
        )
