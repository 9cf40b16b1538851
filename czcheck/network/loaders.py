"""What TensorFlow's loaders make of one file: whether one refuses it, or sees another network.

There are three: the session loader reads the graph alone; `tf.saved_model.load` and the loader of
Keras rebuild Python objects from the object graph next to it. What is stated here was seen in
TensorFlow 2.0.0 and 2.21.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from czcheck.network import messages
from czcheck.network.dataflow import Frame, Point, input_of, inside, is_call, locate, settle
from czcheck.network.grammar import LimitError

if TYPE_CHECKING:
    from czcheck.network.facts import Network, Signature
    from czcheck.network.graph import SavedGraph
    from czcheck.network.target import Target

NEWEST_GRAPH = 2474
"""SavedGraph version of TensorFlow 2.21, the newest that was tried."""
GRAPH_OF_TARGET = {"tf-2.0.0": 119}
SCHEMA = 1
"""The one version of the SavedModel's own form that there is."""

SESSION = "TensorFlow's session loader"
OBJECTS = "`tf.saved_model.load`"
KERAS = "Keras's loader of TensorFlow 2.0.0"

# Attributes of every Python object that cannot be set, or not to what a file holds.
_NEVER_SET = frozenset({"__class__", "__dict__", "__weakref__"})
# The one that TensorFlow itself writes: what is run when the object is called.
_CALL = "__call__"
_KERAS = "_tf_keras_"
_SIGNATURES = "signatures"
_SHOWN = 100
_MOST_PAIRS = 20_000
# No node has that name.
_UNKNOWN = ":"


class Disagreement(NamedTuple):
    """A loader that does not open the file, or opens another network than the one that is checked.

    Attributes:
        loader: The loader, in words.
        problem: What it does, and why, as the end of a sentence.
    """

    loader: str
    problem: str


def disagreements(network: Network, target: Target) -> Iterator[Disagreement]:
    """What one of the loaders refuses, or sees otherwise.

    Args:
        network: The network's facts.
        target: Runtime that the network has to work in.
    """
    graph = network.graph
    if graph is None:
        return
    yield from _versions(network, graph, target)
    if graph.meta_graph.HasField("object_graph_def"):
        problems = list(_object_problems(graph))
        for problem in problems:
            yield Disagreement(OBJECTS, f"refuses the object graph: {problem}")
        circle = _circle(graph.meta_graph.object_graph_def, _is_keras)
        if circle is not None:
            yield Disagreement(KERAS, f"refuses the object graph: {circle}")
        if not problems and network.serving is not None:
            yield from _signature(graph, network.serving)


def oddities(network: Network) -> Iterator[str]:
    """What every loader takes, and no known program writes.

    Yields:
        Words for each, as the end of a sentence.
    """
    if network.schema != SCHEMA:
        yield (
            f"claims version {network.schema} of the SavedModel's form; every known one is {SCHEMA}"
        )
    if network.graph is None:
        return
    objects = network.graph.meta_graph.object_graph_def
    if _circle(objects, _is_keras) is None:
        circle = _circle(objects, lambda _: True)
        if circle is not None:
            yield f"has an object graph in which {circle}"
    names = _names(objects)
    for number, node in enumerate(objects.nodes):
        for child in node.children:
            name = child.local_name
            if name.startswith("__") and name not in (*_NEVER_SET, _CALL):
                yield f"sets the Python attribute {name[:_SHOWN]} of {names(number)}"


def _versions(network: Network, graph: SavedGraph, target: Target) -> Iterator[Disagreement]:
    """Versions of the graph that shut a runtime out."""
    bad = list(graph.meta_graph.graph_def.versions.bad_consumers)
    newest = GRAPH_OF_TARGET.get(target.name, NEWEST_GRAPH)
    runtime = target.title if target.name in GRAPH_OF_TARGET else "TensorFlow 2.21"
    if network.min_consumer > newest:
        problem = f"needs graph version {network.min_consumer}; {runtime} has {newest}"
    elif network.producer < 0:
        problem = f"claims the graph version {network.producer}, older than any"
    elif newest in bad:
        problem = f"excludes graph version {newest}, that of {runtime}"
    else:
        return
    yield Disagreement(SESSION, f"refuses the graph, which {problem}")


