"""Hold a graph that is being lowered to what TensorFlow 2.0.0's kernels compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, overload

from czcheck.building.lowering.graph import Graph, Node, Ref
from czcheck.building.lowering.rewriting import Tools
from czcheck.errors import InputError
from czcheck.network.kernels import KernelFault, has_kernel, node_faults, unwritten
from czcheck.network.target import load_target

TARGET = "tf-2.0.0"


class _Known(NamedTuple):
    """What is known of a tensor that a node reads, as `node_faults` takes it."""

    shape: tuple[int | None, ...] | None
    known: tuple[int | float, ...] | None


class _Seen(NamedTuple):
    """A node, as `node_faults` takes it."""

    op: str
    name: str
    attr: Mapping[str, Any]


def is_at_fault(node: Node, tools: Tools, part: Graph) -> bool:
    """Whether 2.0.0 refuses an operation as it is, or computes something else.

    Args:
        node: The operation, which it has.
        tools: Shapes and dtypes of the graph's tensors.
        part: The graph that holds the node.
    """
    refused = load_target(TARGET).values.refused
    if any(refused(node.op, name, value) for name, value in node.attrs.items()):
        return True
    if not has_kernel(_Seen(node.op, node.name, node.attrs), load_target(TARGET)):
        return True
    return any(fault.kind != "depends" for fault in _faults(node, tools, part))


def refuse_faults(graph: Graph, tools: Tools) -> None:
    """Refuse what 2.0.0 still computes otherwise or not at all.

    Args:
        graph: The lowered main graph.
        tools: Shapes and dtypes of its tensors.

    Raises:
        InputError: There is something; the first one is named.
    """
    for part in graph.graphs():
        for node in part.nodes.values():
            for fault in _faults(node, tools, part):
                if fault.kind != "depends":
                    raise InputError(_words(node, fault))


def _words(node: Node, fault: KernelFault) -> str:
    remedy = unwritten(fault.remedy, fault.remedy)
    verb = "refused" if fault.kind == "refuses" else "computed otherwise"
    return (
        f"operation {node.op} (node {node.label or node.name}), {fault.condition}, is {verb} by "
        f"TensorFlow 2.0.0, which models have to run in: {fault.effect}; {remedy}"
    )


def _faults(node: Node, tools: Tools, part: Graph) -> Iterator[KernelFault]:
    seen = _Seen(node.op, node.name, node.attrs)
    for fault in node_faults(seen, load_target(TARGET), _Inputs(node, tools, part)):
        _, _, number = fault.output.partition(":")
        if not number or _is_read(part, (node.name, int(number))):
            yield fault


def _is_read(part: Graph, ref: Ref) -> bool:
    return ref in part.outputs or any(ref in node.inputs for node in part.nodes.values())


class _Inputs(Sequence[_Known]):
    """What is known of a node's inputs, found where it is asked for: few operations need it."""

    def __init__(self, node: Node, tools: Tools, part: Graph) -> None:
        self._node = node
        self._tools = tools
        self._part = part

    def __len__(self) -> int:
        return len(self._node.inputs)

    @overload
    def __getitem__(self, index: int) -> _Known: ...

    @overload
    def __getitem__(self, index: slice) -> list[_Known]: ...

    def __getitem__(self, index: int | slice) -> _Known | list[_Known]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        place, ref = self._tools.of(self._part), self._node.inputs[index]
        value = place.few(ref)
        if value is None:
            return _Known(place.shape(ref), None)
        return _Known(tuple(value.shape), tuple(value.ravel().tolist()))
