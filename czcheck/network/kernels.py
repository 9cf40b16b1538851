"""What a target's kernels refuse or compute otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from czcheck.network import dtypes, messages
from czcheck.network.kernel_shapes import Known, attribute_values, numbers, texts
from czcheck.network.leveling import PLACES, is_behind_leveling
from czcheck.shipped import shipped

if TYPE_CHECKING:
    from czcheck.network.facts import Network
    from czcheck.network.graph import SavedGraph, Scope
    from czcheck.network.static.trace import Trace
    from czcheck.network.target import Target


Kind = Literal["refuses", "differs", "depends"]
_GRAVEST: tuple[Kind, ...] = ("refuses", "differs", "depends")


class KernelFault(NamedTuple):
    """A node that the target's kernel does not compute as today's TensorFlow does.

    Attributes:
        op: The operation.
        node: Name of the node.
        function: The function that holds it; None for the main graph.
        kind: `refuses` where the runtime ends with an error, `differs` where it computes something
            else without one, `depends` where that depends on the image, or on how the runtime was
            built.
        condition: What of the node it is, such as `dilations above 1`.
        effect: What becomes of it, as a sentence without its full stop.
        remedy: What to do about it, as the end of a sentence.
        output: The only output that it is about, its name and its number; empty for all.
    """

    op: str
    node: str
    function: str | None
    kind: Kind
    condition: str
    effect: str
    remedy: str
    output: str = ""


WIDENED = "`czcheck build` and `czcheck repair` compute it in a wider dtype"
CAST = "cast to float32 or int32 before it, and back after it"
WRITTEN_ANEW = "`czcheck build`"
# It could not: sizes that it needs to know are open.
_UNWRITTEN = "give the tensors that it reads a size that is known, or do without it"
"""What to do about a dtype without a kernel: nothing by hand, or else this."""

_LEVELED = KernelFault(
    "",
    "",
    None,
    "depends",
    "values that a Relu or the like has made equal",
    "its optimiser looks at the values before that function, and finds the place of another one",
    "take the place in front of that function, or see that no two largest values are equal",
)


class Condition(NamedTuple):
    """Nodes that one entry of the table is about.

    Attributes:
        kind: As of `KernelFault`.
        attributes: Values by attribute, all of which have to be met: texts with blanks between, or
            `>1` for a list with an element above 1.
        shape: Name of what has to hold for the tensors that come in; empty for nothing.
        output: As of `KernelFault`.
        words: What of the node it is.
        effect: What the kernel does.
        remedy: What to do about it.
        compiled: Whether it is about what is compiled, and not about kernels.
    """

    kind: Kind
    attributes: Mapping[str, str]
    shape: str
    output: str
    words: str
    effect: str
    remedy: str
    compiled: bool


class Kernels(NamedTuple):
    """What is known of a runtime's kernels.

    Attributes:
        sets: Sets of values of attributes.
        registered: For each operation, the values of attributes that it has kernels for, as numbers
            of `sets`: a kernel exists where all attributes of one row have one of the values.
        compiled: The same for what is compiled on demand where the runtime was built with XLA, as
            it is for Linux. It is used for what has no kernel.
        conditions: For each operation, what is refused or computed otherwise.
    """

    sets: tuple[frozenset[str], ...]
    registered: Mapping[str, Sequence[Mapping[str, int]]]
    compiled: Mapping[str, Sequence[Mapping[str, int]]]
    conditions: Mapping[str, Sequence[Condition]]


@cache
def load_kernels(name: str) -> Kernels:
    """The kernels of a target by its name; nothing is known of those of `any`.

    Args:
        name: One of `target.TARGETS`.
    """
    if name == "any":
        return Kernels((), {}, {}, {})
    data = json.loads(shipped("czcheck.network", f"{name}-kernels.json"))
    conditions: dict[str, list[Condition]] = {}
    for each in data["conditions"]:
        condition = Condition(
            each["kind"],
            each.get("attributes", {}),
            each.get("shape", ""),
            each.get("output", ""),
            each["words"],
            each["effect"],
            each["remedy"],
            each.get("compiled", False),
        )
        for op in each["operations"].split():
            conditions.setdefault(op, []).append(condition)
    sets = tuple(frozenset(each.split()) for each in data["sets"])
    for found in conditions.values():
        found.sort(key=lambda condition: _GRAVEST.index(condition.kind))
    return Kernels(sets, data["registered"], data["compiled"], conditions)


def faults(
    network: Network, target: Target, trace: Callable[[], Trace | str | None]
) -> tuple[KernelFault, ...]:
    """What the target's kernels refuse or compute otherwise of what the serving signature reaches.

    Where unknown shapes decide, nothing is reported.

    Args:
        network: The network.
        target: The runtime.
        trace: Follows the image through the network, see `czcheck.network.reach.trace_of`; called
            only where shapes decide.

    Returns:
        One fault for each node that has any, in the order in which the nodes are reached.
    """
    kernels = load_kernels(target.name)
    if network.graph is None or target.operations is None:
        return ()
    found: list[KernelFault] = []
    shapes: Mapping[tuple[str | None, str], Sequence[Sequence[Known]]] | None = None
    for scope, node in network.graph.serving:
        if node.op not in kernels.registered:
            continue
        calls: Sequence[Sequence[Known]] = ((),)
        if any(each.shape for each in kernels.conditions.get(node.op, ())):
            if shapes is None:
                followed = trace()
                shapes = {} if followed is None or isinstance(followed, str) else followed.inputs
            calls = shapes.get((scope, node.name), calls)
        fault = next(_faults(network.graph, scope, node, target, calls), None)
        if fault is None and node.op in PLACES and is_behind_leveling(network.graph, scope, node):
            fault = _LEVELED._replace(op=node.op, node=node.name, function=scope)
        if fault is not None:
            found.append(fault)
    return tuple(found)


def _faults(
    graph: SavedGraph, scope: Scope, node: Any, target: Target, calls: Sequence[Sequence[Known]]
) -> Iterator[KernelFault]:
    """The faults of a node with all that comes into it, call by call."""
    for inputs in calls:
        for fault in node_faults(node, target, inputs):
            # The table knows of one output alone: places that the optimiser looks for too early.
            if not fault.output or (
                _is_read(graph, scope, node, fault.output)
                and is_behind_leveling(graph, scope, node)
            ):
                yield fault._replace(function=scope)


def _is_read(graph: SavedGraph, scope: Scope, node: Any, output: str) -> bool:
    """Whether anything that the serving signature reaches reads an output of a node."""
    name, _, number = output.partition(":")
    reference = f"{node.name}:{number}" if scope is None else f"{node.name}:{name}:0"
    if scope is not None and reference in graph.library[scope].ret.values():
        return True
    return any(reference in each.input for each in graph.serving.nodes[scope].values())


def node_faults(node: Any, target: Target, inputs: Sequence[Known] = ()) -> Iterator[KernelFault]:
    """What the target's kernel refuses or computes otherwise of one node.

    Args:
        node: The node: `op`, `name`, and `attr` with its attributes (AttrValue) by name.
        target: The runtime.
        inputs: What is known of the tensors that come in; empty where nothing is.

    Yields:
        Its faults, the gravest first; the function is left out.
    """
    kernels = load_kernels(target.name)
    rows = kernels.registered.get(node.op)
    if rows is None:
        return
    compiled = not any(_has_kernel(kernels, row, node) for row in rows)
    missing: KernelFault | None = None
    if compiled:
        if any(target.values.refused(node.op, name, node.attr[name]) for name in node.attr):
            return  # the whole file is refused, see `czcheck.network.target.gaps`
        missing = _without_kernel(kernels, rows, node, target)
        if missing.kind == "refuses":
            yield missing
            return
    for each in kernels.conditions.get(node.op, ()):
        if (
            each.compiled is compiled
            and all(_meets(node, name, values) for name, values in each.attributes.items())
            and (not each.shape or _holds(each.shape, node, inputs))
        ):
            yield KernelFault(
                node.op,
                node.name,
                None,
                each.kind,
                each.words,
                each.effect,
                each.remedy,
                each.output,
            )
    if missing is not None:
        yield missing


def _holds(shape: str, node: Any, inputs: Sequence[Known]) -> bool:
    from czcheck.network.kernel_shapes import SHAPES  # noqa: PLC0415 - few networks need it

    try:
        return SHAPES[shape](node, inputs)
    except (IndexError, TypeError):
        # Too few inputs, or a size that is not known: nothing is known of this node.
        return False


def has_kernel(node: Any, target: Target) -> bool:
    """Whether the target has a kernel on the processor for a node, and need not compile one.

    Args:
        node: As of `node_faults`.
        target: The runtime; of an operation that it lacks it is taken to have one.
    """
    kernels = load_kernels(target.name)
    rows = kernels.registered.get(node.op)
    return rows is None or any(_has_kernel(kernels, row, node) for row in rows)


def _has_kernel(kernels: Kernels, row: Mapping[str, int], node: Any) -> bool:
    return all(
        each in kernels.sets[place] for name, place in row.items() for each in texts(node, name)
    )


def is_widened(node: Any, target: Target) -> bool:
    """Whether a build computes a node in a wider dtype, of which the target has a kernel.

    Args:
        node: As of `node_faults`.
        target: The runtime.
    """
    rows = load_kernels(target.name).registered.get(node.op, ())
    kinds = {
        name: attribute_values(node, name)
        for name in dict.fromkeys(each for row in rows for each in row)
    }
    types = {
        name: dtypes.name(values[0][1])
        for name, values in kinds.items()
        if len(values) == 1 and values[0][0] == "type"
    }
    for wider in candidates(node.op, types):
        attr = dict(node.attr)
        attr |= {name: messages.AttrValue(type=dtypes.number(each)) for name, each in wider.items()}
        other = _Widened(node.op, node.name, attr)
        if (
            has_kernel(other, target)
            and not any(target.values.refused(node.op, name, attr[name]) for name in attr)
            and all(fault.kind == "depends" for fault in node_faults(other, target))
        ):
            return True
    return False


class _Widened(NamedTuple):
    """A node with other dtypes, as `node_faults` takes it."""

    op: str
    name: str
    attr: Mapping[str, Any]


def _without_kernel(
    kernels: Kernels, rows: Sequence[Mapping[str, int]], node: Any, target: Target
) -> KernelFault:
    """The fault of a node for whose attributes there is no kernel; names those at fault."""
    names = dict.fromkeys(name for row in rows for name in row)
    bad = [
        name
        for name in names
        if not any(set(texts(node, name)) <= kernels.sets[row[name]] for row in rows if name in row)
    ]
    words = ", ".join(f"{name} {' '.join(texts(node, name))}" for name in bad or names)
    further = kernels.compiled.get(node.op, ())
    if any(_has_kernel(kernels, row, node) for row in further):
        kind: Kind = "depends"
        effect = "it has no kernel for that; builds with XLA compile one, all others refuse it"
    else:
        kind, effect = "refuses", "it has no kernel for that on the processor"
    remedy = "build this layer from other operations"
    if words:
        remedy = WIDENED if is_widened(node, target) else CAST
    return KernelFault(node.op, node.name, None, kind, words or "any dtype", effect, remedy)


def _meets(node: Any, name: str, values: str) -> bool:
    if values.startswith(">"):
        least = int(values[1:])
        return any(number > least for number in numbers(node, name))
    return any(each in values.split() for each in texts(node, name))


SMALL = ("int32", "int64")
WIDER = {
    "float16": ("float32",),
    "bfloat16": ("float32",),
    "complex64": ("complex128",),
    "int8": SMALL,
    "uint8": SMALL,
    "int16": SMALL,
    "uint16": SMALL,
    "int32": ("int64",),
    "uint32": ("int64",),
}
"""What holds every value of a dtype."""

PRODUCTS = frozenset({"BatchMatMulV2", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Einsum"})
"""Operations that add up products: those of integers are exact in float64."""

BOUND = (
    "Bitcast", "Const", "Enter", "Exit", "Merge", "NextIteration", "Placeholder", "RefSwitch",
    "Switch", "TensorArray", "TensorList",
)  # fmt: skip
"""Beginnings of operations whose dtype is bound to that of others, or to their bits."""

MEANS = frozenset({"int8", "uint8", "int16", "uint16", "int32", "uint32"})
"""Integers that 2.0.0 adds up in their own dtype where it takes their mean, beyond their range."""


def candidates(op: str, types: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Wider dtypes to try: of one attribute, then of all.

    Args:
        op: The operation.
        types: Its dtypes by attribute.

    Yields:
        The attributes to change, each with its wider dtype; nothing where the dtypes are bound.
    """
    if op.startswith(BOUND):
        return
    wider = {name: WIDER[dtype] for name, dtype in types.items() if dtype in WIDER}
    if op == "Mean":
        wider = {"T": ("int64",) if types["T"] in MEANS else wider.get("T", ())}
    if op in PRODUCTS:
        exact = {name: (*each, "float64") for name, each in wider.items()}
        whole = {name for name, dtype in types.items() if "int" in dtype}
        wider = {name: exact[name] if name in whole else wider[name] for name in wider}
    for name, candidates in wider.items():
        for candidate in candidates:
            yield {name: candidate}
    for number in range(3):
        if len(wider) > 1:
            yield {name: each[min(number, len(each) - 1)] for name, each in wider.items()}


def unwritten(message: str, remedy: str) -> str:
    """What a rule finds in a network that has been built: `czcheck build` is no advice there.

    Args:
        message: The rule's message.
        remedy: The part of it that says what to do.
    """
    if not remedy.startswith(WRITTEN_ANEW):
        return message
    return message.replace(remedy, CAST if remedy == WIDENED else _UNWRITTEN)
