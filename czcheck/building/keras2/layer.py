"""A layer of a file, what its class does, and one call of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from czcheck.building.keras2.arguments import Arguments
from czcheck.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.building.keras2.writer import Writer

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
