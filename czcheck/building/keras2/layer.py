"""A layer of a file: its arguments, read strictly; what its class does; and one call of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from czcheck.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.building.keras2.reading import Writer


# What says nothing about the numbers that a trained layer computes.
_WITHOUT_A_MEANING = frozenset(
    {
        "name", "trainable", "dtype", "batch_input_shape", "input_dtype", "activity_regularizer",
        "autocast", "momentum", "unit_forget_bias", "implementation", "seed", "rng_type",
        "build_input_shape", "input_dim", "input_length", "sparse", "ragged",
        "optional", "synchronized", "fused", "trainable_weights", "dropout", "recurrent_dropout",
    }
)  # fmt: skip
_ENDS_WITHOUT_A_MEANING = ("_initializer", "_regularizer", "_constraint")


class Arguments:
    """The arguments of one layer. What is never read is refused at the end.

    Attributes:
        refuse: Makes an error about the layer.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Take the arguments.

        Args:
            values: What the file says, decoded JSON.
        """
        self._values = values
        self._read: set[str] = set()
        self.refuse: Callable[[str], InputError] = InputError

    def get(self, key: str, default: Any = None) -> Any:
        """An argument, whatever its type.

        Args:
            key: Its name.
            default: What it is where the file does not say it.
        """
        self._read.add(key)
        return self._values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Say an argument that stands elsewhere in the file."""
        self._values = {**self._values, key: value}

    def _wrong(self, key: str, value: Any) -> InputError:
        return self.refuse(f"has {key} = {str(value)[:60]}, which is not built")

    def flag(self, key: str, *, default: bool) -> bool:
        """An argument that is true or false."""
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, value)
        return value

    def only(self, key: str, *allowed: Any) -> None:
        """See that an argument has a value that changes nothing; the first one is the default."""
        value = self.get(key, allowed[0])
        if value not in allowed:
            raise self._wrong(key, value)

    def choice(self, key: str, allowed: Collection[str], default: str) -> str:
        """An argument that is one of some words."""
        value = self.get(key, default)
        if not isinstance(value, str) or value.lower() not in allowed:
            raise self._wrong(key, value)
        return value.lower()

    def number(self, key: str, default: float) -> float:
        """An argument that is a number; also one that is stored as an array of one."""
        value = self.get(key, default)
        if isinstance(value, dict):  # as standalone Keras stores numpy's arrays
            value = value.get("value")
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong(key, value)
        return float(value)

    def whole(self, key: str, default: int | None = None) -> int:
        """An argument that is a whole number."""
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(key, value)
        return value

    def sizes(self, key: str, count: int, default: int | None = None) -> tuple[int, ...]:
        """An argument of some whole numbers, not negative; one alone holds for all."""
        value = self.get(key, default)
        listed = [value] * count if isinstance(value, int) else value
        if (
            not isinstance(listed, (list, tuple))
            or len(listed) != count
            or not all(isinstance(each, int) and 0 <= each < 1 << 31 for each in listed)
        ):
            raise self._wrong(key, value)
        return tuple(listed)

    def pairs(self, key: str, count: int) -> tuple[tuple[int, int], ...]:
        """An argument of (before, after) for each dimension, as padding and cropping have it."""
        value = self.get(key)
        listed = value
        if count == 1 and isinstance(value, list) and all(isinstance(each, int) for each in value):
            listed = [value]
        if not isinstance(listed, list) or len(listed) != count:
            raise self._wrong(key, value)
        found = []
        for each in listed:
            two = [each, each] if isinstance(each, int) else each
            if (
                not isinstance(two, list)
                or len(two) != 2
                or not all(isinstance(side, int) and side >= 0 for side in two)
            ):
                raise self._wrong(key, value)
            found.append((two[0], two[1]))
        return tuple(found)

    def whole_numbers(self, key: str, default: Any = None) -> tuple[int, ...]:
        """An argument of any count of whole numbers; one alone counts as a list of one."""
        value = self.get(key, default)
        listed = [value] if isinstance(value, int) else value
        if not isinstance(listed, (list, tuple)) or not all(isinstance(v, int) for v in listed):
            raise self._wrong(key, value)
        return tuple(listed)

    def finish(self) -> None:
        """Refuse what nobody read.

        Raises:
            InputError: An argument is not known, so the layer may mean something else with it.
        """
        for key, value in self._values.items():
            if key in self._read or key in _WITHOUT_A_MEANING or value is None:
                continue
            if not key.endswith(_ENDS_WITHOUT_A_MEANING):
                raise self._wrong(str(key)[:60], value)


# "Model" up to 2.3, "Functional" from 2.4 on.
MODELS = ("Model", "Functional", "Sequential")
Weights: TypeAlias = Callable[["Layer"], tuple[tuple[str, bool], ...]]
"""Names of a layer's own weights in the order in which it makes them, and which are trained."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of layers.

    Attributes:
        call: Computes it: takes the call and the input, returns the output.
        weights: Its own weights.
        children: Arguments that hold layers.
        several: Whether it takes a list of inputs, also of one; None if it takes what it is given.
        casts: Whether inputs are turned into the data type that it computes in.
    """

    call: Callable[[Call, Any], Any]
    weights: Weights
    children: tuple[str, ...]
    several: bool | None
    casts: bool


