"""A file's description of layers as objects, and the arrays that the file has for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

# Importing them enters their layers.
from czcheck.building.keras2 import (  # noqa: F401
    layers_convolution,
    layers_normalization,
    layers_plain,
    layers_recurrent,
    layers_tensorflow,
)
from czcheck.building.keras2.layer import Arguments, Layer, entered
from czcheck.building.keras2.reading import Groups, Named, Store, Writer, snake_case
from czcheck.errors import InputError

MOST_LAYERS = 20_000
DEEPEST = 20
_NAME_IT = (
    "name the module that defines it: --custom-objects MODULE, a dotted name or the path of a .py "
    'file (custom_objects="..." in Python)'
)
# Policies of precision: what is computed in, and what weights are stored in.
_POLICIES = {
    "float32": ("float32", "float32"),
    "mixed_float16": ("float16", "float32"),
    "mixed_bfloat16": ("bfloat16", "float32"),
    "float16": ("float16", "float16"),
    "float64": ("float64", "float64"),
}


class Reader:
    """Makes layers of a file's description."""

    def __init__(self, writer: Writer, objects: Mapping[str, Any]) -> None:
        """Read nothing yet.

        Args:
            writer: The Keras that wrote the file.
            objects: Classes and functions that the user gave, by name.
        """
        self._writer = writer
        self._objects = objects
        self._count = 0

    def read(self, record: Any, depth: int = 0) -> Layer:
        """Read one layer and what is inside of it.

        Args:
            record: The description, decoded JSON.
            depth: How many models stand around it.

        Raises:
            InputError: It is no description of a layer, or of a layer that cannot be built.
        """
        self._count += 1
        if self._count > MOST_LAYERS or depth > DEEPEST:
            raise InputError(
                f"the Keras file has more than {MOST_LAYERS} layers or models nested deeper than "
                f"{DEEPEST}"
            )
        layer = self._layer(record)
        if layer.is_model:
            for inside in _layers_of(layer):
                layer.layers.append(self.read(inside, depth + 1))
        elif layer.kind is not None:
            for key in layer.kind.children:
                found = layer.arguments.get(key)
                if found is not None:
                    layer.children[key] = self.read(found, depth + 1)
        return layer

    def _layer(self, record: Any) -> Layer:
        config = record.get("config") if isinstance(record, dict) else None
        name = record.get("class_name") if isinstance(record, dict) else None
        if isinstance(config, list) and name == "Sequential":  # Keras up to 2.2.2
            config = {"name": "sequential", "layers": config}
        if not isinstance(config, dict) or not isinstance(name, str):
            raise InputError("the Keras file's description of its layers is damaged")
        own = record.get("name", config.get("name"))
        layer = Layer(
            name=own if isinstance(own, str) else name.lower(),
            class_name=name,
            arguments=Arguments(config),
            writer=self._writer,
            kind=None,
            trainable=config.get("trainable", True) is not False,
            compute="float32",
            record=record,
        )
        layer.arguments.refuse = layer.refuse
        layer.compute = _compute(layer, config.get("dtype"))
        if self._custom(record, name) is None and not layer.is_model:
            layer.kind = entered(name)
            if layer.kind is None:
                raise self._unknown(layer, record)
        return layer

    def _custom(self, record: Mapping[str, Any], name: str) -> Any:
        """The class that the user gave for a layer; None where there is none."""
        registered = record.get("registered_name")
        for each in (registered, name):
            if isinstance(each, str):
                plain = each.rpartition(">")[2]
                if plain in self._objects:
                    return self._objects[plain]
        return None

    def custom(self, layer: Layer) -> Any:
        """The class of a layer that is not one of Keras's own.

        Args:
            layer: A layer without a kind.
        """
        return self._custom(layer.record, layer.class_name)

    def function(self, name: str) -> Any:
        """A function that the user gave; None if there is none of that name.

        Args:
            name: Its name.
        """
        return self._objects.get(name)

    def _unknown(self, layer: Layer, record: Mapping[str, Any]) -> InputError:
        module = record.get("module")
        own = isinstance(module, str) and not module.startswith(("keras", "tf_keras"))
        if not own and record.get("registered_name") in {None, layer.class_name}:
            return layer.refuse(
                "is of a class that is not built from files of that Keras",
                f"{layer.writer.way_out}; or, if the class is one of your own, {_NAME_IT}",
            )
        also = "; the module of custom objects has no such name" if self._objects else ""
        return layer.refuse(
            f"is of the class {layer.class_name[:100]!r}, which is not one of Keras's own{also}",
            _NAME_IT,
        )


def _layers_of(model: Layer) -> list[Any]:
    found = model.arguments.get("layers")
    if not isinstance(found, list) or not found:
        raise model.refuse("has no layers")
    return found


def _compute(layer: Layer, dtype: Any) -> str:
    """Data type that a layer computes in."""
    name = dtype
    if isinstance(dtype, dict):
        inside = dtype.get("config")
        name = inside.get("name") if isinstance(inside, dict) else None
    if name is None or (isinstance(name, str) and name in {"infer", "_infer"}):
        return "float32"
    if layer.class_name == "InputLayer":
        return str(name)
    if name not in _POLICIES:
        raise layer.refuse(f"computes in {str(dtype)[:60]!r}, which is not built")
    compute, _ = _POLICIES[name]
    if compute != "float32" and (layer.writer.standalone or layer.writer.numbers < (2, 4)):
        raise layer.refuse(f"computes in {compute}, which is not built for that version")
    return compute


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
