"""From a file of Keras 1 or 2 to a SavedModel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.building.keras2.layer import Layer
from czcheck.building.keras2.reading import opened
from czcheck.building.keras2.run import Run
from czcheck.building.keras2.tree import Reader, assign
from czcheck.errors import InputError

if TYPE_CHECKING:
    from czcheck.building.keras2.reading import Writer


def export(
    path: Path, config: Any, writer: Writer, into: Path, objects: Mapping[str, Any]
) -> list[str]:
    """Write the network of a file as a SavedModel that computes what its Keras computes.

    Args:
        path: The `.keras`, `.h5` or `.hdf5` file.
        config: Its description of layers, decoded JSON.
        writer: The Keras that wrote it.
        into: Folder to write the SavedModel to.
        objects: Classes and functions that the user gave, by name.

    Returns:
        What the file leaves open, one sentence each.

    Raises:
        InputError: It cannot be built; the message names the layer, the version and a way out.
    """
    if writer.numbers < (2, 0) or writer.backend not in {"tensorflow", ""}:
        backend = f" on {writer.backend[:30]}" if writer.backend != "tensorflow" else ""
        raise InputError(
            f"the Keras file is of {writer.name}{backend}, whose files are not built; load it with "
            f"Keras 2.3 on TensorFlow, compare its output, save it anew, and name that file; or "
            f"{writer.way_out}"
        )
    reader = Reader(writer, objects)
    try:
        model = reader.read(config)
        if not model.is_model:
            raise model.refuse("is no model")
        with opened(path, into.parent) as source:
            assign(model, source)
        return _written(model, reader, into)
    except RecursionError:
        raise InputError("the Keras file's description of its layers is nested too deep") from None


def _written(model: Layer, reader: Reader, into: Path) -> list[str]:
    import tensorflow as tf  # noqa: PLC0415

    module = tf.Module()
    run = Run(tf, reader)
    layers = list(model.everything())
    module.weights = [_variables(tf, layer) for layer in layers]
    signature = [_spec(tf, layer) for layer in _inputs(model)]

    def serve(*tiles: Any) -> dict[str, Any]:
        given = tiles[0] if len(tiles) == 1 else list(tiles)
        outputs = run.layer(model, given, {}, None)
        listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        return {f"output_{number}": each for number, each in enumerate(listed)}

    function = tf.function(serve, autograph=False, input_signature=signature)
    concrete = _traced(model, function)
    for layer in run.used:
        if layer.kind is not None or layer.is_model:
            layer.arguments.finish()
    module.own = [_own_variables(layer) for layer in layers if layer.made is not None]
    module.serve = function
    tf.saved_model.save(module, str(into), signatures={"serving_default": concrete})
    return sorted(run.notes)


def _traced(model: Layer, function: Any) -> Any:
    """The network as a graph."""
    try:
        return function.get_concrete_function()
    except InputError:
        raise
    except Exception as error:
        lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
        why = (lines[-1] if lines else type(error).__name__)[:300].rstrip(".")
        raise model.refuse(f"cannot be computed: {why}") from error


def _variables(tf: Any, layer: Layer) -> list[Any]:
    if layer.kind is None:
        return []
    layer.variables = {
        name: tf.Variable(array, trainable=False, name="weight")
        for name, array in layer.weights.items()
    }
    return list(layer.variables.values())


def _own_variables(layer: Layer) -> list[Any]:
    """Give a layer of a class that the user gave its arrays; returns TensorFlow's variables."""
    made = layer.made
    if not hasattr(made, "trainable_weights"):
        return []
    weights = [*made.trainable_weights, *made.non_trainable_weights]
    arrays = list(layer.weights.values())
    shapes = [tuple(each.shape) for each in weights]
    if shapes != [array.shape for array in arrays]:
        raise layer.refuse(
            f"has weights of the shapes {[array.shape for array in arrays]} in the file, and "
            f"{shapes} as a layer of your class"
        )
    for weight, array in zip(weights, arrays, strict=True):
        weight.assign(array)
    return [getattr(each, "value", each) for each in made.variables]


def _inputs(model: Layer) -> Sequence[Layer]:
    """Layers that say what a model takes, in the order in which it takes them."""
    if model.is_sequential:
        return [_first(model)]
    by_name = {layer.name: layer for layer in model.layers}
    places = model.arguments.get("input_layers")
    if isinstance(places, dict):
        places = list(places.values())
    if isinstance(places, list) and places and isinstance(places[0], str):
        places = [places]
    try:
        return [by_name[place[0]] for place in places]
    except (TypeError, KeyError, IndexError):
        raise model.refuse("has a description of its inputs that is damaged") from None


def _first(model: Layer) -> Layer:
    """The layer that says what a model with layers in a row takes."""
    first = model.layers[0]
    if first.is_model:
        return _inputs(first)[0]
    if first.arguments.get("batch_input_shape") is None:
        shape = model.arguments.get("build_input_shape")
        if shape is None:
            raise InputError(
                "the model in the Keras file has no fixed input; build it with keras.Input, or "
                "call it once before it is saved"
            )
        first.arguments.set("batch_input_shape", shape)
    return first


def _spec(tf: Any, layer: Layer) -> Any:
    """Shape and data type of an input."""
    arguments = layer.arguments
    for key in ("sparse", "ragged"):
        arguments.only(key, False, None)
    shape = arguments.get("batch_input_shape")
    if not isinstance(shape, list) or not all(
        each is None or (isinstance(each, int) and each > 0) for each in shape
    ):
        raise layer.refuse("has no shape that can be read")
    dtype = layer.compute if layer.class_name == "InputLayer" else "float32"
    name = "".join(each if each.isascii() and each.isalnum() else "_" for each in layer.name)
    try:
        return tf.TensorSpec(shape, dtype, name=name[:100] or "input")
    except TypeError:
        raise layer.refuse(f"is of the data type {dtype[:30]!r}, which is not built") from None
