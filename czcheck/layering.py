"""Layers in front of and behind a Keras model, and another size of its tiles.

Imports Keras, as `layers.py` does, from which the public names are to be had.
"""

from __future__ import annotations

import inspect
import operator
import shutil
from collections.abc import Sequence
from typing import Any

import keras

from czcheck.errors import InputError
from czcheck.limits import LARGEST_SIDE

_RANK = 4


def add_preprocessing_layers(
    model: Any, layers: Any = None, spatial_dims: Sequence[int] | None = None
) -> Any:
    """Put layers in front of a model, and fix the size of its tiles.

    Args:
        model: A Keras model of one input and one output.
        layers: A layer, or several in the order in which a tile goes through them; None for none.
        spatial_dims: New (height, width) of the tiles in pixels; None to keep the model's own.

    Returns:
        A model that shares its weights with the given one; the given one itself where there is
        nothing to do.

    Raises:
        InputError: The model has several inputs or outputs, or cannot take such tiles.
    """
    added = layers_of(layers)
    if not added and spatial_dims is None:
        return model
    (tile,), _ = _ends(model)
    shape = tuple(tile.shape)
    if spatial_dims is not None:
        if len(shape) != _RANK:
            raise InputError(
                f"the model's input has the shape {shape}; it has to be "
                "(batch, height, width, channels) to set spatial_dims"
            )
        shape = (shape[0], *_size(spatial_dims), shape[-1])
    new = keras.Input(batch_shape=shape, dtype=tile.dtype, name="input")
    x = new
    for layer in added:
        x = layer(x)
    return keras.Model(inputs=new, outputs=_applied(model, x))


def add_postprocessing_layers(model: Any, layers: Any) -> Any:
    """Put layers behind a model.

    Args:
        model: A Keras model of one input and one output.
        layers: A layer, or several in the order in which an output goes through them; None for
            none.

    Returns:
        A model that shares its weights with the given one; the given one itself where there is
        nothing to do.

    Raises:
        InputError: The model has several inputs or outputs.
    """
    added = layers_of(layers)
    if not added:
        return model
    (tile,), (x,) = _ends(model)
    for layer in added:
        x = layer(x)
    return keras.Model(inputs=tile, outputs=x)


def export(model: Any, folder: str, tile: tuple[int, int] | None) -> None:
    """Export a model as SavedModel with the outputs of its `predict`.

    Keras's own `export` leaves it to every layer whether it is trained, and those of augmentation
    then draw random numbers; and it fails with some layers on tiles of open size.

    Args:
        model: A Keras 3 model.
        folder: Folder to write.
        tile: (height, width) in pixels; None to keep the model's own.

    Raises:
        InputError: Keras cannot export it.
    """
    tiles: list[Any] = list(getattr(model, "inputs", None) or ())
    if len(tiles) == 1:
        model = keras.Model(inputs=tiles[0], outputs=model(tiles[0], training=False))
    is_open = len(tiles) == 1 and None in tuple(tiles[0].shape)[1:3]
    try:
        try:
            _write(model, folder)
        except Exception:
            if tile is None or not is_open:
                raise
            shutil.rmtree(folder, ignore_errors=True)
            _write(add_preprocessing_layers(model, None, tile), folder)
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        hint = "; it takes tiles of any size: give --tile HxW" if is_open and tile is None else ""
        raise InputError(f"cannot be exported: {first}{hint}") from error


def _write(model: Any, folder: str) -> None:
    known = inspect.signature(model.export).parameters
    options = {"format": "tf_saved_model", "verbose": False}  # early versions have neither
    model.export(folder, **{name: options[name] for name in options if name in known})


def layers_of(layers: Any) -> tuple[Any, ...]:
    """One layer, several or none, as a tuple.

    Args:
        layers: A layer, a sequence of layers, or None.

    Raises:
        InputError: Something else is among them.
    """
    if layers is None:
        return ()
    found = tuple(layers) if isinstance(layers, (list, tuple)) else (layers,)
    for layer in found:
        if isinstance(layer, type):
            name = layer.__name__
            raise InputError(f"{name} is a class of layers; give a layer of it: {name}()")
        if not isinstance(layer, keras.layers.Layer):
            raise InputError(f"{layer!r} is no Keras layer; give layers such as RgbToBgr()")
    return found


def _ends(model: Any) -> tuple[list[Any], list[Any]]:
    """The one input and the one output of a model."""
    ends: list[list[Any]] = []
    for what in ("input", "output"):
        found = getattr(model, f"{what}s", None)
        if not found:
            raise InputError(
                f"the model {getattr(model, 'name', '')!r} does not say what its {what} is; "
                "layers can be added to functional and sequential models that begin with an Input"
            )
        if len(found) != 1:
            names = ", ".join(tensor.name for tensor in found)
            raise InputError(
                f"the model has {len(found)} {what}s ({names}); ZEN works with networks of "
                f"exactly one {what}"
            )
        ends.append(list(found))
    return ends[0], ends[1]


def _applied(model: Any, tiles: Any) -> Any:
    """A model's output for tiles, which may have another size than its own."""
    own = model.inputs[0].shape
    same = all(a in {None, b} for a, b in zip(own[1:], tiles.shape[1:], strict=False))
    if same and len(own) == len(tiles.shape):
        return model(tiles)
    # A model refuses other sizes than its input's; its layers need not. They keep their weights.
    try:
        resized = keras.models.clone_model(
            keras.Model(model.inputs, model.outputs),
            input_tensors=[keras.Input(batch_shape=tiles.shape, dtype=tiles.dtype)],
            clone_function=lambda layer: layer,
        )
        return resized(tiles)
    except InputError:
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"the model cannot take tiles of the shape {tuple(tiles.shape)}: {first}; build it "
            "with an open size, keras.Input((None, None, channels))"
        ) from error


def _size(value: Sequence[int]) -> tuple[int, int]:
    """(height, width) as whole numbers."""
    try:
        sizes = [operator.index(side) for side in value]
    except TypeError:
        sizes = []
    if len(sizes) != 2 or not all(1 <= side <= LARGEST_SIDE for side in sizes):
        raise InputError(
            f"spatial_dims is {value!r}; give (height, width) in pixels, such as (1024, 1024)"
        )
    return sizes[0], sizes[1]
