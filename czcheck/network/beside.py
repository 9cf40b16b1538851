"""What stands beside a graph and could do harm: asset files, and what Keras keeps of layers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from czcheck.errors import InputError
from czcheck.network import messages
from czcheck.network.files import SavedModelFiles, read_whole
from czcheck.network.graph import SavedGraph
from czcheck.network.safety import BadAsset

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
    """Names of the asset files that a graph refers to, in both of the ways there are.

    Args:
        meta_graph: The MetaGraphDef.
    """
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
