"""Gives each layer the arrays that the file has for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from czcheck.building.keras2.reading import Groups, Named, Store, snake_case

if TYPE_CHECKING:
    from czcheck.building.keras2.layer import Layer
    from czcheck.errors import InputError

Slot: TypeAlias = "tuple[Layer, str]"
"""A layer and the name of one of its weights."""

_ENDING = re.compile(r"(_\d+)?(:\d+)?$")
# Where arrays of layers that hold further layers stand in a `.keras` archive.
_CELLS = frozenset({"LSTM", "GRU", "SimpleRNN", "ConvLSTM2D"})
_HEADS = "MultiHeadAttention"
_LAYERS = ("layers", "_layer_checkpoint_dependencies")


def assign(model: Layer, source: Groups | Store) -> None:
    """Give all layers of a model their arrays.

    Args:
        model: The outermost model.
        source: The file's arrays.

    Raises:
        InputError: They are not those of these layers.
    """
    if isinstance(source, Store):
        _assign_stored(model, source, "")
        return
    for layer in model.layers:
        if layer.class_name != "InputLayer":
            _assign_group(layer, source.of_layer(layer.name))


def _own(layer: Layer) -> tuple[tuple[str, bool], ...]:
    return () if layer.kind is None else layer.kind.weights(layer)


def _parts(layer: Layer) -> list[Layer]:
    """Layers inside of one that have weights of their own."""
    if layer.class_name == "Bidirectional":  # it has the weights of both directions itself
        return []
    return [*layer.children.values(), *layer.layers]


def _trained(layer: Layer) -> list[Slot]:
    if not layer.trainable:
        return []
    own = [(layer, name) for name, trained in _own(layer) if trained]
    return own + [slot for part in _parts(layer) for slot in _trained(part)]


def _others(layer: Layer) -> list[Slot]:
    parts = _parts(layer)
    own = [(layer, name) for name, trained in _own(layer) if not trained]
    others = own + [slot for part in parts for slot in _others(part)]
    if layer.trainable:
        return others
    return [
        *((layer, name) for name, trained in _own(layer) if trained),
        *(slot for part in parts for slot in _trained(part)),
        *others,
    ]


def _assign_group(layer: Layer, arrays: Sequence[Named]) -> None:
    """Give one layer its arrays: those that are trained, then the others."""
    if layer.kind is None and not layer.is_model:
        layer.weights = {str(number): array for number, (_, array) in enumerate(arrays)}
        return
    custom = [each for each in layer.everything() if each.kind is None and not each.is_model]
    if custom:
        raise custom[0].refuse("is of a class of your own inside another model, in an HDF5 file")
    slots = _trained(layer) + _others(layer)
    if len(slots) != len(arrays):
        raise _unfit(layer, f"{len(arrays)} weights in place of {len(slots)}")
    names = {each.name for each in layer.everything()}
    for (owner, name), (stored, array) in zip(slots, arrays, strict=True):
        parts = stored.split("/")
        if _ENDING.sub("", parts[-1]) != name.rpartition("/")[2]:
            raise _unfit(layer, f"the weight {stored[:100]!r} where {owner.name}/{name} belongs")
        others = names.intersection(parts[:-1]) - {layer.name}
        if others and owner.name not in parts[:-1]:
            raise _unfit(layer, f"the weight {stored[:100]!r} where {owner.name}/{name} belongs")
        owner.weights[name] = array


def _unfit(layer: Layer, why: str) -> InputError:
    return layer.refuse(f"has {why} in the file")


def _assign_stored(layer: Layer, store: Store, path: str) -> None:
    """Give a layer and those inside of it the arrays of a `.keras` archive."""
    if layer.is_model:
        for part, place in _places(layer, store, path):
            _assign_stored(part, store, place)
        return
    if layer.kind is None:
        count = store.count(path)
        layer.weights = {str(number): store.read(path, number) for number in range(count)}
        return
    numbers: dict[str, int] = {}
    for name, _ in _own(layer):
        place = path + _inside(layer, name)
        number = numbers.get(place, 0)
        layer.weights[name] = store.read(place, number)
        numbers[place] = number + 1
    for place, count in numbers.items():
        if store.count(place) != count:
            raise _unfit(layer, f"{store.count(place)} weights in place of {count}")
    for key, child in layer.children.items():
        if layer.class_name != "Bidirectional":
            _assign_stored(child, store, f"{path}/{key}")


def _places(model: Layer, store: Store, path: str) -> Iterator[tuple[Layer, str]]:
    """Groups of a model's layers; those of one class are counted.

    Keras 2.12 lists those that have weights twice, and so counts them twice.
    """
    start = f"{path}/" if path else ""
    container = next((name for name in _LAYERS if store.has(start + name)), _LAYERS[0])
    counts: dict[str, int] = {}
    for layer in model.layers:
        name = snake_case(layer.class_name.rpartition(">")[2])
        number = counts.get(name, 0)
        twice = container == _LAYERS[1] and bool(_trained(layer) + _others(layer))
        counts[name] = number + (2 if twice else 1)
        yield layer, f"{start}{container}/{name}" + (f"_{number}" if number else "")


def _inside(layer: Layer, name: str) -> str:
    """Where in a layer's group the group of one of its weights stands."""
    if layer.class_name in _CELLS:
        return "/cell"
    way, _, _ = name.partition("/")
    if layer.class_name == "Bidirectional":
        return f"/{way}_layer/cell"
    if layer.class_name == _HEADS:
        return f"/_{'output' if way == 'attention_output' else way}_dense"
    return ""
