"""Looks for all in a SavedModel that could do harm, in every graph that it holds.

Nothing is allowed but what is known to compute (`allowlist`). It does not matter whether something
reaches an operation: loading alone runs initialisers, and a weight may choose a branch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from czcheck.errors import InputError, UnavailableError
from czcheck.network import messages
from czcheck.network.files import SavedModelFiles, read_whole
from czcheck.network.grammar import LimitError
from czcheck.network.graph import SavedGraph, Scope
from czcheck.network.hidden import Search, objects_of, strings_of
from czcheck.network.safety import BadAsset, Oddity, Place, Refused, Safety, When, load_allowlist
from czcheck.network.saver import misused_file_names

if TYPE_CHECKING:
    from czcheck.network.facts import Network

LARGE_STRING = 64 * 1024
"""Bytes from which a string that the network reaches is worth a note."""

_INITIALISERS = ("saved_model_main_op", "legacy_init_op", "saved_model_init_op")
_INIT_SIGNATURES = ("__saved_model_init_op", "__saved_model_train_op")
# Functions of a resource that loading calls.
_LOADED = ("_create_resource", "_initialize", "_destroy_resource")
_WHENS: tuple[When, ...] = ("load", "serving", "saver", "other")


def scan(network: Network, files: SavedModelFiles) -> Safety:
    """Look for all that could do harm.

    Args:
        network: The network's facts.
        files: The SavedModel that they were read from.

    Raises:
        UnavailableError: The network could not be read.
    """
    if network.graph is None:
        raise UnavailableError("the network cannot be read")
    graphs = [("", network.graph), *((_tags(each), each) for each in network.further)]
    scans = [_Scan(graph, tags) for tags, graph in graphs]
    search = Search()
    return Safety(
        refused=_refused(each for scan in scans for each in scan.refused()),
        hidden=tuple(each for scan in scans for each in scan.hidden(search)),
        saver=tuple(each for scan in scans for each in scan.misused()),
        assets=tuple(each for scan in scans for each in bad_assets(scan.graph, files)),
        lambdas=tuple(lambda_layers([graph for _, graph in graphs], files)),
        further=tuple(tags for tags, _ in graphs[1:]),
        large=tuple(each for scan in scans for each in scan.large()),
    )


def _tags(graph: SavedGraph) -> str:
    return ", ".join(graph.meta_graph.meta_info_def.tags) or "no tag"


def _refused(found: Iterable[tuple[str, Place]]) -> tuple[Refused, ...]:
    """One entry for each operation."""
    places: dict[str, list[Place]] = {}
    for op, place in found:
        places.setdefault(op, []).append(place)
    known = load_allowlist()
    return tuple(
        Refused(
            op, known.danger(op), len(all_of), min(all_of, key=lambda each: _WHENS.index(each.when))
        )
        for op, all_of in sorted(places.items())
    )


class _Scan:
    """One graph, and what runs in it when."""

    def __init__(self, graph: SavedGraph, tags: str) -> None:
        self.graph = graph
        self.tags = tags
        meta = graph.meta_graph
        saver = meta.saver_def
        names = (saver.restore_op_name, saver.save_tensor_name, saver.filename_tensor_name)
        serving = list(_tensors(meta, initial=False))
        initial = list(_tensors(meta, initial=True))
        self._reached: dict[When, tuple[dict[str, Any], set[str]]] = {
            "load": self._reach(initial, _load_functions(meta.object_graph_def)),
            "serving": self._reach(serving, ()),
            "saver": self._reach([name for name in names if name], ()),
            "other": self._reach((), meta.object_graph_def.concrete_functions),
        }

    def _reach(
        self, roots: Iterable[str], functions: Iterable[str]
    ) -> tuple[dict[str, Any], set[str]]:
        """What runs: nodes of the main graph, and functions, of which all nodes count."""
        nodes = self.graph.reach(roots).nodes[None]
        pending = [name for name in functions if name in self.graph.library]
        pending.extend(each for node in nodes.values() for each in self.graph.calls(None, node))
        called: set[str] = set()
        while pending:
            name = pending.pop()
            if name not in called:
                called.add(name)
                for node in self.graph.nodes(name).values():
                    pending.extend(self.graph.calls(name, node))
        return nodes, called

    def _place(self, scope: Scope, node: Any) -> Place:
        when: When = "other"
        for each in _WHENS[:3]:
            nodes, functions = self._reached[each]
            if (node.name in nodes) if scope is None else (scope in functions):
                when = each
                break
        return Place(node.name, scope, self.tags, when)

    def refused(self) -> Iterator[tuple[str, Place]]:
        """Operations that are not allowed, and functions that hide one of TensorFlow's own."""
        known = load_allowlist()
        library = self.graph.library
        fine = known.allowed | known.saver
        for name in library:
            if known.knows(name):
                # What a node of this name then runs depends on the runtime.
                yield name, Place(name, name, self.tags, "other")
        for scope, nodes in self.graph.scopes():
            for node in nodes:
                if node.op not in fine and node.op not in library:
                    yield node.op, self._place(scope, node)
                # TensorFlow may take the name of a function for that of an operation.
                for name in self.graph.named(scope, node):
                    if name not in library and name not in known.allowed:
                        yield name, self._place(scope, node)

    def hidden(self, search: Search) -> Iterator[Oddity]:
        """Strings that are programs, and constants that are objects."""
        for scope, node in self.graph.with_texts():
            what = objects_of(node)
            if what is not None:
                yield Oddity(node.op, f"{what} in place of numbers", self._place(scope, node))
            for text in strings_of(node):
                what = search.program_in(text)
                if what is not None:
                    yield Oddity(node.op, what, self._place(scope, node))
                    break

    def large(self) -> Iterator[Oddity]:
        """Strings of unusual size that loading or the network reaches."""
        for scope, node in self.graph.with_texts():
            if node.op == "Const":
                size = sum(map(len, strings_of(node)))
                if size >= LARGE_STRING:
                    place = self._place(scope, node)
                    if place.when in ("load", "serving"):
                        yield Oddity(node.op, f"{size} bytes of text", place)

    def misused(self) -> Iterator[Oddity]:
        """Operations that save or restore where nobody saves or restores, or other files."""
        known = load_allowlist()
        found = {
            (scope, node.name): node
            for scope, nodes in self.graph.scopes()
            for node in nodes
            if node.op in known.saver
        }
        if not found:
            return
        reported: set[tuple[Scope, str]] = set()
        for (scope, name), node in found.items():
            text = self._reached_by(scope, node)
            if text is not None:
                reported.add((scope, name))
                yield Oddity(node.op, text, self._place(scope, node))
        try:
            for scope, node, problem in misused_file_names(self.graph, self._reached["saver"][0]):
                if (scope, node.name) not in reported:
                    reported.add((scope, node.name))
                    yield Oddity(node.op, problem, self._place(scope, node))
        except LimitError:
            (scope, _), node = next(iter(found.items()))
            yield Oddity(
                node.op, "is reached in more ways than can be followed", self._place(scope, node)
            )

    def _reached_by(self, scope: Scope, node: Any) -> str | None:
        words: tuple[tuple[When, str], ...] = (
            ("load", "runs whenever the network is loaded"),
            ("serving", "runs whenever a signature of the network is called"),
            ("other", "stands in a function that Python code can call"),
        )
        for when, text in words:
            nodes, functions = self._reached[when]
            if (node.name in nodes) if scope is None else (scope in functions):
                return text
        return None


