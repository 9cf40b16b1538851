"""What the answer comes from."""

from __future__ import annotations

from typing import Any

import pytest

from czcheck.network import read_network
from fixtures.graphs import FLOAT, Func, Graph, Type, classifier, ended_by
from fixtures.memory import MemoryFiles

INT32 = Type("int32")


def tail_of(graph: Graph, answer: str | None = None) -> str:
    if answer is not None:
        outputs = graph.meta_graph.signature_def["serving_default"].outputs
        outputs["answer"].name = answer if ":" in answer else f"{answer}:0"
    network = read_network(MemoryFiles(graph.files()))
    assert network.fault is None, network.fault
    return network.tail


def node_named(graph: Graph, name: str) -> Any:
    return next(node for node in graph.meta_graph.graph_def.node if node.name == name)


@pytest.mark.parametrize(
    ("op", "tail"),
    [("Sigmoid", "sigmoid"), ("LogSoftmax", "log-softmax"), ("Relu", "Relu"), ("Exp", "Exp")],
)
def test_the_last_operation_is_named(op: str, tail: str) -> None:
    assert tail_of(ended_by(op)) == tail


def test_moving_values_about_is_passed_over() -> None:
    graph = classifier()
    shape = graph.const("shape", [-1, 32, 32, 2], (4,), "int32")
    graph.node("reshaped", "Reshape", "answer", shape, T=FLOAT, Tshape=INT32)
    graph.node("double", "Cast", "reshaped", SrcT=FLOAT, DstT=Type("float64"))
    graph.node("same", "IdentityN", "image", "double", T=[FLOAT, Type("float64")])
    assert tail_of(graph, "same:1") == "softmax"
    assert tail_of(graph, "same:0") == "Placeholder"


def test_scores_are_linear() -> None:
    assert tail_of(classifier(), "logits") == "linear"


def decomposed(summed: str) -> Graph:
    graph = classifier()
    axis = graph.const("axis", [-1], (1,), "int32")
    attrs = {"T": FLOAT, "Tidx": INT32, "keep_dims": True}
    graph.node("max", "Max", "logits", axis, **attrs)
    graph.node("shifted", "Sub", "logits", "max", T=FLOAT)
    graph.node("exp", "Exp", "shifted", T=FLOAT)
    graph.node("sum", "Sum", summed, axis, **attrs)
    graph.node("divided", "RealDiv", "exp", "sum", T=FLOAT)
    return graph


def test_a_softmax_written_out_is_known_and_a_look_alike_is_not() -> None:
    assert tail_of(decomposed("exp"), "divided") == "decomposed-softmax"
    assert tail_of(decomposed("logits"), "divided") == "RealDiv"


def pair(one: float) -> Graph:
    graph = classifier()
    graph.node("p", "Sigmoid", "logits", T=FLOAT)
    graph.const("one", [one], ())
    graph.node("rest", "Sub", "one", "p", T=FLOAT)
    axis = graph.const("axis", [-1], (), "int32")
    graph.node("both", "ConcatV2", "p", "rest", axis, T=FLOAT, N=2, Tidx=INT32)
    return graph


def test_p_and_one_minus_p_make_probabilities() -> None:
    assert tail_of(pair(1.0), "both") == "sigmoid-pair"
    assert tail_of(pair(2.0), "both") == "ConcatV2"


def with_branches(*ops: str) -> Graph:
    graph = classifier()
    names = [f"branch{number}" for number in range(len(ops))]
    for name, op in zip(names, ops, strict=True):
        body = graph.function(name, {"x": "float32"}, {"y": "float32"})
        body.node("out", op, "x", T=FLOAT)
        body.returns(y="out:out:0")
    graph.const("which", [0], (), "int32")
    branches = [Func(name) for name in names]
    graph.node("chosen", "Case", "which", "logits", branches=branches)
    return graph


def test_branches_count_where_they_agree() -> None:
    assert tail_of(with_branches("Softmax", "Softmax"), "chosen") == "softmax"
    assert tail_of(with_branches("Softmax", "Relu"), "chosen") == "unknown"
    # An argument is followed back to the caller.
    assert tail_of(with_branches("Identity", "Identity"), "chosen") == "linear"


def test_a_function_called_by_its_own_name_is_entered() -> None:
    graph = classifier()
    inner = graph.function("ending", {"x": "float32"}, {"other": "float32", "y": "float32"})
    inner.node("soft", "Softmax", "x", T=FLOAT)
    inner.returns(other="x", y="soft:softmax:0")
    outer = graph.function("outer", {"x": "float32"}, {"y": "float32"})
    outer.node("call", "ending", "x")
    outer.returns(y="call:y:0")
    graph.node("done", "StatefulPartitionedCall", "logits", f=Func("outer"))
    assert tail_of(graph, "done") == "softmax"
    assert tail_of(graph, graph.node("direct", "ending", "logits") + ":1") == "softmax"
    assert tail_of(graph, "direct:0") == "linear"


def test_what_cannot_be_traced_is_unknown() -> None:
    graph = classifier()
    body = graph.function("empty", {"x": "float32"}, {"y": "float32"})
    body.returns(y="nowhere:y:0")
    graph.node("call", "PartitionedCall", "logits", f=Func("empty"))
    node_named(graph, "answer").input.append("^image")
    outputs = graph.meta_graph.signature_def["serving_default"].outputs
    outputs["answer"].name = "call:7"
    network = read_network(MemoryFiles(graph.files()))
    assert network.fault is not None
    graph = classifier()
    body = graph.function("short", {"x": "float32"}, {"y": "float32"})
    body.returns(y="x")
    graph.node("call", "PartitionedCall", "logits", f=Func("short"))
    assert tail_of(graph, "call:7") == "unknown"