def _object_problems(graph: SavedGraph) -> Iterator[str]:
    """References of the object graph that lead nowhere, and names that cannot be set."""
    meta = graph.meta_graph
    objects = meta.object_graph_def
    count = len(objects.nodes)
    if not count:
        yield "it has no root"
        return
    names = _names(objects)
    constants = {node.name for node in meta.graph_def.node if node.op == "Const"}
    for number, node in enumerate(objects.nodes):
        problems = (*_children_problems(node), *_leads_nowhere(graph, node, constants))
        yield from (f"{names(number)} {problem}" for problem in problems)
    for function, details in sorted(objects.concrete_functions.items()):
        if function not in graph.library:
            yield f"it describes a function {function[:_SHOWN]!r} that is not there"
        for bound in details.bound_inputs:
            if not 0 <= bound < count:
                yield (
                    f"the function {function[:_SHOWN]!r} captures object {bound}, "
                    f"and there are {count}"
                )


def _children_problems(node: Any) -> Iterator[str]:
    """Names of an object's children that Python cannot set, or not both."""
    for name, times in Counter(
        name
        for name, _ in dict.fromkeys((child.local_name, child.node_id) for child in node.children)
    ).items():
        if times > 1:
            yield f"has {times} children called {name[:_SHOWN]!r}"
        elif name in _NEVER_SET:
            yield f"has a child called {name}, which Python keeps to itself"


def _leads_nowhere(graph: SavedGraph, node: Any, constants: Collection[str]) -> Iterator[str]:
    """What an object names and the file does not hold."""
    meta = graph.meta_graph
    count = len(meta.object_graph_def.nodes)
    for what, referred in _references(node):
        if not 0 <= referred < count:
            yield f"has {what}, object {referred}, and there are {count}"
    for function in _functions(node):
        if function not in graph.library:
            yield f"names a function {function[:_SHOWN]!r} that is not there"
    kind = node.WhichOneof("kind")
    if kind == "constant" and node.constant.operation not in constants:
        yield "is a constant that is not in the graph"
    assets = range(len(meta.asset_file_def))
    if kind == "asset" and node.asset.asset_file_def_index not in assets:
        yield "is an asset that is not in the graph"


def _references(node: Any) -> Iterator[tuple[str, int]]:
    """The objects that an object names, with words for each."""
    for child in node.children:
        yield f"a child {child.local_name[:_SHOWN]!r}", child.node_id
    for slot in node.slot_variables:
        yield "a slot", slot.original_variable_node_id
        yield "a slot", slot.slot_variable_node_id


def _functions(node: Any) -> Iterator[str]:
    """The functions of the library that an object names."""
    if node.WhichOneof("kind") == "function":
        yield from node.function.concrete_functions
    if node.WhichOneof("kind") == "bare_concrete_function":
        yield node.bare_concrete_function.concrete_function_name


def _names(objects: Any) -> Callable[[int], str]:
    """Names objects by the attributes that lead to them."""
    paths = {0: ""}
    pending = deque([0] if objects.nodes else [])
    while pending:
        number = pending.popleft()
        for child in objects.nodes[number].children:
            to = child.node_id
            path = f"{paths[number]}/{child.local_name[:_SHOWN]}".lstrip("/")
            if 0 <= to < len(objects.nodes) and to not in paths and len(path) <= 2 * _SHOWN:
                paths[to] = path
                pending.append(to)

    def name(number: int) -> str:
        path = paths.get(number)
        return "the root" if number == 0 else f"object {path or number}"

    return name


def _is_keras(node: Any) -> bool:
    return bool(node.user_object.identifier.startswith(_KERAS))


def _circle(objects: Any, among: Callable[[Any], bool]) -> str | None:
    """The first way from an object back to itself by its children; None where there is none.

    Args:
        objects: The object graph.
        among: Whether an object counts; ways lead through no others.
    """
    count = len(objects.nodes)
    done: set[int] = set()
    for root in range(count):
        if root in done or not among(objects.nodes[root]):
            continue
        way = [root]
        on_way = {root}
        left = [iter(objects.nodes[root].children)]
        while left:
            child = next(left[-1], None)
            if child is None:
                left.pop()
                last = way.pop()
                on_way.discard(last)
                done.add(last)
                continue
            to = child.node_id
            if to in on_way:
                name = _names(objects)
                return f"{name(way[-1])} has {name(to)}, which holds it, as its child"
            if 0 <= to < count and to not in done and among(objects.nodes[to]):
                way.append(to)
                on_way.add(to)
                left.append(iter(objects.nodes[to].children))
    return None


