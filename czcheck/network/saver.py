"""Whether the operations that save and restore variables do only that.

They read and write files. A file's name has to come from whoever saves or restores: through the
saver's own tensor, never from a text that is built into the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from czcheck.network.dataflow import SAME_VALUE, Frame, Point, inside, is_call, locate
from czcheck.network.grammar import node_of
from czcheck.network.graph import SavedGraph, Scope

# Which inputs of the operations are names of files.
_FILE_NAMES = {
    "SaveV2": (0,),
    "RestoreV2": (0,),
    "ShardedFilename": (0,),
    "MergeV2Checkpoints": (0, 1),
}
_HARMLESS_SEPARATORS = (b"", b"/", b"_", b"-")
# What whoever saves or restores fills in.
_FED = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")
_LONGEST_PART = 200


class _Name(NamedTuple):
    """A text that becomes a part of a file's name.

    Attributes:
        scope: Where the reference stands.
        reference: The tensor.
        frame: The call that leads there.
        part: `start` of a name, `end` of one, or `default` of a name that is normally fed.
    """

    scope: Scope
    reference: str
    frame: Frame | None
    part: str


def misused_file_names(
    graph: SavedGraph, saver_nodes: Mapping[str, Any]
) -> Iterator[tuple[Scope, Any, str]]:
    """Saver operations whose file names do not come from whoever saves or restores.

    Args:
        graph: The graph.
        saver_nodes: Nodes of the main graph that saving and restoring reach.

    Yields:
        Scope and node, and what is wrong as the end of a sentence.
    """
    fed = node_of(graph.meta_graph.saver_def.filename_tensor_name)
    entered: set[Scope] = set()
    for scope, frame in _calls_of(graph, saver_nodes):
        entered.add(scope)
        for node in graph.nodes(scope).values():
            if node.op in _FILE_NAMES:
                ours = scope is not None or node.name in saver_nodes
                problem = _problem(graph, scope, node, frame, fed if ours else None)
                if problem is not None:
                    yield scope, node, problem
    for name in graph.library.keys() - entered:
        # Nothing that saves or restores calls it: only what stands in it can be judged.
        for node in graph.nodes(name).values():
            problem = _problem(graph, name, node, None, None) if node.op in _FILE_NAMES else None
            if problem is not None:
                yield name, node, problem


def _calls_of(
    graph: SavedGraph, saver_nodes: Mapping[str, Any]
) -> Iterator[tuple[Scope, Frame | None]]:
    """The main graph, and each way in which saving and restoring come into a function."""
    yield None, None
    pending: list[tuple[Scope, Any, Frame | None]]
    pending = [(None, node, None) for node in saver_nodes.values()]
    while pending:
        scope, node, frame = pending.pop()
        for called in dict.fromkeys(graph.calls(scope, node)):
            inner = Frame(scope, node, frame)
            yield called, inner
            graph.step()
            pending.extend((called, each, inner) for each in graph.nodes(called).values())


def _problem(
    graph: SavedGraph, scope: Scope, node: Any, frame: Frame | None, fed: str | None
) -> str | None:
    """What is wrong with the file names of one node; None if nothing is."""
    inputs = graph.inputs(scope, node)
    numbers = _FILE_NAMES[node.op]
    if len(inputs) <= numbers[-1]:
        return "has no file name"
    pending = [_Name(scope, inputs[number], frame, "start") for number in numbers]
    while pending:
        name = pending.pop()
        point = locate(graph, name.scope, name.reference, name.frame)
        if point is None:
            if _is_argument(graph, name):
                continue
            return "takes a file name that cannot be traced"
        if point.node.op in _FED:
            first = name.part == "start" and fed is not None
            if first and (point.scope is not None or point.node.name != fed):
                return f"takes its file name from {point.node.name}, which is not the saver's"
            if point.node.op == "PlaceholderWithDefault":
                pending.extend(_inputs(graph, point, [0], "default"))
        elif point.node.op == "Const":
            text = _text(point.node)
            if text is None or not _is_harmless(text, name.part):
                shown = b"no plain text" if text is None else text[:_LONGEST_PART]
                return f"has a built-in path: {shown.decode('utf-8', 'replace')}"
        else:
            parts = _parts(graph, point, name.part)
            if parts is None:
                return f"takes its file name from {point.node.op}"
            pending.extend(parts)
    return None


def _is_argument(graph: SavedGraph, name: _Name) -> bool:
    """Whether a name is an argument of a function of which no call is followed."""
    if name.scope is None or name.frame is not None:
        return False
    return node_of(name.reference) in graph.arguments(name.scope)


def _parts(graph: SavedGraph, point: Point, part: str) -> list[_Name] | None:
    """The texts that an operation puts together; None for one that makes text in another way."""
    node = point.node
    op = node.op
    count = len(graph.inputs(point.scope, node))
    if op in SAME_VALUE or op == "ShardedFilename":
        return _inputs(graph, point, [0], part)
    if op == "IdentityN":
        return _inputs(graph, point, [point.output], part)
    if op in ("Select", "SelectV2"):
        return _inputs(graph, point, [1, 2], part)
    if op == "Pack":
        return _inputs(graph, point, range(count), part)
    if op == "StringJoin":
        separator: bytes = node.attr["separator"].s if "separator" in node.attr else b""
        if separator not in _HARMLESS_SEPARATORS:
            return None
        rest = _inputs(graph, point, range(1, count), "end")
        return _inputs(graph, point, [0], part) + rest
    if is_call(graph, node):
        ends = inside(graph, point)
        if all(end is not None for end in ends):
            return [_Name(e.scope, f"{e.node.name}:{e.output}", e.frame, part) for e in ends if e]
    return None


def _inputs(graph: SavedGraph, point: Point, numbers: Iterable[int], part: str) -> list[_Name]:
    inputs = graph.inputs(point.scope, point.node)
    return [
        _Name(point.scope, inputs[number] if number < len(inputs) else "", point.frame, part)
        for number in numbers
    ]


def _text(node: Any) -> bytes | None:
    """The one text that a constant holds."""
    tensor = node.attr["value"].tensor if "value" in node.attr else None
    if tensor is None or tensor.tensor_content or len(tensor.string_val) != 1:
        return None
    return bytes(tensor.string_val[0])


def _is_harmless(text: bytes, part: str) -> bool:
    """Whether a built-in text can stand in a file's name without leading elsewhere."""
    if len(text) > _LONGEST_PART or not text.isascii() or not text.decode().isprintable():
        return False
    if part == "start":
        return False
    steps = text.replace(b"\\", b"/").split(b"/")
    if b".." in steps or b":" in text:
        return False
    return part == "end" or len(steps) == 1
