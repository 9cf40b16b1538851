"""The graph's variables: which the serving signature captures, which are restored, and from where.

A SavedModel can be loaded in two ways. The session loader runs the restore function, which assigns
values to variables by name; `tf.saved_model.load` rebuilds the Python objects and puts their values
in. Today's Keras captures one variable (`conv2d/kernel`) and restores another (`Variable_1`), so
that only the second way works; files with optimizer slots open in the first way only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from typing import Any

from czcheck.network import dtypes
from czcheck.network.checkpoint import dims_of
from czcheck.network.dataflow import Frame, Point, input_of, locate, settle
from czcheck.network.facts import CheckpointIndex, Dims, Loader, Problem, Variable
from czcheck.network.graph import SavedGraph
from czcheck.text import sizes

HANDLES = frozenset({"VarHandleOp", "VariableV2", "Variable"})
_ASSIGN = frozenset({"AssignVariableOp", "Assign"})
# The name that TensorFlow gives to variables that have none.
_ANONYMOUS = b"cd2c89b7-88b7-44c8-ad83-06c2a9158347"
_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
_CALLS_FOLLOWED = 10_000
_MAX_PATH = 4096


def read_variables(graph: SavedGraph) -> tuple[tuple[Variable, ...], Loader]:
    """The variables, and the loader that fills all that the serving signature captures.

    Args:
        graph: The graph, marked with what is reached.

    Returns:
        Variables by name; `session` or `object`.
    """
    restored: dict[str, str | None] = {}
    for point, key in _assignments(graph):
        restored[name_of(point.node)] = key
    handles: dict[str, Any] = {}
    captured: set[str] = set()
    for scope, nodes in graph.scopes():
        for node in nodes:
            if node.op in HANDLES:
                name = name_of(node)
                handles.setdefault(name, node)
                if (scope, node.name) in graph.serving:
                    captured.add(name)
    has_objects = bool(graph.meta_graph.object_graph_def.nodes)
    by_session = captured <= restored.keys() or not has_objects
    keys = restored if by_session else {**restored, **_object_keys(graph)}
    variables = tuple(
        _variable(name, node, name in captured, name in restored, keys.get(name))
        for name, node in sorted(handles.items())
    )
    return variables, "session" if by_session else "object"


def name_of(node: Any) -> str:
    """The name under which a session keeps a variable.

    Args:
        node: The node that makes its handle, one of `HANDLES`.
    """
    shared: bytes = node.attr["shared_name"].s if "shared_name" in node.attr else b""
    if shared in (b"", _ANONYMOUS):
        return str(node.name)
    return shared.decode("utf-8", "backslashreplace")


def _variable(name: str, node: Any, captured: bool, restored: bool, key: str | None) -> Variable:
    dtype = node.attr["dtype"].type if "dtype" in node.attr else 0
    shape = dims_of(node.attr["shape"].shape) if "shape" in node.attr else None
    variable = Variable(name, dtypes.name(dtype), shape, captured, restored, key)
    item = dtypes.item_bytes(dtype)
    if item is None or shape is None or None in shape:
        return variable
    size = variable.parameters * item
    return Variable(name, dtypes.name(dtype), shape, captured, restored, key, size)


def _assignments(graph: SavedGraph) -> Iterator[tuple[Point, str | None]]:
    """What restoring assigns: each variable's node, and its key in the checkpoint."""
    pending: list[tuple[str | None, Frame | None]] = [(None, None)]
    for _ in range(_CALLS_FOLLOWED):
        if not pending:
            return
        scope, frame = pending.pop()
        for node in graph.restore.nodes.get(scope, {}).values():
            here = Point(scope, node, 0, frame)
            if node.op in _ASSIGN:
                handle = settle(graph, input_of(graph, here, 0))
                if handle is not None and handle.node.op in HANDLES:
                    yield handle, _restored_key(graph, settle(graph, input_of(graph, here, 1)))
                continue
            called = dict.fromkeys(graph.calls(scope, node))
            pending.extend((function, Frame(scope, node, frame)) for function in called)


