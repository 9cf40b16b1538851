"""What is said of files that TensorFlow's loaders see differently, without running them."""

from __future__ import annotations

from pathlib import Path

import pytest

from czcheck.network import (
    Disagreement,
    SavedModelFolder,
    disagreements,
    load_target,
    oddities,
    read_network,
)
from czcheck.network.facts import Network
from fixtures.described import FUNCTION, described
from fixtures.graphs import FLOAT, Func, Function, Graph, Type


def read(graph: Graph, folder: Path) -> Network:
    for name, data in graph.files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    network = read_network(SavedModelFolder(folder))
    assert network.fault is None
    return network


def found(graph: Graph, folder: Path, target: str = "any") -> list[Disagreement]:
    return list(disagreements(read(graph, folder), load_target(target)))


def branching(other: float) -> Graph:
    """Logits go through a branch in graph and function; `other` is added in the function's."""
    graph = described()
    (body,) = (Function(each) for each in graph.meta_graph.graph_def.library.function)
    for name, added in (("plain", 1.0), ("copied", other)):
        branch = graph.function(name, {"x": "float32"}, {"y": "float32"})
        branch.const("added", [added], ())
        branch.node("sum", "AddV2", "x", "added:output:0", T=FLOAT)
        branch.returns(y="sum:z:0")
    types = {"Tcond": Type("bool"), "Tin": [FLOAT], "Tout": [FLOAT]}
    graph.const("true", [True], (), "bool")
    body.const("true", [True], (), "bool")
    for nodes, name, logits, yes, end in (
        (graph, "plain", "logits", "true", "branch"),
        (body, "copied", "logits:output:0", "true:output:0", "branch:output:0"),
    ):
        nodes.node(
            "branch", "If", yes, logits, then_branch=Func(name), else_branch=Func(name), **types
        )
        (answer,) = (each for each in nodes._nodes if each.name == "answer")
        answer.input[0] = end
    return graph


def test_a_function_that_repeats_the_graph_is_the_same_network(tmp_path: Path) -> None:
    network = read(described(), tmp_path)
    assert list(disagreements(network, load_target("tf-2.0.0"))) == []
    assert list(oddities(network)) == []


def test_branches_of_other_names_are_compared_inside(tmp_path: Path) -> None:
    assert found(branching(1.0), tmp_path / "same") == []
    (here,) = found(branching(2.0), tmp_path / "other")
    assert "another network" in here.problem
    assert "added" in here.problem


@pytest.mark.parametrize(("output", "named"), [("indices", []), ("values", ["top, and not 1"])])
def test_a_second_output_has_another_name_in_a_function(
    tmp_path: Path, output: str, named: list[str]
) -> None:
    graph = described()
    (body,) = (Function(each) for each in graph.meta_graph.graph_def.library.function)
    types = {"T": FLOAT, "sorted": True}
    for nodes, logits, count, best, cast in (
        (graph, "logits", "count", "top:1", "places"),
        (body, "logits:output:0", "count:output:0", f"top:{output}:0", "places:y:0"),
    ):
        nodes.const("count", [2], (), "int32")
        nodes.node("top", "TopKV2", logits, count, **types)
        nodes.node("places", "Cast", best, SrcT=Type("int32"), DstT=FLOAT)
        (answer,) = (each for each in nodes._nodes if each.name == "answer")
        answer.input[0] = cast
    assert [each.problem[-len("top, and not 1") :] for each in found(graph, tmp_path)] == named


def test_a_captured_constant_is_the_graph_s_own(tmp_path: Path) -> None:
    def capturing(operation: str) -> Graph:
        graph = described()
        (function,) = graph.meta_graph.graph_def.library.function
        (kernel,) = (each for each in function.node_def if each.name == "kernel")
        function.node_def.remove(kernel)
        function.signature.input_arg.add(name="weights", type=1)
        (conv,) = (each for each in function.node_def if each.name == "conv")
        conv.input[1] = "weights"
        objects = graph.meta_graph.object_graph_def
        objects.nodes.add().constant.operation = operation
        objects.concrete_functions[FUNCTION].bound_inputs.append(3)
        return graph

    assert found(capturing("kernel"), tmp_path / "kernel") == []
    (bias,) = found(capturing("bias"), tmp_path / "bias")
    assert "another network" in bias.problem
    (gone,) = found(capturing("gone"), tmp_path / "gone")
    assert "constant that is not in the graph" in gone.problem


def test_a_child_named_twice_is_fine_where_it_is_one_child(tmp_path: Path) -> None:
    graph = described()
    signatures = graph.meta_graph.object_graph_def.nodes[1]
    signatures.children.add(node_id=2, local_name="serving_default")
    assert found(graph, tmp_path) == []


def test_versions_are_held_against_the_target(tmp_path: Path) -> None:
    graph = described()
    graph.meta_graph.graph_def.versions.min_consumer = 500
    (here,) = found(graph, tmp_path, "tf-2.0.0")
    assert "graph version 500; TensorFlow 2.0.0 has 119" in here.problem
    assert found(graph, tmp_path, "any") == []


def test_without_objects_there_is_nothing_to_disagree_on(tmp_path: Path) -> None:
    graph = described()
    graph.meta_graph.ClearField("object_graph_def")
    assert found(graph, tmp_path) == []
