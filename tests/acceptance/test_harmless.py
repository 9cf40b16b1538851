"""No file of this repository does harm to whoever opens it, with whatever program."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from czcheck.network import load_allowlist, messages, strings_of
from fixtures.stand_ins import MADE_UP

ROOT = Path(__file__).parents[2]
PLACES = ("fixtures", "fuzz/corpus", "examples")
MOST_BYTES = 4 << 20
MOST_NODES = 100_000
# What touches files, other machines, Python or the process itself, or brings a program of its own.
HARMFUL = {
    "python_callback", "process_control", "file_write", "file_read", "filesystem_config",
    "network_rpc", "debug_dump", "summary", "print_log", "nested_program", "xla",
    "dataset_iterator", "queue_stage_barrier", "tpu", "dtensor",
}  # fmt: skip
# Stands in every SavedModel, where it saves and restores.
SAVER = {"SaveV2", "RestoreV2", "ShardedFilename", "MergeV2Checkpoints"}


def contents(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """A file and, where it is an archive, all that is in it, unpacked; nothing beyond the limit."""
    yield name, data
    if data.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(BytesIO(data)) as archive:
                for info in archive.infolist():
                    with archive.open(info) as stream:
                        inner = stream.read(MOST_BYTES + 1)
                    assert len(inner) <= MOST_BYTES, f"{name}: {info.filename} unpacks to too much"
                    yield from contents(f"{name}!/{info.filename}", inner)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError):
            return  # damaged on purpose


def committed() -> Iterator[tuple[str, bytes]]:
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*")):
            if path.is_file() and path.suffix not in (".py", ".pyc", ".md"):
                yield from contents(str(path.relative_to(ROOT)), path.read_bytes())


def saved_models() -> Iterator[tuple[str, Any]]:
    """Everything that can be read as a SavedModel with a graph."""
    for name, data in committed():
        if data.startswith(b"PK"):
            continue
        try:
            message = messages.SavedModel.FromString(data)
        except Exception:  # noqa: BLE001 - no such message
            continue
        if message.meta_graphs:
            yield name, message


@pytest.fixture(scope="module")
def graphs() -> list[tuple[str, Any]]:
    return list(saved_models())


def test_no_committed_graph_holds_an_operation_that_does_harm(
    graphs: list[tuple[str, Any]],
) -> None:
    known = load_allowlist()
    harmful = {op for op, kind in known.refused.items() if kind in HARMFUL}
    assert len(harmful) > 400
    assert MADE_UP not in known.refused
    assert len(graphs) > 150
    for name, message in graphs:
        texts: list[bytes] = []
        for meta in message.meta_graphs:
            library = meta.graph_def.library.function
            for nodes in (meta.graph_def.node, *(each.node_def for each in library)):
                ops = {node.op for node in nodes}
                assert ops.isdisjoint(harmful), (name, ops & harmful)
                for node in nodes:
                    texts.extend(strings_of(node))
                    if node.op in SAVER and "delete_old_dirs" in node.attr:
                        assert name.startswith("fuzz/") or not node.attr["delete_old_dirs"].b, name
        # Neither in a graph that stands in a text.
        for text in texts:
            for op in harmful:
                assert len(op) < 6 or op.encode() not in text, (name, op)


def written_out(function: str, functions: Mapping[str, Any], sizes: dict[str, int]) -> int:
    """Nodes of a function with all that it calls written out; a call of itself counts as one."""
    if function not in functions:
        return 0
    if function not in sizes:
        nodes = functions[function].node_def
        sizes[function] = len(nodes)
        called = [node.op for node in nodes]
        called += [value.func.name for node in nodes for value in node.attr.values()]
        sizes[function] += sum(written_out(each, functions, sizes) for each in called)
    return sizes[function]


def test_no_committed_graph_grows_without_bounds(graphs: list[tuple[str, Any]]) -> None:
    for name, message in graphs:
        for meta in message.meta_graphs:
            nodes = meta.graph_def.node
            assert len(nodes) < 10_000, name
            functions = {each.signature.name: each for each in meta.graph_def.library.function}
            sizes: dict[str, int] = {}
            assert sum(written_out(each, functions, sizes) for each in functions) < MOST_NODES, name


def test_no_committed_archive_unpacks_to_much() -> None:
    assert sum(1 for _ in committed()) > 500
