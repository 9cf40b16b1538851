"""Computes a network layer by layer, with TensorFlow's operations."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from czcheck.building.keras2.layer import Call
from czcheck.errors import InputError

if TYPE_CHECKING:
    from czcheck.building.keras2.layer import Layer
    from czcheck.building.keras2.tree import Reader

Place: TypeAlias = tuple[str, int, int]
"""A tensor of a model: name of the layer, number of its call, number of the output."""

CONSTANT = "_CONSTANT_VALUE"
_LONG = (3, 4)


@dataclass(slots=True)
class _Node:
    """A call of a layer in a model: its number, what goes in and which tensors that needs."""

    layer: Layer
    number: int
    inputs: Any
    arguments: dict[str, Any]
    needs: set[Place] = field(default_factory=set)


class Run:
    """Computes layers and models.

    Attributes:
        used: Layers that were computed.
        notes: What the file leaves open, one sentence each.
    """

    def __init__(self, tf: Any, reader: Reader) -> None:
        """Compute nothing yet.

        Args:
            tf: The tensorflow module.
            reader: What read the layers; it knows the classes that the user gave.
        """
        self._tf = tf
        self._reader = reader
        self.used: set[Layer] = set()
        self.notes: set[str] = set()

    def read(self, record: Any) -> Layer:
        """A layer that stands where an activation does.

        Args:
            record: Its description.
        """
        layer = self._reader.read(record)
        self.used.add(layer)
        return layer

    def function(self, name: str) -> Any:
        """A function that the user gave; None if there is none of that name.

        Args:
            name: Its name.
        """
        return self._reader.function(name)

    def layer(
        self, layer: Layer, inputs: Any, arguments: Mapping[str, Any], training: bool | None
    ) -> Any:
        """What a layer makes of its input.

        Args:
            layer: The layer, or a model.
            inputs: A tensor, or a list of them.
            arguments: Further arguments of its call.
            training: Whether what is around it is called with `training=True` or `False`.

        Raises:
            InputError: It cannot be built.
        """
        self.used.add(layer)
        given = dict(arguments)
        own = given.pop("training", None)
        if own is not None and not isinstance(own, (bool, int)):
            raise layer.refuse("is called with a tensor as `training`, which is not built")
        training = training if own is None else bool(own)
        if given.get("mask") is None:
            given.pop("mask", None)
        if layer.is_model:
            if given:
                raise layer.refuse(f"is called with {min(given)}, which is not built")
            return self.model(layer, inputs, training)
        if layer.kind is None:
            return self._custom(layer, inputs, given)
        call = Call(self._tf, layer, training, given, self)
        output = layer.kind.call(call, self._prepared(layer, inputs))
        if call.arguments:
            name = min(map(str, call.arguments))[:60]
            raise layer.refuse(f"is called with the argument {name}, which is not built")
        return output

    def _prepared(self, layer: Layer, inputs: Any) -> Any:
        assert layer.kind is not None
        listed = isinstance(inputs, (list, tuple))
        if layer.kind.several is None:
            return inputs
        if not layer.kind.several and listed:
            if len(inputs) != 1:
                raise layer.refuse(f"is called with {len(inputs)} inputs, which is not built")
            inputs = inputs[0]
        if layer.kind.several and not listed:
            inputs = [inputs]
        if not layer.kind.casts:
            return inputs
        if isinstance(inputs, (list, tuple)):
            return [self._cast(layer, each) for each in inputs]
        return self._cast(layer, inputs)

    def _cast(self, layer: Layer, x: Any) -> Any:
        if self._tf.is_tensor(x) and x.dtype.is_floating:
            return self._tf.cast(x, layer.compute)
        return x

    def _custom(self, layer: Layer, inputs: Any, arguments: dict[str, Any]) -> Any:
        """Let a class that the user gave compute; it is made once."""
        if layer.made is None:
            config = dict(layer.record["config"])
            # Keras 3 has another name for it, or none.
            config.pop("batch_input_shape", None)
            made = self._reader.custom(layer)
            layer.made = made.from_config(config) if hasattr(made, "from_config") else made
        if isinstance(inputs, (list, tuple)) and len(inputs) == 1:
            inputs = inputs[0]
        return layer.made(inputs, **arguments)

    def model(self, model: Layer, inputs: Any, training: bool | None) -> Any:
        """What a model makes of its inputs.

        Args:
            model: The model.
            inputs: A tensor, or a list of them.
            training: Whether what is around it is called with `training=True` or `False`.

        Returns:
            A tensor, or a list where the model has several outputs.

        Raises:
            InputError: One of its layers cannot be built, or the description is damaged.
        """
        model.arguments.get("layers")
        if model.is_sequential:
            return self._sequence(model, inputs, training)
        given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        places = [_place(model, each) for each in _listed(model.arguments.get("input_layers"))]
        ends = [_place(model, each) for each in _listed(model.arguments.get("output_layers"))]
        if len(places) != len(given) or not ends:
            raise model.refuse(f"takes {len(places)} inputs and is called with {len(given)}")
        values: dict[Place, Any] = dict(zip(places, given, strict=True))
        self._compute(model, _nodes(model, ends), values, training)
        try:
            found = [values[end] for end in ends]
        except KeyError:
            raise _damaged(model) from None
        return found[0] if len(found) == 1 else found

    def _sequence(self, model: Layer, inputs: Any, training: bool | None) -> Any:
        x = inputs
        for layer in model.layers:
            if layer.class_name != "InputLayer":
                x = self.layer(layer, x, {}, training)
        return x

    def _compute(
        self,
        model: Layer,
        nodes: Sequence[_Node],
        values: dict[Place, Any],
        training: bool | None,
    ) -> None:
        """Compute nodes as soon as all that they need is there."""
        waiting: dict[Place, list[_Node]] = defaultdict(list)
        missing: dict[int, int] = {}
        ready: deque[_Node] = deque()
        for node in nodes:
            needs = node.needs - values.keys()
            missing[id(node)] = len(needs)
            for place in needs:
                waiting[place].append(node)
            if not needs:
                ready.append(node)
        done = 0
        while ready:
            node = ready.popleft()
            done += 1
            arguments = {key: _filled(value, values) for key, value in node.arguments.items()}
            inputs = _filled(node.inputs, values)
            with self._tf.name_scope(_scope(node.layer.name)):
                outputs = self.layer(node.layer, inputs, arguments, training)
            listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            for number, output in enumerate(listed):
                place = (node.layer.name, node.number, number)
                values[place] = output
                for other in waiting.pop(place, ()):
                    missing[id(other)] -= 1
                    if missing[id(other)] == 0:
                        ready.append(other)
        if done != len(nodes):
            raise _damaged(model)


def _scope(name: str) -> str:
    """A layer's name as TensorFlow takes it for a scope."""
    plain = "".join(each if each.isascii() and each.isalnum() else "_" for each in name[:100])
    return f"layer_{plain}"


