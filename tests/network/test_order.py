"""Graphs that run in circles, or need what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from czcheck.network import SavedModelFolder, read_network
from czcheck.network import graph as graphs
from czcheck.network.facts import Network
from fixtures import stand_ins
from fixtures.graphs import FLOAT, Func, Graph, classifier


def read(graph: Graph, folder: Path) -> Network:
    (folder / "saved_model.pb").write_bytes(graph.message.SerializeToString())
    return read_network(SavedModelFolder(folder))


@pytest.mark.parametrize(
    ("graph", "word"),
    [
        (stand_ins.circle(1), "wait0"),
        (stand_ins.circle(1_000), "wait"),
        (stand_ins.chain(102), "100 deep"),
    ],
)
def test_circles_and_multitudes_are_beyond_the_limits(
    graph: Graph, word: str, tmp_path: Path
) -> None:
    network = read(graph, tmp_path)
    assert network.beyond_limits
    assert word in str(network.fault)


def test_calls_that_double_are_beyond_the_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "INLINED_NODES", 500)
    assert read(stand_ins.doubling(6), tmp_path).fault is None
    network = read(stand_ins.doubling(9), tmp_path)
    assert network.beyond_limits
    assert "written out" in str(network.fault)


def test_honest_depth_is_not(tmp_path: Path) -> None:
    assert read(stand_ins.chain(80), tmp_path).fault is None


def test_a_circle_is_named_by_a_node_in_it(tmp_path: Path) -> None:
    graph = stand_ins.circle(2)
    graph.node("behind", "Identity", "wait0", T=FLOAT)
    assert "wait" in str(read(graph, tmp_path).fault)


def test_a_circle_in_a_function_of_another_graph_is_found(tmp_path: Path) -> None:
    graph, other = classifier(), classifier()
    body = other.function("round", {"x": "float32"}, {})
    body.node("one", "AddV2", "x", "two:output:0", T=FLOAT)
    body.node("two", "Identity", "one:z:0", T=FLOAT)
    other.meta_graph.meta_info_def.tags[:] = ["train"]
    graph.message.meta_graphs.add().CopyFrom(other.meta_graph)
    network = read(graph, tmp_path)
    assert network.beyond_limits
    assert "train" in str(network.fault)
    assert "round" in str(network.fault)


def test_one_attribute_cannot_name_functions_without_end(tmp_path: Path) -> None:
    graph = classifier()
    graph.node("many", "NoOp", f=[Func("inner")] * 2_000)
    assert read(graph, tmp_path).beyond_limits


def test_graphs_without_number_are_beyond_the_limits(tmp_path: Path) -> None:
    graph = classifier()
    for at in range(20):
        graph.message.meta_graphs.add().meta_info_def.tags.append(f"tag{at}")
    assert read(graph, tmp_path).beyond_limits


def test_an_input_that_is_not_there_is_told_wherever_it_stands(tmp_path: Path) -> None:
    graph = classifier()
    body = graph.function("idle", {"x": "float32"}, {})
    body.node("sum", "AddV2", "x", "y", T=FLOAT)
    network = read(graph, tmp_path)
    assert not network.beyond_limits
    assert network.fault == "the graph needs a node 'y' of the function idle that is not there"


def test_names_that_only_tensorflow_gives_are_refused(tmp_path: Path) -> None:
    graph = classifier()
    graph.node("_hidden", "NoOp")
    assert "'_hidden'" in str(read(graph, tmp_path).fault)