def _signature(graph: SavedGraph, serving: Signature) -> Iterator[Disagreement]:
    """Whether the object graph has the signature, and runs for it what the graph runs."""
    function = _function_of(graph.meta_graph.object_graph_def, serving.name)
    if function is None:
        yield Disagreement(OBJECTS, f"finds no signature {serving.name[:_SHOWN]} in its objects")
        return
    try:
        difference = _difference(graph, serving, function)
    except LimitError:
        return
    if difference is not None:
        yield Disagreement(
            OBJECTS,
            f"sees another network: the function {function[:_SHOWN]}, which it runs for the "
            f"signature {serving.name[:_SHOWN]}, {difference}",
        )


def _function_of(objects: Any, signature: str) -> str | None:
    """The function that stands for a signature among the objects."""
    number = 0
    for name in (_SIGNATURES, signature):
        found = [each.node_id for each in objects.nodes[number].children if each.local_name == name]
        if not found:
            return None
        number = found[-1]
    return next(_functions(objects.nodes[number]), None)


def _difference(graph: SavedGraph, serving: Signature, function: str) -> str | None:
    """Where a function computes something else than the graph does for a signature.

    Tensors are followed back in both, side by side. What cannot be followed counts as equal: only
    what is certainly different is named.
    """
    definition = graph.library[function]
    if serving.ends is None or len(definition.ret) != 1:
        return None
    fed, made = serving.ends
    here = locate(graph, None, made.tensor, None)
    if here is None or function in graph.named(None, here.node):
        return None
    call = _call(graph, function, fed.tensor)
    there = locate(graph, function, next(iter(definition.ret.values())), Frame(None, call, None))
    pending: list[tuple[Point | None, Point | None]] = [(here, there)]
    seen: set[tuple[object, object]] = set()
    while pending and len(seen) < _MOST_PAIRS:
        one, other = (settle(graph, point) for point in pending.pop())
        if one is None or other is None or one.place == other.place:
            continue
        if (one.place, other.place) in seen:
            continue
        seen.add((one.place, other.place))
        difference = _unlike(one, other)
        if difference is not None:
            return difference
        if is_call(graph, one.node):  # a branch or a loop
            pending.extend(zip(inside(graph, one), inside(graph, other), strict=False))
        pending.extend(
            (input_of(graph, one, number), input_of(graph, other, number))
            for number in range(len(graph.inputs(one.scope, one.node)))
        )
    return None


def _call(graph: SavedGraph, function: str, image: str) -> Any:
    """A call of a function with the signature's input and with what the function captures."""
    objects = graph.meta_graph.object_graph_def
    call = messages.NodeDef(name="", op="PartitionedCall", input=[image])
    for number in objects.concrete_functions[function].bound_inputs:
        node = objects.nodes[number]
        # What is no constant is not known here, and leads to no node.
        call.input.append(
            node.constant.operation if node.WhichOneof("kind") == "constant" else _UNKNOWN
        )
    return call


def _unlike(one: Point, other: Point) -> str | None:
    """What is different between two nodes, but for their inputs."""
    mine, theirs = one.node, other.node
    if mine.op != theirs.op:
        return (
            f"has {theirs.op} ({theirs.name[:_SHOWN]}) in place of {mine.op} ({mine.name[:_SHOWN]})"
        )
    if one.output != other.output:
        return f"takes output {other.output} of {theirs.name[:_SHOWN]}, and not {one.output}"
    for key in sorted(mine.attr.keys() & theirs.attr.keys()):
        # Functions are copied under other names, and what begins with `_` is a hint.
        plain = mine.attr[key].WhichOneof("value") not in ("func", "placeholder", None)
        if plain and not key.startswith("_") and mine.attr[key] != theirs.attr[key]:
            return (
                f"has another value of the attribute {key[:_SHOWN]} in "
                f"{theirs.name[:_SHOWN]} ({theirs.op}) than the graph in {mine.name[:_SHOWN]}"
            )
    return None
