"""Give a lowered network its tile size, and find what forbids it.

Runs in the build's child process only. Nothing is computed about sizes here: TensorFlow's own
shape inference and a real run decide whether a network can take a tile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from czcheck.building.lowering.lower import INPUT, OUTPUT, import_graph, weights
from czcheck.errors import InputError
from czcheck.network.grammar import data_inputs
from czcheck.planned.ends import about_open_tile
from czcheck.runtime.worker import first_line, without_rewrites

RANK = 4
OPEN = -1

SIZED = frozenset(
    {"ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea", "ScaleAndTranslate"}
    | {"Reshape", "Conv2DBackpropInput", "Slice", "StridedSlice", "BroadcastTo", "Fill"}
)
"""Operations that are given the size of their output: the places where a tile size is baked in."""

# What kernels of oneDNN report of sizes; status and source file follow, and help nobody.
_NO_PRIMITIVE = "could not create a primitive"
ADVICE = (
    "build the network with input shape (None, None, channels), or with the tile's own size "
    "(height, width, channels)"
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A network with its tile size in place.

    Attributes:
        graph_def: The graph.
        tile: (height, width) in pixels.
        source_tile: What the source has: (height, width), -1 where it is open.
        batch: Size of the batch dimension, -1 if open.
        source_batch: The same of the source.
        channels: Size of the input's last dimension.
        classes: Size of the output's last dimension.
    """

    graph_def: Any
    tile: tuple[int, int]
    source_tile: tuple[int, int]
    batch: int
    source_batch: int
    channels: int
    classes: int


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A network that is to take tiles of another size, or of its own.

    Attributes:
        graph_def: The graph with the new size.
        old: The graph as it was.
        shape: (batch, height, width, channels) of the new one, -1 where it is open.
        multiple: Number that height and width have to be multiples of, as far as known.
    """

    graph_def: Any
    old: Any
    shape: list[int]
    multiple: int


def fit(graph_def: Any, tile: tuple[int, int] | None, multiple: int = 1) -> Fitted:
    """Set the tile size of a lowered network.

    Args:
        graph_def: The lowered graph.
        tile: (height, width) in pixels; None to keep the network's own.
        multiple: Number that height and width have to be multiples of, as far as known.

    Returns:
        The network, whose output has the static shape (batch, height, width, classes).

    Raises:
        InputError: The network has no tile size of its own, or an operation forbids the one
            requested.
    """
    old = _input_shape(graph_def)
    if len(old) != RANK or old[3] == OPEN:
        raise InputError(
            f"the network's input has the shape {_shown(old)}; "
            "it has to be (batch, height, width, channels) with a fixed number of channels"
        )
    height, width = tile or (old[1], old[2])
    if OPEN in (height, width):
        raise InputError(about_open_tile(multiple))
    batch = old[0] if old[0] in (OPEN, 1) else OPEN
    shape = [batch, height, width, old[3]]
    changed = type(graph_def)()
    changed.CopyFrom(graph_def)
    _set_shape(changed, shape)
    attempt = _Attempt(changed, graph_def, shape, multiple)
    _import(attempt)
    output = _run(attempt)
    if list(output.shape[:3]) != [1, height, width] or output.ndim != RANK:
        _refuse_output(attempt, output.shape)
    if batch != old[0]:
        _check_opened(changed, graph_def, old, shape)
    _fix_output(changed, [batch, height, width, output.shape[3]])
    return Fitted(
        graph_def=changed,
        tile=(height, width),
        source_tile=(old[1], old[2]),
        batch=batch,
        source_batch=old[0],
        channels=old[3],
        classes=int(output.shape[3]),
    )


def _shown(shape: list[int]) -> str:
    return "(" + ", ".join("open" if size == OPEN else str(size) for size in shape) + ")"


def _input(graph_def: Any) -> Any:
    return next(node for node in graph_def.node if node.name == INPUT)


def _input_shape(graph_def: Any) -> list[int]:
    return [int(dim.size) for dim in _input(graph_def).attr["shape"].shape.dim]


def _set_shape(graph_def: Any, shape: list[int]) -> None:
    message = _input(graph_def).attr["shape"].shape
    del message.dim[:]
    for size in shape:
        message.dim.add(size=size)


def _import(attempt: _Attempt) -> None:
    """Import a graph: TensorFlow infers all shapes, and refuses what does not fit."""
    try:
        with tf.Graph().as_default():
            import_graph(attempt.graph_def, shapes_only=True)
    except ValueError as error:
        _refuse(attempt, _first_failing(attempt.graph_def), _reason(error))


def _first_failing(graph_def: Any) -> str:
    """Name of the first node with which a graph cannot be imported."""
    good, bad = 0, len(graph_def.node)
    while bad - good > 1:
        middle = (good + bad) // 2
        part = type(graph_def)(versions=graph_def.versions, library=graph_def.library)
        part.node.extend(graph_def.node[:middle])
        try:
            with tf.Graph().as_default():
                import_graph(part)
            good = middle
        except ValueError:
            bad = middle
    return str(graph_def.node[bad - 1].name)


def _run(attempt: _Attempt) -> Any:
    """The output for a tile of noise in 0 to 1."""
    try:
        return run(attempt.graph_def, noise(1, attempt.shape))
    except tf.errors.OpError as error:
        name = error.op.name if error.op is not None else getattr(error.node_def, "name", OUTPUT)
        _refuse(attempt, str(name), _reason(error))
        raise  # not reached: the line above always raises


def noise(count: int, shape: list[int]) -> Any:
    """A batch of tiles of noise, 0 to 1, always the same."""
    return np.random.default_rng(0).random((count, *shape[1:]), np.float32)


def run(graph_def: Any, tiles: Any) -> Any:
    """Run a lowered graph on tiles.

    Args:
        graph_def: The graph.
        tiles: Array of float32, (batch, height, width, channels).
    """
    config = without_rewrites(tf, tf.compat.v1.ConfigProto())
    # One or two tiles are run: making the graph quicker would take longer than running it.
    config.graph_options.optimizer_options.opt_level = -1
    # Weights are fed, since a session copies those of its graph about ten times.
    fed = {f"{name}:0": tf.make_ndarray(tensor) for name, tensor in weights(graph_def)}
    with tf.Graph().as_default() as graph:
        import_graph(graph_def, shapes_only=True)
        with tf.compat.v1.Session(graph=graph, config=config) as session:
            return session.run(f"{OUTPUT}:0", {**fed, f"{INPUT}:0": tiles})


def _reason(error: Exception) -> str:
    """The part of TensorFlow's message that speaks of shapes."""
    text = first_line(error).partition(" for '{{node")[0].partition(" [[{{node")[0]
    if _NO_PRIMITIVE in text:
        return "the sizes of its inputs do not fit together"
    return " ".join(text.split()).rstrip(".")


