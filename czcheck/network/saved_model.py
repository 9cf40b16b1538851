"""Reads a SavedModel into facts, without TensorFlow and without running anything."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, Literal

from czcheck.errors import InputError
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.network import checkpoint, dtypes, wire
from czcheck.network.facts import (
    CheckpointIndex,
    Network,
    NodeUse,
    OperationUse,
    Problem,
    Signature,
    TensorSpec,
    Variable,
    Where,
)
from czcheck.network.files import SavedModelFiles, read_whole
from czcheck.network.grammar import LimitError
from czcheck.network.graph import SavedGraph
from czcheck.text import count

__all__ = [
    "CheckpointIndex",
    "Network",
    "NodeUse",
    "OperationUse",
    "Problem",
    "Signature",
    "TensorSpec",
    "Variable",
    "read_network",
]

SAVED_MODEL = "saved_model.pb"
KERAS_METADATA = "keras_metadata.pb"
PARTS = 2_000_000
"""Fields of messages in the whole file. Each may take a hundred times the memory that it takes in
the file; a graph of 70,000 nodes has as many."""
META_GRAPHS = 16
SERVE = "serve"
SERVING_DEFAULT = "serving_default"
# The last two are other forms of the first, of which CZ120 tells.
_KNOWN_FILES = (
    SAVED_MODEL,
    KERAS_METADATA,
    "fingerprint.pb",
    checkpoint.INDEX,
    "saved_model.pbtxt",
    "saved_model.cpb",
)
_KNOWN_FOLDERS = ("assets/", "assets.extra/", "debug/")
_FLOATING = ("float32", "float64", "float16", "bfloat16")


def read_network(files: SavedModelFiles, limits: Limits = DEFAULT_LIMITS) -> Network:
    """Read all that can be known of a network without running it.

    Args:
        files: The SavedModel.
        limits: Limits on sizes and counts.

    Returns:
        The facts. What cannot be read is a fact too: `fault`.
    """
    unknown_files = tuple(name for name in files.names if not _is_known(name))
    keras_metadata = KERAS_METADATA in files.names
    try:
        served, others, schema = _meta_graphs(files, limits)
        graph = SavedGraph(served, limits)
        further = tuple(_further(each, limits) for each in others)
        signatures = _signatures(graph.meta_graph)
        serving = _serving(signatures)
        _mark(graph, serving)
        return dataclasses.replace(
            _read(graph, signatures, serving, files, limits), further=further, schema=schema
        )
    except InputError as error:
        return Network(
            fault=str(error),
            fault_file=SAVED_MODEL,
            beyond_limits=isinstance(error, LimitError),
            unknown_files=unknown_files,
            keras_metadata=keras_metadata,
        )


def _is_known(name: str) -> bool:
    """Whether a SavedModel has such a file."""
    return name in _KNOWN_FILES or name.startswith(_KNOWN_FOLDERS) or checkpoint.is_data(name)


def _unknown(files: SavedModelFiles, index: CheckpointIndex | None) -> Iterator[str]:
    """Files that a SavedModel does not have, and data files that its index does not count on."""
    shards = index.shards if index is not None else 0
    for name in files.names:
        left_over = shards > 0 and checkpoint.is_data(name)
        if (left_over and not checkpoint.is_counted(name, shards)) or not _is_known(name):
            yield name


def _further(meta_graph: Any, limits: Limits) -> SavedGraph:
    """A graph next to the one that is run, under the same limits."""
    try:
        return SavedGraph(meta_graph, limits)
    except InputError as error:
        tags = ", ".join(meta_graph.meta_info_def.tags) or "no tag"
        raise type(error)(f"in the graph with {tags}, {error}") from None


def _meta_graphs(files: SavedModelFiles, limits: Limits) -> tuple[Any, list[Any], int]:
    """The one meta graph that is run, the others, and the version of the file's form.

    Raises:
        LimitError: The file holds more than an honest network does.
        InputError: There is none, or more than one, or the file cannot be read.
    """
    if SAVED_MODEL not in files.names:
        raise InputError(f"there is no {SAVED_MODEL}")
    data = read_whole(files, SAVED_MODEL, limits.graph_bytes)
    from czcheck.network import messages  # noqa: PLC0415 - protobuf when needed

    table = wire.table_of(messages.SavedModel.DESCRIPTOR)
    if wire.has_more_fields_than(data, table, PARTS):
        raise LimitError(f"{SAVED_MODEL} has more than {PARTS} parts")
    try:
        saved_model = messages.parse(messages.SavedModel, data)
    except InputError:
        raise InputError(f"{SAVED_MODEL} is no SavedModel, or a damaged one") from None
    every = saved_model.meta_graphs
    if len(every) > META_GRAPHS:
        raise LimitError(f"{SAVED_MODEL} holds {len(every)} graphs, more than {META_GRAPHS}")
    # TensorFlow's session loader finds a graph by exactly its tags.
    tagged = [each for each in every if set(each.meta_info_def.tags) == {SERVE}]
    if len(tagged) != 1:
        found = "; ".join(", ".join(each.meta_info_def.tags) or "no tag" for each in every)[:200]
        raise InputError(
            f"{SAVED_MODEL} must hold exactly one graph with the tag {SERVE!r} alone, and holds "
            f"{len(tagged)} (tags found: {found or 'none'})"
        )
    others = [each for each in every if each is not tagged[0]]
    return tagged[0], others, saved_model.saved_model_schema_version


def _mark(graph: SavedGraph, serving: Signature | None) -> None:
    """Work out what the serving signature reaches, and what saving and restoring do."""
    saver = graph.meta_graph.saver_def
    restore = [saver.restore_op_name] if saver.restore_op_name else []
    saving = [saver.save_tensor_name, saver.filename_tensor_name]
    graph.mark(
        serving=[] if serving is None else [each.tensor for each in _tensors(serving)],
        restore=restore,
        saver=[*restore, *(name for name in saving if name)],
    )


def _tensors(signature: Signature) -> Iterator[TensorSpec]:
    """Inputs and outputs that name a tensor."""
    for spec in (*signature.inputs, *signature.outputs):
        if spec.tensor:
            yield spec


def _read(
    graph: SavedGraph,
    signatures: tuple[Signature, ...],
    serving: Signature | None,
    files: SavedModelFiles,
    limits: Limits,
) -> Network:
    """All facts of a graph that could be read."""
    from czcheck.network.bounds import bounds_of  # noqa: PLC0415
    from czcheck.network.traits import (  # noqa: PLC0415
        pair_of,
        precision_of,
        random_nodes,
        tail_of,
        training_nodes,
    )
    from czcheck.network.variables import match, read_variables  # noqa: PLC0415

    meta = graph.meta_graph
    variables, loader = read_variables(graph)
    index, problems = checkpoint.read_index(files, limits)
    if index is not None or not problems:
        found = {problem.subject for problem in problems}
        unmatched = _absent(variables, index) or match(variables, loader, index, found)
        problems.extend(unmatched)
    values, size = _constants(graph)
    inputs, outputs = ((), ()) if serving is None else (serving.inputs, serving.outputs)
    ending = None if serving is None or serving.output is None else serving.output.tensor
    return Network(
        tags=tuple(meta.meta_info_def.tags),
        tensorflow_version=meta.meta_info_def.tensorflow_version,
        producer=meta.graph_def.versions.producer,
        min_consumer=meta.graph_def.versions.min_consumer,
        signatures=signatures,
        serving=serving,
        operations=_operations(graph),
        random=tuple(random_nodes(graph)),
        training=tuple(training_nodes(graph)),
        variables=variables,
        index=index,
        problems=tuple(problems),
        loader=loader,
        assets=tuple(each.filename for each in meta.asset_file_def),
        keras_metadata=KERAS_METADATA in files.names,
        tail="unknown" if ending is None else tail_of(graph, ending),
        bounds=None if ending is None else bounds_of(graph, ending),
        pair=None if ending is None else pair_of(graph, ending),
        precision=precision_of(
            graph,
            [each.tensor for each in inputs if each.tensor],
            [each.tensor for each in outputs if each.tensor],
        ),
        constant_parameters=values,
        weight_bytes=size + sum(each.bytes or 0 for each in variables if each.captured),
        nodes=graph.count,
        functions=len(graph.library),
        unknown_files=tuple(_unknown(files, index)),
        graph=graph,
    )


def _absent(variables: tuple[Variable, ...], index: CheckpointIndex | None) -> list[Problem]:
    """One problem in place of one for each variable where the whole index is missing."""
    captured = sum(each.captured for each in variables)
    if index is not None or not captured:
        return []
    those = count(captured, "variable")
    text = f"is missing, and with it the values of the {those} that the network reads"
    return [Problem(checkpoint.INDEX, text, is_file=True)]


def _signatures(meta_graph: Any) -> tuple[Signature, ...]:
    """All signatures, by name."""
    return tuple(
        Signature(
            name=name,
            method=signature.method_name,
            inputs=tuple(_spec(key, info) for key, info in sorted(signature.inputs.items())),
            outputs=tuple(_spec(key, info) for key, info in sorted(signature.outputs.items())),
        )
        for name, signature in sorted(meta_graph.signature_def.items())
    )


def _spec(key: str, info: Any) -> TensorSpec:
    encoding: Literal["dense", "sparse", "composite"] = "dense"
    tensor = info.name
    if info.HasField("coo_sparse"):
        encoding, tensor = "sparse", info.coo_sparse.values_tensor_name
    elif info.HasField("composite_tensor"):
        components = info.composite_tensor.components
        encoding, tensor = "composite", components[0].name if components else ""
    return TensorSpec(
        key, tensor, dtypes.name(info.dtype), checkpoint.dims_of(info.tensor_shape), encoding
    )


def _serving(signatures: tuple[Signature, ...]) -> Signature | None:
    """The signature that is run, see `Network.serving`."""
    callable_ones = [each for each in signatures if each.inputs]
    for each in callable_ones:
        if each.name == SERVING_DEFAULT:
            return each
    usable = [each for each in callable_ones if _takes_one_tile(each)]
    for few in (usable, callable_ones):
        if len(few) == 1:
            return few[0]
    return None


def _takes_one_tile(signature: Signature) -> bool:
    """Whether a signature has one input and one output, both of them tensors as ZEN knows them."""
    ends = signature.ends
    return ends is not None and all(each.encoding == "dense" for each in ends)


def _operations(graph: SavedGraph) -> tuple[OperationUse, ...]:
    """What occurs how often, where."""
    first: dict[tuple[str, Where], tuple[str, str | None]] = {}
    counts: dict[tuple[str, Where], int] = {}
    for scope, nodes in graph.scopes():
        serving = graph.serving.nodes.get(scope, {})
        saver = graph.saver.nodes.get(scope, {})
        for node in nodes:
            name = node.name
            where: Where = "serving" if name in serving else "saver" if name in saver else "other"
            use = node.op, where
            if use not in counts:
                first[use] = name, scope
                counts[use] = 0
            counts[use] += 1
    order = ("serving", "saver", "other")
    return tuple(
        OperationUse(op, counts[op, where], where, *first[op, where])
        for op, where in sorted(counts, key=lambda use: (order.index(use[1]), use[0]))
    )


def _constants(graph: SavedGraph) -> tuple[int, int]:
    """Number and bytes of the weights that the serving signature reaches as constants."""
    values = size = 0
    for _, node in graph.serving:
        if node.op != "Const" or "value" not in node.attr:
            continue
        tensor = node.attr["value"].tensor
        if dtypes.name(tensor.dtype) in _FLOATING and tensor.tensor_shape.dim:
            count = math.prod(max(each.size, 0) for each in tensor.tensor_shape.dim)
            values += count
            size += count * (dtypes.item_bytes(tensor.dtype) or 0)
    return values, size
