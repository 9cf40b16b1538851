"""Find operations that TensorFlow 2.0.0 has no right kernel for: widen their dtype, or refuse them.

What goes in is cast, which loses nothing, and what comes out is cast back: rounded once to a
smaller floating dtype, or taken modulo its range by an integer one, as its own kernel does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, overload

from czcheck.building.lowering.graph import Graph, Node, OpDefs, Ref
from czcheck.building.lowering.rewriting import Place, Tools
from czcheck.errors import InputError
from czcheck.network import dtypes
from czcheck.network.kernels import (
    BOUND,
    MEANS,
    PRODUCTS,
    WIDER,
    KernelFault,
    candidates,
    has_kernel,
    node_faults,
    unwritten,
)
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


COARSE = frozenset(
    {
        ("Conv3D", "float16"),
        ("Softplus", "bfloat16"),
        ("RealDiv", "bfloat16"),
        ("Div", "bfloat16"),
        ("LessEqual", "bfloat16"),
        ("Mean", "bfloat16"),  # 2.0.0 rounds after each element, today's at the end
        ("Sum", "bfloat16"),
    }
)
"""Kernels of 2.0.0 that lose precision or cannot be told apart, or that its optimiser replaces by
one that it lacks."""


def widen(graph: Graph, tools: Tools, op_defs: OpDefs) -> None:
    """Let operations that 2.0.0 has no right kernel for work in a wider dtype, in place.

    Args:
        graph: The main graph; it and all bodies are changed in place.
        tools: Shapes and dtypes of its tensors, and what makes new nodes.
        op_defs: Definitions of the operations.
    """
    for part in graph.graphs():
        widener = _Widener(part, tools, op_defs)
        for node in list(part.nodes.values()):
            widener.look(node)
        widener.finish()


class _Widener:
    """Goes over one graph."""

    def __init__(self, part: Graph, tools: Tools, op_defs: OpDefs) -> None:
        self._part = part
        self._tools = tools
        self._op_defs = op_defs
        self._moved: dict[Ref, Ref] = {}
        self._casts: set[str] = set()

    def look(self, node: Node) -> None:
        """Widen a node if it has to be, and can be."""
        definition = self._op_defs(node.op)
        if definition is None or definition.is_stateful or node.op.startswith(BOUND):
            return
        types = _types(node, definition)
        if not any(dtype in WIDER for dtype in types.values()):
            return
        coarse = any((node.op, dtype) in COARSE for dtype in types.values())
        coarse = coarse or (node.op == "Mean" and types["T"] in MEANS)
        if not coarse and not is_at_fault(node, self._tools, self._part):
            return
        self._tools.of(self._part)  # which looks at the graph as it is now
        before = dict(node.attrs)
        for wider in candidates(node.op, types):
            node.attrs = {**before}
            for name, dtype in wider.items():
                node.attrs[name] = self._tools.freezer.attr_type(type=dtypes.number(dtype))
            if not is_at_fault(node, self._tools, self._part):
                self._cast(node, definition, types, wider)
                return
        node.attrs = before

    def finish(self) -> None:
        """Let what reads the widened operations read what they are cast to."""
        if self._moved:
            self._tools.of(self._part).redirect(self._moved, frozenset(self._casts))

    def _cast(
        self, node: Node, definition: Any, types: Mapping[str, str], wider: Mapping[str, str]
    ) -> None:
        """Put casts around a node whose attributes name wider dtypes already."""
        place, names = self._tools.of(self._part), ", ".join(sorted(set(wider.values())))
        old = ", ".join(dict.fromkeys(types[name] for name in wider))
        self._tools.changes.rewrote(f"{node.op} in {old}", f"{node.op} in {names}")
        for index, name in enumerate(_arguments(definition.input_arg, node)):
            if name in wider and index < len(node.inputs):
                label = f"{node.name}/wide_{index}"
                steps = _steps(types[name], wider[name], node.op)
                node.inputs[index] = self._through(place, label, node.inputs[index], steps)[-1]
        for index, name in enumerate(_arguments(definition.output_arg, node)):
            if name in wider:
                label = f"{node.name}/narrow_{index}"
                steps = _steps(types[name], wider[name], node.op)[::-1]
                made = self._through(place, label, (node.name, index), steps)
                self._moved[node.name, index] = made[-1]
                self._casts.add(made[0][0])

    def _through(self, place: Place, name: str, ref: Ref, steps: list[str]) -> list[Ref]:
        """Cast a tensor from dtype to dtype; returns it in each."""
        made: list[Ref] = []
        for old, new in pairwise(steps):
            source, target = (place.type(dtypes.number(each)) for each in (old, new))
            ref = place.add(name, "Cast", [ref], SrcT=source, DstT=target)
            made.append(ref)
        return made


def _types(node: Node, definition: Any) -> dict[str, str]:
    """The attributes of a node that are a dtype, with its name."""
    found = {}
    for attr in definition.attr:
        if attr.type == "type":
            value = node.attrs.get(attr.name, attr.default_value)
            found[str(attr.name)] = dtypes.name(value.type)
    return found


def _steps(narrow: str, wide: str, op: str) -> list[str]:
    """Dtypes to go through from a narrow one to a wide one."""
    # From float64 straight to int32, what does not fit is not taken modulo its range.
    return [narrow, "int64", wide] if op in PRODUCTS and wide == "float64" else [narrow, wide]


def _arguments(arguments: Any, node: Node) -> Iterator[str]:
    """For each tensor of a node, the attribute that is its dtype; empty where there is none."""
    for argument in arguments:
        count = node.attrs[argument.number_attr].i if argument.number_attr else 1
        if argument.type_list_attr:
            count = len(node.attrs[argument.type_list_attr].list.type)
        for _ in range(count):
            yield str(argument.type_attr)