def _restored_key(graph: SavedGraph, value: Point | None) -> str | None:
    """The key that a RestoreV2 reads for one of its outputs."""
    if value is None or value.node.op != "RestoreV2":
        return None
    names = settle(graph, input_of(graph, value, 1))
    if names is None or names.node.op != "Const" or "value" not in names.node.attr:
        return None
    values = names.node.attr["value"].tensor.string_val
    if value.output < len(values):
        return bytes(values[value.output]).decode("utf-8", "backslashreplace")
    return None


def _object_keys(graph: SavedGraph) -> dict[str, str | None]:
    """Keys of the captured variables by way of the Python objects, by the name of the variable."""
    objects = graph.meta_graph.object_graph_def
    keys: dict[int, str] = {}
    found: dict[str, str | None] = {}
    for scope, node in list(graph.serving):
        called = [each for each in graph.calls(scope, node) if each in objects.concrete_functions]
        if scope is not None or len(called) != 1:
            continue
        keys = keys or _keys_by_path(objects)
        bound = objects.concrete_functions[called[0]].bound_inputs
        inputs = graph.inputs(scope, node)
        for reference, number in zip(reversed(inputs), reversed(bound), strict=False):
            handle = settle(graph, locate(graph, None, reference, None))
            if handle is not None and handle.node.op in HANDLES and number in keys:
                found[name_of(handle.node)] = keys[number]
    return found


def _keys_by_path(objects: Any) -> dict[int, str]:
    """The checkpoint's key for each variable: the shortest path of attributes that leads to it."""
    paths: dict[int, str] = {0: ""}
    pending = deque([0])
    while pending:
        number = pending.popleft()
        for child in objects.nodes[number].children:
            if child.node_id not in paths and 0 <= child.node_id < len(objects.nodes):
                # The checkpoint's own way to write names that hold its separators.
                name = child.local_name.replace(".", "..").replace("/", ".S")
                before = paths[number]
                path = f"{before}/{name}" if before else name
                if len(path) <= _MAX_PATH:
                    paths[child.node_id] = path
                    pending.append(child.node_id)
    return {
        number: path + _SUFFIX
        for number, path in paths.items()
        if objects.nodes[number].WhichOneof("kind") == "variable"
    }


def match(
    variables: tuple[Variable, ...],
    loader: Loader,
    index: CheckpointIndex | None,
    damaged: Collection[str],
) -> Iterator[Problem]:
    """What is wrong between the variables and an index that could be read.

    Args:
        variables: The graph's variables.
        loader: The loader that is used.
        index: The index; None where it is missing.
        damaged: Keys of entries that are wrong in themselves, which is reported already.

    Yields:
        Problems: no entry, or one of another dtype or shape.
    """
    entries = {} if index is None else {entry.key: entry for entry in index.entries}
    kinds = {(entry.dtype, entry.shape) for entry in entries.values()}
    for variable in variables:
        if not variable.captured and not (variable.restored and loader == "session"):
            continue
        if variable.captured and not variable.restored and loader == "session":
            yield Problem(variable.name, "is read by the serving signature, but never restored")
            continue
        if variable.key is None or variable.key in damaged:
            continue
        entry = entries.get(variable.key)
        if entry is None:
            # The path of an object is not always its key; its dtype and shape must be there.
            if loader == "session" or (variable.dtype, variable.shape) not in kinds:
                yield Problem(variable.name, f"has no values: the index has no {variable.key}")
            continue
        dtype = variable.dtype.removesuffix("_ref")
        open_shape = variable.shape is None or None in variable.shape
        if entry.dtype != dtype or not (open_shape or entry.shape == variable.shape):
            yield Problem(
                variable.name,
                f"is {dtype} {_sizes(variable.shape)} in the graph, but {entry.dtype} "
                f"{_sizes(entry.shape)} in the index",
            )


def _sizes(shape: Dims | None) -> str:
    if shape is None:
        return "of any shape"
    return f"[{sizes(shape, ', ')}]"