def _refuse(attempt: _Attempt, name: str, reason: str) -> None:
    """Raise the error that names the operation which forbids a tile size."""
    ops = {node.name: node.op for node in attempt.graph_def.node}
    _, height, width, _ = attempt.shape
    size = f"{height} x {width}"
    baked = _baked_in(attempt.graph_def, attempt.old)
    if baked is not None:
        raise InputError(
            f"operation {ops[baked]} (node {baked}) has a size written into it, so the network "
            f"cannot take tiles of {size}: {reason}; {ADVICE}"
        )
    coarse = attempt.multiple
    if height % coarse or width % coarse:
        advice = f"the network shrinks a tile by {coarse}: use multiples of {coarse}"
    else:
        advice = ADVICE
    raise InputError(
        f"operation {ops.get(name, 'unknown')} (node {name}) cannot take tiles of {size}: "
        f"{reason}; {advice}"
    )


def _refuse_output(attempt: _Attempt, output: tuple[int, ...]) -> None:
    """Raise the error for an output that has not the tile's height and width."""
    reason = f"the network outputs the shape {output}"
    if _baked_in(attempt.graph_def, attempt.old) is not None:
        _refuse(attempt, OUTPUT, reason)
    raise InputError(
        f"{reason} for a tile of {attempt.shape[1]} x {attempt.shape[2]}; the output has to have "
        "the tile's height and width: end the network with up-sampling, and pad its convolutions "
        "(padding='same')"
    )


def _baked_in(graph_def: Any, old: Any) -> str | None:
    """First node that is given its size and has the same when the tile's changes."""
    before, after = _shapes(old), _shapes(graph_def)
    for node in graph_def.node:
        data = data_inputs(node)
        moved = any(before.get(text) != after.get(text) for text in data)
        same = before.get(node.name) == after.get(node.name) is not None
        if node.op in SIZED and moved and same:
            return str(node.name)
    return None


def _shapes(graph_def: Any) -> dict[str, tuple[int, ...]]:
    """Fully known shapes of nodes' first outputs (batch left out), as far as inference comes."""
    good = type(graph_def)(versions=graph_def.versions, library=graph_def.library)
    failing = None
    try:
        with tf.Graph().as_default():
            import_graph(graph_def)
    except ValueError:
        failing = _first_failing(graph_def)
    for node in graph_def.node:
        if node.name == failing:
            break
        good.node.append(node)
    found: dict[str, tuple[int, ...]] = {}
    with tf.Graph().as_default() as graph:
        import_graph(good)
        for operation in graph.get_operations():
            if operation.outputs and operation.outputs[0].shape.rank:
                sizes = operation.outputs[0].shape.as_list()[1:]
                if None not in sizes:
                    found[operation.name] = tuple(sizes)
    return found


def _check_opened(graph_def: Any, old: Any, old_shape: list[int], shape: list[int]) -> None:
    """Check that opening a fixed batch dimension changed nothing."""
    count = old_shape[0]
    tiles = noise(count, shape)
    alone = np.concatenate([run(graph_def, tiles[i : i + 1]) for i in range(count)])
    together = run(old, tiles) if old_shape[1:] == shape[1:] else run(graph_def, tiles)
    if alone.shape != together.shape or not np.allclose(alone, together, rtol=0, atol=1e-5):
        raise InputError(
            f"the network is fixed to batches of {count} and its output for single tiles differs; "
            "ZEN sends one tile at a time: build the network without a batch size"
        )


def _fix_output(graph_def: Any, shape: list[int]) -> None:
    """See to it that the output's static shape is the true one."""
    with tf.Graph().as_default() as graph:
        import_graph(graph_def, shapes_only=True)
        found = graph.get_tensor_by_name(f"{OUTPUT}:0").shape
    if found.rank == RANK and found.as_list()[1:] == shape[1:]:
        return
    last = graph_def.node[len(graph_def.node) - 1]
    taken = {node.name for node in graph_def.node}
    name = "output/shape"
    while name in taken:
        name += "_"
    ensure = type(last)(name=name, op="EnsureShape", input=[last.input[0]])
    ensure.attr["T"].CopyFrom(last.attr["T"])
    for size in shape:
        ensure.attr["shape"].shape.dim.add(size=size)
    ending = type(last)()
    ending.CopyFrom(last)
    ending.input[0] = name
    del graph_def.node[len(graph_def.node) - 1]
    graph_def.node.extend([ensure, ending])
