"""Puts the values of variables into the graph as constants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from czcheck.building.lowering.graph import DT_RESOURCE, Argument, Graph, Node, Ref
from czcheck.errors import InputError
from czcheck.network import dtypes

PASSES = frozenset(
    {"Identity", "IdentityN", "Switch", "Merge", "Enter", "Exit", "NextIteration", "LoopCond"}
)
"""Operations that pass a variable on."""

VARIABLES = frozenset({"VarHandleOp", "VariableV2", "Variable"})

MakeTensor = Callable[[Any], Any]
"""A `TensorProto` of a numpy array."""


class Freezer:
    """Replaces variables by their values, in the main graph and in all bodies."""

    def __init__(self, values: Mapping[str, Any], make_tensor: MakeTensor, attr_type: Any) -> None:
        """Keep the values.

        Args:
            values: Numpy arrays by the name of the main graph's node that stands for the variable.
            make_tensor: Makes a `TensorProto` of an array.
            attr_type: The class `AttrValue`.
        """
        self.values = values
        self.make_tensor = make_tensor
        self.attr_type = attr_type

    def freeze(self, graph: Graph) -> None:
        """Freeze a main graph in place.

        Args:
            graph: The graph, calls inlined.

        Raises:
            InputError: A node writes a variable, or uses it in a way that is not understood.
        """
        handles: dict[Ref, int] = {}
        for name, value in self.values.items():
            node = graph.nodes.get(name)
            if node is None:
                continue
            constant = self.constant(name, value)
            constant.label = node.label
            graph.nodes[name] = constant
            handles[name, 0] = constant.attrs["dtype"].type
        self._spread(graph, handles)
        _refuse_leftovers(graph)

    def constant(self, name: str, value: Any) -> Node:
        """A constant node.

        Args:
            name: Its name.
            value: A numpy array, or what `make_tensor` takes.
        """
        tensor = self.attr_type(tensor=self.make_tensor(value))
        dtype = self.attr_type(type=tensor.tensor.dtype)
        return Node(name, "Const", [], [], {"dtype": dtype, "value": tensor}, label=name)

    def _spread(self, graph: Graph, handles: dict[Ref, int]) -> None:
        """Follow variables from where they stand to their reads, until nothing changes."""
        pending = [(graph, handles)]
        while pending:
            current, now = pending.pop()
            changed = True
            done: set[str] = set()
            while changed:
                changed = False
                for node in list(current.nodes.values()):
                    reached = [ref in now for ref in node.inputs]
                    if node.name in done or not any(reached):
                        continue
                    done.add(node.name)
                    changed = True
                    pending.extend(self._convert(current, node, now))

    def _convert(
        self, graph: Graph, node: Node, handles: dict[Ref, int]
    ) -> list[tuple[Graph, dict[Ref, int]]]:
        """Make one user of a variable read a tensor; returns bodies that now hold variables."""
        dtype = next((handles[ref] for ref in node.inputs if ref in handles), 0)
        if is_change(node):
            raise InputError(reason(graph, node, dtype))
        as_type = self.attr_type(type=dtype)
        if node.bodies:
            return self._convert_bodies(node, handles)
        if node.op == "ReadVariableOp":
            node.op, node.attrs = "Identity", {"T": as_type}
        elif node.op in PASSES:
            self._pass_on(node, handles)
        elif node.op == "ResourceGather":
            self._gather(graph, node, as_type)
        elif node.op == "VariableShape":
            node.op = "Shape"
            node.attrs = {"T": as_type, **_kept(node, "out_type")}
        elif node.op == "VarIsInitializedOp":
            constant = self.constant(node.name, True)
            node.op, node.inputs, node.attrs = "Const", [], constant.attrs
        elif node.op == "DisableCopyOnRead":
            node.op, node.inputs, node.attrs = "NoOp", [], {}
        elif _takes_handle(node):
            raise InputError(
                f"operation {node.op} (node {node.name}) uses a variable in a way that cannot be "
                "turned into a constant"
            )
        return []

    def _pass_on(self, node: Node, handles: dict[Ref, int]) -> None:
        types = [handles.get(ref) for ref in node.inputs]
        if node.op == "IdentityN":
            value = node.attrs["T"]
            for index, dtype in enumerate(types):
                if dtype is not None:
                    value.list.type[index] = dtype
                    handles[node.name, index] = dtype
            return
        dtype = next(dtype for dtype in types if dtype is not None)
        if node.op == "Switch" and types[0] is None:
            return
        node.attrs["T"] = self.attr_type(type=dtype)
        handles[node.name, 0] = dtype
        if node.op == "Switch":
            handles[node.name, 1] = dtype

    def _gather(self, graph: Graph, node: Node, as_type: Any) -> None:
        """`ResourceGather` reads rows of a variable: `GatherV2` on its value."""
        batch_dims = node.attrs["batch_dims"].i if "batch_dims" in node.attrs else 0
        axis = graph.add(self.constant(f"{node.name}/axis", _int32(batch_dims)))
        node.op = "GatherV2"
        node.inputs = [*node.inputs, (axis.name, 0)]
        node.attrs = {
            "Tparams": as_type,
            "Taxis": axis.attrs["dtype"],
            "batch_dims": self.attr_type(i=batch_dims),
            **_kept(node, "Tindices"),
        }

    def _convert_bodies(
        self, node: Node, handles: dict[Ref, int]
    ) -> list[tuple[Graph, dict[Ref, int]]]:
        """Give the bodies of `If`, `While`, `Case` tensors instead of variables as arguments."""
        loop = "body" in node.bodies
        skip = 0 if loop else 1  # If and Case read their condition first
        types = node.attrs["T" if loop else "Tin"]
        found: list[tuple[Graph, dict[Ref, int]]] = []
        for index, ref in enumerate(node.inputs[skip:]):
            if ref in handles:
                types.list.type[index] = handles[ref]
                if loop:  # a loop returns all its arguments; a variable comes back unchanged
                    handles[node.name, index] = handles[ref]
        for bodies in node.bodies.values():
            for body in bodies:
                inside: dict[Ref, int] = {}
                for index, ref in enumerate(node.inputs[skip:]):
                    if ref in handles:
                        argument = body.arguments[index]
                        body.arguments[index] = Argument(argument.name, handles[ref])
                        inside[argument.name, 0] = handles[ref]
                        if loop and len(body.returns) == len(body.arguments):
                            name = body.returns[index].name
                            body.returns[index] = Argument(name, handles[ref])
                found.append((body, inside))
        return found


def _takes_handle(node: Node) -> bool:
    """Whether an operation that is not otherwise known works on the variable itself."""
    return node.op.startswith(("Resource", "Var", "Destroy")) or any(
        value.type == DT_RESOURCE for value in node.attrs.values()
    )


def _kept(node: Node, *names: str) -> dict[str, Any]:
    return {name: node.attrs[name] for name in names if name in node.attrs}


def _int32(value: int) -> Any:
    return np.array(value, np.int32)


def _refuse_leftovers(graph: Graph) -> None:
    """A variable without a value is an error only if the output needs it: see `writing`."""
    for part in graph.graphs():
        for argument in part.arguments:
            if argument.dtype == DT_RESOURCE:
                raise InputError(
                    f"argument {argument.name} of a branch or loop holds a resource that is no "
                    "variable (a lookup table, an iterator); it cannot be stored in the graph"
                )


CHANGES = frozenset(
    {
        "AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp", "Assign", "AssignAdd",
        "AssignSub", "ResourceScatterUpdate", "ResourceScatterAdd", "ResourceStridedSliceAssign",
    }
)  # fmt: skip
"""Operations that write a variable."""

_STEPS = ("ResourceApply", "ResourceSparseApply", "Apply", "SparseApply")
_STATISTICS = ("FusedBatchNorm", "Mean")
_DRAWS = ("Random", "RngReadAndSkip", "RngSkip", "Stateful", "StatelessRandom", "Multinomial")
_INFERENCE = "export keras.Model(model.inputs, model(model.inputs, training=False))"


def is_change(node: Node) -> bool:
    """Whether an operation writes a variable that it is given."""
    return node.op in CHANGES or node.op.startswith(_STEPS)


def reason(graph: Graph, node: Node, dtype: int) -> str:
    """What layer writes a variable, and the way out.

    Args:
        graph: The graph that the node is in.
        node: The operation that writes, for which `is_change` is true.
        dtype: Number of the variable's dtype.

    Returns:
        A message without its full stop.
    """
    what = f"operation {node.op} (node {node.label or node.name}) changes a variable while the "
    if node.op.startswith(_STEPS):
        return (
            f"{what}network runs, as the optimizer does in a step of training; export the function "
            "that predicts"
        )
    behind = {each.op for each in _behind(graph, node)}
    if any(op.startswith(_DRAWS) for op in behind) or "float" not in dtypes.name(dtype):
        return (
            f"{what}network runs, as layers of augmentation and dropout do that were exported "
            "active; name the model's .keras file in `ModelPath` instead of the export, or "
            f"{_INFERENCE}"
        )
    if any(op.startswith(_STATISTICS) for op in behind):
        return (
            f"{what}network runs: it updates a running average, as batch normalisation does in "
            f"training mode; {_INFERENCE}, and where a layer itself is called with training=True, "
            "leave that out"
        )
    return f"{what}network runs, as layers do in training mode; {_INFERENCE}"


def _behind(graph: Graph, node: Node) -> Iterator[Node]:
    """All nodes that a node's inputs are made of, in one graph."""
    pending, seen = [node], {node.name}
    while pending:
        for name, _ in pending.pop().inputs:
            if name in graph.nodes and name not in seen:
                seen.add(name)
                pending.append(graph.nodes[name])
                yield graph.nodes[name]