@dataclass(slots=True, eq=False)
class Layer:
    """One layer of a file; a layer that is called several times is one.

    Attributes:
        name: Its name in the file.
        class_name: Its class in the file.
        arguments: What it was made with.
        writer: The Keras that wrote the file.
        kind: What its class does; None for a class that the user gave.
        trainable: Whether it was to be trained, which decides the order of weights in HDF5 files.
        compute: Data type that it computes in.
        children: Layers inside, by the attribute that holds them.
        layers: Layers of a model, in the order in which the file lists them.
        record: The whole description, for classes that the user gave.
        weights: Its own weights, by name, once they have been assigned.
        variables: The same as TensorFlow's variables.
        made: The layer that was made of a class that the user gave.
    """

    name: str
    class_name: str
    arguments: Arguments
    writer: Writer
    kind: Kind | None
    trainable: bool
    compute: str
    record: Mapping[str, Any]
    children: dict[str, Layer] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    made: Any = None

    @property
    def is_model(self) -> bool:
        """Whether it is a model, of which others can be parts."""
        return self.class_name in MODELS

    @property
    def is_sequential(self) -> bool:
        """Whether it is a model whose layers stand in a row."""
        return self.class_name == "Sequential"

    def refuse(self, why: str, way_out: str | None = None) -> InputError:
        """An error about this layer, with the version and a way out.

        Args:
            why: What about it cannot be built, a clause behind the layer's name.
            way_out: What helps, if not a SavedModel that the writing Keras makes.
        """
        return InputError(
            f"the Keras file is of {self.writer.name}, and its layer {self.name[:100]!r} "
            f"({self.class_name[:100]}) {why}; {way_out or self.writer.way_out}"
        )

    def everything(self) -> Iterator[Layer]:
        """The layer itself and all layers inside of it."""
        pending = [self]
        while pending:
            layer = pending.pop()
            yield layer
            pending.extend(reversed([*layer.children.values(), *layer.layers]))


class Inside(Protocol):
    """Computes layers inside of another one.

    Attributes:
        notes: What the file leaves open, one sentence each.
    """

    notes: set[str]

    def read(self, record: Any) -> Layer:
        """A layer that stands where an activation does, from its description."""

    def function(self, name: str) -> Any:
        """A function that the user gave; None if there is none of that name."""

    def layer(
        self, layer: Layer, inputs: Any, arguments: Mapping[str, Any], training: bool | None
    ) -> Any:
        """The output of a layer."""


@dataclass(slots=True)
class Call:
    """One call of one layer.

    Attributes:
        tf: TensorFlow.
        layer: The layer.
        training: Whether the file has it called with `training=True` or `False`; None if neither.
        arguments: Further arguments of the call, tensors of the network in place of their names.
        run: What computes layers inside of this one.
    """

    tf: Any
    layer: Layer
    training: bool | None
    arguments: dict[str, Any]
    run: Inside

    def weight(self, name: str) -> Any:
        """One of the layer's weights, in the data type that it computes in."""
        return self.tf.cast(self.tensor(name), self.layer.compute)

    def tensor(self, name: str) -> Any:
        """One of the layer's weights, in the data type that it is stored in."""
        return self.tf.convert_to_tensor(self.layer.variables[name])

    def inside(self, child: Layer, inputs: Any, training: bool | None = None) -> Any:
        """What a layer inside of this one makes of its input."""
        return self.run.layer(child, inputs, {}, self.training if training is None else training)

    def last(self, x: Any) -> Any:
        """The input with its channels last, wherever the layer has them."""
        if not self.channels_first:
            return x
        rank = x.shape.rank
        return self.tf.transpose(x, [0, *range(2, rank), 1])

    def back(self, x: Any) -> Any:
        """An output with its channels where the layer has them."""
        if not self.channels_first:
            return x
        rank = x.shape.rank
        return self.tf.transpose(x, [0, rank - 1, *range(1, rank - 1)])

    @property
    def channels_first(self) -> bool:
        """Whether channels stand behind the batch."""
        formats = ("channels_last", "channels_first")
        found = self.layer.arguments.choice("data_format", formats, formats[0])
        return found == "channels_first"


_KINDS: dict[str, Kind] = {}


def _none(layer: Layer) -> tuple[tuple[str, bool], ...]:
    del layer
    return ()


def kind(
    *names: str,
    weights: Weights = _none,
    children: tuple[str, ...] = (),
    several: bool | None = False,
    casts: bool = True,
) -> Callable[[Callable[[Call, Any], Any]], Callable[[Call, Any], Any]]:
    """Enter a function as what layers of a class compute.

    Args:
        *names: Names of the class in files.
        weights: Its own weights.
        children: Arguments that hold layers.
        several: Whether it takes a list of inputs, also of one; None if it takes what it is given.
        casts: Whether inputs are turned into the data type that it computes in.
    """

    def enter(call: Callable[[Call, Any], Any]) -> Callable[[Call, Any], Any]:
        for name in names:
            _KINDS[name] = Kind(call, weights, children, several, casts)
        return call

    return enter


def entered(name: str) -> Kind | None:
    """What a class does; None if no module that has been imported entered it.

    Args:
        name: Its name in a file.
    """
    return _KINDS.get(name)


def trained(*names: str) -> Weights:
    """Weights that are always there, all trained.

    Args:
        *names: Their names.
    """

    def weights(layer: Layer) -> tuple[tuple[str, bool], ...]:
        del layer
        return tuple((name, True) for name in names)

    return weights


def with_bias(*names: str) -> Weights:
    """Weights that are always there, and a bias where `use_bias` says so; all trained.

    Args:
        *names: Names of the others.
    """

    def weights(layer: Layer) -> tuple[tuple[str, bool], ...]:
        bias = ("bias",) if layer.arguments.flag("use_bias", default=True) else ()
        return tuple((name, True) for name in (*names, *bias))

    return weights