def _damaged(model: Layer) -> InputError:
    return model.refuse("has a description of its connections that is damaged")


def _listed(places: Any) -> list[Any]:
    """The places of a model's inputs or outputs; one alone may stand without a list around it."""
    if isinstance(places, dict):
        return list(places.values())
    if not isinstance(places, list) or not places:
        return []
    return [places] if isinstance(places[0], str) else places


def _place(model: Layer, value: Any) -> Place:
    if isinstance(value, list) and len(value) in _LONG:
        name, node, tensor = value[:3]
        if isinstance(name, str) and isinstance(node, int) and isinstance(tensor, int):
            return name, node, tensor
    raise _damaged(model)


def _is_place(value: Any) -> bool:
    """Whether a list in a description stands for a tensor, as Keras itself tells it."""
    return (
        isinstance(value, list)
        and len(value) in _LONG
        and isinstance(value[0], str)
        and isinstance(value[1], int)
    )


class _Tensor(tuple[str, int, int]):
    """Where a tensor is put in an argument."""

    __slots__ = ()


def _nodes(model: Layer, ends: Sequence[Place]) -> list[_Node]:
    """The calls in a model."""
    nodes: list[_Node] = []
    for layer in model.layers:
        record = layer.record.get("inbound_nodes")
        if layer.class_name == "InputLayer":
            continue
        if not isinstance(record, list):
            raise _damaged(model)
        for number, data in enumerate(record):
            nodes.append(_node(model, layer, number, data))
    # A model's first call has the number 1 in files, since 0 is how it was made.
    first: dict[str, int] = {}
    for name, number, _ in (*ends, *(place for node in nodes for place in node.needs)):
        first[name] = min(number, first.get(name, number))
    for node in nodes:
        if node.layer.is_model or node.layer.kind is None:
            node.number += min(1, first.get(node.layer.name, 0))
    return nodes


def _node(model: Layer, layer: Layer, number: int, data: Any) -> _Node:
    node = _Node(layer, number, None, {})
    several = isinstance(data, list) and not _is_place(data)
    listed = data if several else [data]
    if not listed:
        raise _damaged(model)
    inputs = [_input(model, node, each) for each in listed]
    wrapped = several and layer.class_name in {"TFOpLambda", "SlicingOpLambda"}
    node.inputs = inputs if len(inputs) > 1 or wrapped else inputs[0]
    return node


def _input(model: Layer, node: _Node, data: Any) -> Any:
    """One of a call's inputs; it may come with arguments of the call."""
    if isinstance(data, list) and not _is_place(data):
        return [_input(model, node, each) for each in data]
    if not isinstance(data, list):
        raise _damaged(model)
    arguments = data[3] if len(data) == 4 else {}
    if not isinstance(arguments, dict):
        raise _damaged(model)
    node.arguments.update({key: _value(model, node, each) for key, each in arguments.items()})
    if data[0] == CONSTANT:
        return data[2]
    place = _Tensor(_place(model, data))
    node.needs.add(place)
    return place


def _value(model: Layer, node: _Node, value: Any) -> Any:
    """An argument of a call, with places of tensors marked."""
    if _is_place(value):
        place = _Tensor(_place(model, value))
        node.needs.add(place)
        return place
    if isinstance(value, list):
        return [_value(model, node, each) for each in value]
    if isinstance(value, dict):
        return {key: _value(model, node, each) for key, each in value.items()}
    return value


def _filled(value: Any, values: Mapping[Place, Any]) -> Any:
    """An argument with tensors in their places."""
    if isinstance(value, _Tensor):
        return values[value]
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    if isinstance(value, dict):
        return {key: _filled(each, values) for key, each in value.items()}
    return value