def _tensors(meta_graph: Any, *, initial: bool) -> Iterator[str]:
    """Tensors and nodes that loading runs (`initial`), or that the signatures name."""
    for key, signature in meta_graph.signature_def.items():
        if (key in _INIT_SIGNATURES) == initial:
            pending = [*signature.inputs.values(), *signature.outputs.values()]
            while pending:
                info = pending.pop()
                sparse = info.coo_sparse
                names = (info.name, sparse.values_tensor_name, sparse.indices_tensor_name)
                yield from filter(None, (*names, sparse.dense_shape_tensor_name))
                pending.extend(info.composite_tensor.components)
    if initial:
        for key in _INITIALISERS:
            if key in meta_graph.collection_def:
                yield from meta_graph.collection_def[key].node_list.value
        for asset in meta_graph.asset_file_def:
            yield asset.tensor_info.name


def _load_functions(objects: Any) -> Iterator[str]:
    """Functions that `tf.saved_model.load` calls."""
    for each in objects.nodes:
        for child in each.children:
            if child.local_name in _LOADED and 0 <= child.node_id < len(objects.nodes):
                target = objects.nodes[child.node_id]
                yield from target.function.concrete_functions
                name = target.bare_concrete_function.concrete_function_name
                if name:
                    yield name


ASSETS = "assets/"
ASSET_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}", re.ASCII)
"""Names of asset files that are written out for TensorFlow; it would follow any other path."""

_ASSET_COLLECTION = "saved_model_assets"
_KERAS_METADATA = "keras_metadata.pb"
_KERAS_BYTES = 64 << 20
_LAMBDA = re.compile(rb'"class_name"\s*:\s*"Lambda"')
_ESCAPE = re.compile(rb"\\u00([0-7][0-9a-fA-F])")


def bad_assets(graph: SavedGraph, files: SavedModelFiles) -> Iterator[BadAsset]:
    """Asset files that TensorFlow would seek outside of `assets`, or in vain.

    Args:
        graph: The graph that names them.
        files: The SavedModel.
    """
    there = set(files.names)
    for name in asset_names(graph.meta_graph):
        if not ASSET_NAME.fullmatch(name):
            yield BadAsset(name, "is no plain file name")
        elif ASSETS + name not in there:
            yield BadAsset(name, "is not in the archive")


def asset_names(meta_graph: Any) -> Iterator[str]:
    """Names of the asset files that a graph refers to, in both of the ways there are."""
    for asset in meta_graph.asset_file_def:
        yield asset.filename
    if _ASSET_COLLECTION in meta_graph.collection_def:
        for each in meta_graph.collection_def[_ASSET_COLLECTION].any_list.value:
            yield _filename(each.value)


def _filename(data: bytes) -> str:
    """The name in an AssetFileDef; empty where the bytes are none."""
    try:
        name: str = messages.parse(messages.AssetFileDef, data).filename
    except InputError:
        return ""
    return name


def lambda_layers(graphs: Iterable[SavedGraph], files: SavedModelFiles) -> Iterator[str]:
    """Where Keras keeps Lambda layers; their code is text here and stays text.

    Args:
        graphs: All graphs of the SavedModel.
        files: The SavedModel.

    Yields:
        Words for each place: the name of a file, or a part of one.
    """
    if _KERAS_METADATA in files.names:
        try:
            text = read_whole(files, _KERAS_METADATA, _KERAS_BYTES)
        except InputError:
            text = b""
        if _has_lambda(text):
            yield _KERAS_METADATA
    texts = (
        each.user_object.metadata.encode()
        for graph in graphs
        for each in graph.meta_graph.object_graph_def.nodes
        if each.WhichOneof("kind") == "user_object"
    )
    if any(map(_has_lambda, texts)):
        yield "the object graph"


def _has_lambda(text: bytes) -> bool:
    if b"\\u00" in text:
        text = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), text)
    return _LAMBDA.search(text) is not None
