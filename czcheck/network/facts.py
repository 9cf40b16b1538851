"""What is known of a network without running it: frozen facts, free of slow imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from czcheck.errors import UnavailableError

if TYPE_CHECKING:
    from czcheck.network.bounds import Bounds
    from czcheck.network.graph import SavedGraph

Dims = tuple[int | None, ...]
Where = Literal["serving", "saver", "other"]
Loader = Literal["session", "object"]
Precision = Literal["float32", "float16", "bfloat16"]


class TensorSpec(NamedTuple):
    """One input or output of a signature.

    Attributes:
        key: Its key in the signature, such as `input_1`.
        tensor: The tensor in the main graph, such as `serving_default_input_1:0`.
        dtype: Name of its dtype, such as `float32`.
        shape: Its sizes, usually `(batch, height, width, channels)`; None for an open size, and
            None as a whole for an open rank.
        encoding: `dense`, or `sparse` or `composite` for a tensor in several pieces; `tensor` is
            then the first of them.
    """

    key: str
    tensor: str
    dtype: str
    shape: Dims | None
    encoding: Literal["dense", "sparse", "composite"] = "dense"


class Signature(NamedTuple):
    """A way to call the network.

    Attributes:
        name: Its key, such as `serving_default`.
        method: Its method name, such as `tensorflow/serving/predict`.
        inputs: Its inputs, by key.
        outputs: Its outputs, by key.
    """

    name: str
    method: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @property
    def input(self) -> TensorSpec | None:
        """The one input; None where there is not exactly one."""
        return self.inputs[0] if len(self.inputs) == 1 else None

    @property
    def output(self) -> TensorSpec | None:
        """The one output; None where there is not exactly one."""
        return self.outputs[0] if len(self.outputs) == 1 else None

    @property
    def ends(self) -> tuple[TensorSpec, TensorSpec] | None:
        """The one input and the one output; None where there is not exactly one of each."""
        fed, made = self.input, self.output
        return None if fed is None or made is None else (fed, made)


@dataclass(frozen=True, slots=True)
class OperationUse:
    """How often an operation occurs in one part of the file.

    Attributes:
        op: The operation.
        count: Nodes, each function body counted once.
        where: `serving` where the serving signature reaches them, `saver` where only saving and
            restoring do, `other` for the rest: training functions, further signatures.
        example: Name of the first of those nodes.
        function: The function that holds it; None for the main graph.
    """

    op: str
    count: int
    where: Where
    example: str
    function: str | None


class NodeUse(NamedTuple):
    """A node that matters.

    Attributes:
        op: Its operation.
        name: Its name.
        function: The function that holds it; None for the main graph.
    """

    op: str
    name: str
    function: str | None


class Variable(NamedTuple):
    """A variable of the graph.

    Attributes:
        name: Its name.
        dtype: Name of its dtype.
        shape: Its shape; None for an open size or, as a whole, an open rank.
        captured: Whether the serving signature reads it.
        restored: Whether the restore function assigns it.
        key: Its key in `variables.index`, where that is known.
        bytes: Size of its values; None where that is not fixed.
    """

    name: str
    dtype: str
    shape: Dims | None
    captured: bool
    restored: bool = False
    key: str | None = None
    bytes: int | None = None

    @property
    def parameters(self) -> int:
        """Number of its values; 0 where the shape is open."""
        count = 1
        for size in self.shape if self.shape is not None else (None,):
            count *= size or 0
        return count


class IndexEntry(NamedTuple):
    """One entry of `variables.index`.

    Attributes:
        key: Its key.
        dtype: Name of its dtype.
        shape: Its shape; None for an open rank.
        shard: Number of the data file that holds it, from 0.
        offset: First byte in that file.
        size: Bytes.
        sliced: Whether its values stand in further entries, one for each slice.
    """

    key: str
    dtype: str
    shape: Dims | None
    shard: int
    offset: int
    size: int
    sliced: bool = False


class Problem(NamedTuple):
    """Something wrong with the variables.

    Attributes:
        subject: File, key or variable.
        text: What is wrong, as part of a sentence.
        is_file: Whether the subject is a file.
    """

    subject: str
    text: str
    is_file: bool = False


class CheckpointIndex(NamedTuple):
    """What `variables.index` says.

    Attributes:
        shards: Data files that it counts on.
        entries: Its entries, by key.
    """

    shards: int
    entries: tuple[IndexEntry, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """What is known of a SavedModel without running it.

    Attributes:
        fault: Why it cannot be read, as a sentence without its full stop; None if it can. With a
            fault, all that follows is empty.
        fault_file: The file that is at fault.
        beyond_limits: Whether the fault is that the graph is too large or runs in circles.
        tags: Tags of the meta graph that is run.
        tensorflow_version: Version of TensorFlow that wrote it, as it claims.
        producer: SavedGraph version that it claims; TensorFlow 2.0.0 writes 119.
        min_consumer: Oldest graph version of a runtime that may read it.
        schema: Version of the SavedModel's own form that it claims; 1 in every known file.
        signatures: All signatures, by name.
        serving: The signature that is run: `serving_default`, else the only one with one dense
            input and output, else the only one with inputs.
        operations: What occurs how often and where, by operation.
        random: Nodes that draw random numbers when the serving signature runs.
        training: Batch normalisations in training mode and updates of variables that the serving
            signature reaches.
        variables: All variables, by name.
        index: What `variables.index` says; None where it is missing or unreadable.
        problems: What is incomplete or inconsistent in the variables.
        loader: Which way to load the network works: `session` for TensorFlow 1's session loader,
            `object` for `tf.saved_model.load`.
        assets: Names of the asset files that the graph refers to.
        keras_metadata: Whether `keras_metadata.pb` is there.
        tail: What the output comes from: `softmax`, `decomposed-softmax` (written out as max,
            exponential and sum), `sigmoid-pair` (p and 1 - p), `sigmoid` (written out, too),
            `log-softmax`, `linear`, the name of another operation, or `unknown`.
        bounds: Between which values the output lies, as far as its last operations decide;
            None where there is not exactly one output.
        pair: Channel of p, 0 or 1, where the output's two channels are p and 1 - p; else None.
        precision: The coarsest type of floating numbers on the way from input to output.
        constant_parameters: Values of floating constants with at least one dimension that the
            serving signature reaches: weights that are part of the graph.
        weight_bytes: Size of these constants and of the captured variables.
        nodes: Nodes in the whole file.
        functions: Functions in the graph's library.
        unknown_files: Files that a SavedModel does not have.
        graph: The graph itself.
        further: Graphs next to it, which another tag selects.
    """

    fault: str | None = None
    fault_file: str | None = None
    beyond_limits: bool = False
    tags: tuple[str, ...] = ()
    tensorflow_version: str = ""
    producer: int = 0
    min_consumer: int = 0
    schema: int = 1
    signatures: tuple[Signature, ...] = ()
    serving: Signature | None = None
    operations: tuple[OperationUse, ...] = ()
    random: tuple[NodeUse, ...] = ()
    training: tuple[NodeUse, ...] = ()
    variables: tuple[Variable, ...] = ()
    index: CheckpointIndex | None = None
    problems: tuple[Problem, ...] = ()
    loader: Loader = "session"
    assets: tuple[str, ...] = ()
    keras_metadata: bool = False
    tail: str = "unknown"
    precision: Precision = "float32"
    bounds: Bounds | None = None
    pair: int | None = None
    constant_parameters: int = 0
    weight_bytes: int = 0
    nodes: int = 0
    functions: int = 0
    unknown_files: tuple[str, ...] = ()
    graph: SavedGraph | None = field(default=None, repr=False, compare=False)
    further: tuple[SavedGraph, ...] = field(default=(), repr=False, compare=False)

    @property
    def input(self) -> TensorSpec | None:
        """The one input of the serving signature; None where there is not exactly one."""
        return None if self.serving is None else self.serving.input

    @property
    def output(self) -> TensorSpec | None:
        """The one output of the serving signature; None where there is not exactly one."""
        return None if self.serving is None else self.serving.output

    @property
    def ends(self) -> tuple[TensorSpec, TensorSpec] | None:
        """The one input and the one output; None where there is not exactly one of each."""
        return None if self.serving is None else self.serving.ends

    @property
    def required_ends(self) -> tuple[TensorSpec, TensorSpec]:
        """The one input and the one output of a network that is to be run.

        Raises:
            UnavailableError: There is no signature with exactly one of each.
        """
        if self.ends is None:
            raise UnavailableError("the network has no signature with one input and one output")
        return self.ends

    @property
    def parameters(self) -> int:
        """Values in the variables that the serving signature captures and in its constants."""
        captured = sum(each.parameters for each in self.variables if each.captured)
        return captured + self.constant_parameters
