"""A file's description of layers, as objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

# Importing them enters their layers.
from czcheck.building.keras2 import (  # noqa: F401
    layers_attention,
    layers_convolution,
    layers_merging,
    layers_normalization,
    layers_pointwise,
    layers_recurrent,
    layers_shape,
    layers_tensorflow,
)
from czcheck.building.keras2.arguments import Arguments
from czcheck.building.keras2.kinds import entered
from czcheck.building.keras2.layer import Layer
from czcheck.errors import InputError

if TYPE_CHECKING:
    from czcheck.building.keras2.writer import Writer

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
