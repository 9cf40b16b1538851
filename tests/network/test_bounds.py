"""Between which values an output lies, by the operations at its end."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from czcheck.network import read_network
from czcheck.network.facts import Network
from fixtures.graphs import (
    CONV,
    FLOAT,
    Func,
    Graph,
    Type,
    classifier,
    ended_by,
    scores,
    sigmoid_pair,
)
from fixtures.memory import MemoryFiles

INT32 = Type("int32")
ANY = (-math.inf, math.inf)


def network_of(graph: Graph, output: str | None = None) -> Network:
    if output is not None:
        outputs = graph.meta_graph.signature_def["serving_default"].outputs
        outputs["answer"].name = output if ":" in output else f"{output}:0"
    network = read_network(MemoryFiles(graph.files()))
    assert network.fault is None, network.fault
    return network


def hidden() -> Graph:
    """A network whose node `answer` holds scores behind a hidden layer."""
    return scores(2)


def apply(graph: Graph, op: str, *inputs: str, **attrs: Any) -> str:
    return graph.node(f"{op}{len(graph.meta_graph.graph_def.node)}", op, *inputs, T=FLOAT, **attrs)


def number(graph: Graph, value: float) -> str:
    return graph.const(f"c{len(graph.meta_graph.graph_def.node)}", [value], ())


def squashed(graph: Graph) -> str:
    return apply(graph, "Sigmoid", "answer")


def scaled(graph: Graph) -> str:
    return apply(graph, "Mul", squashed(graph), number(graph, 255))


def cut(graph: Graph) -> str:
    least = apply(graph, "Minimum", "answer", number(graph, 1))
    return apply(graph, "Maximum", least, number(graph, 0))


def hard_sigmoid(graph: Graph) -> str:
    moved = apply(graph, "AddV2", "answer", number(graph, 3))
    return apply(graph, "RealDiv", apply(graph, "Relu6", moved), number(graph, 6))


def rest(graph: Graph) -> str:
    return apply(graph, "Sub", number(graph, 1), squashed(graph))


def mean_of_two(graph: Graph) -> str:
    both = apply(graph, "AddV2", squashed(graph), squashed(graph))
    return apply(graph, "Mul", both, number(graph, 0.5))


def through_cast_and_reshape(graph: Graph) -> str:
    cast = graph.node("cast", "Cast", squashed(graph), SrcT=FLOAT, DstT=FLOAT)
    shape = graph.const("shape", [-1, 32, 32, 2], (4,), "int32")
    return apply(graph, "Reshape", cast, shape, Tshape=INT32)


def shifted(graph: Graph) -> str:
    return apply(graph, "AddV2", "answer", number(graph, 7))


def swish(graph: Graph) -> str:
    return apply(graph, "Mul", "answer", squashed(graph))


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (lambda _: "answer", (*ANY, True)),
        (shifted, (*ANY, True)),
        (swish, (*ANY, True)),
        (lambda graph: apply(graph, "Tanh", "answer"), (-1, 1, True)),
        (lambda graph: apply(graph, "LogSoftmax", "answer"), (-math.inf, 0, True)),
        (lambda graph: apply(graph, "Exp", apply(graph, "LogSoftmax", "answer")), (0, 1, True)),
        (lambda graph: apply(graph, "Relu", "answer"), (0, math.inf, True)),
        (squashed, (0, 1, True)),
        (scaled, (0, 255, True)),
        (cut, (0, 1, True)),
        (hard_sigmoid, (0, 1, True)),
        (rest, (0, 1, True)),
        (mean_of_two, (0, 1, True)),
        (through_cast_and_reshape, (0, 1, True)),
    ],
)
def test_bounds(ending: Callable[[Graph], str], expected: tuple[float, float, bool]) -> None:
    graph = hidden()
    assert network_of(graph, ending(graph)).bounds == expected


def divided_by_its_sum(graph: Graph) -> str:
    axis = graph.const("axis", [-1], (1,), "int32")
    total = apply(graph, "Sum", squashed(graph), axis, Tidx=INT32, keep_dims=True)
    return apply(graph, "RealDiv", squashed(graph), total)


def smoothed(graph: Graph) -> str:
    kernel = graph.const("smooth", [1 / 9] * 18, (3, 3, 2, 1))
    return graph.node("smoothed", "DepthwiseConv2dNative", squashed(graph), kernel, **CONV)


def sparse(graph: Graph) -> str:
    """As a sparsemax ends: scores less what the scores themselves decide, cut off at 0."""
    tau = apply(graph, "Square", "answer")
    return apply(graph, "Relu", apply(graph, "Sub", "answer", tau))


def moved_by_a_weight(graph: Graph) -> str:
    bias = graph.variable("learnt", [1.0], (2,))
    return graph.node("moved", "BiasAdd", "answer", bias, T=FLOAT, data_format="NHWC")


def test_weights_leave_scores_what_they_are() -> None:
    graph = hidden()
    ending = moved_by_a_weight(graph)
    graph.saver()
    assert network_of(graph, ending).bounds == (*ANY, True)


@pytest.mark.parametrize("ending", [divided_by_its_sum, smoothed, sparse])
def test_what_may_be_probabilities_all_the_same_is_not_called_scores(
    ending: Callable[[Graph], str],
) -> None:
    graph = hidden()
    bounds = network_of(graph, ending(graph)).bounds
    assert bounds is not None
    assert not bounds.sure
    # Nor what is made of the image itself, whose values nobody knows.
    bounds = network_of(classifier(), "logits").bounds
    assert bounds is not None
    assert not bounds.sure


def test_branches_and_calls_are_entered() -> None:
    graph = hidden()
    for name, op in (("squash", "Sigmoid"), ("bend", "Tanh")):
        body = graph.function(name, {"x": "float32"}, {"y": "float32"})
        body.node("out", op, "x", T=FLOAT)
        body.returns(y="out:y:0")
    graph.const("which", [0], (), "int32")
    branches = [Func("squash"), Func("bend")]
    assert network_of(
        graph, graph.node("chosen", "Case", "which", "answer", branches=branches)
    ).bounds == (-1, 1, True)


def sigmoid_written_out(graph: Graph, form: str) -> str:
    one, two, half = number(graph, 1), number(graph, 2), number(graph, 0.5)
    power = apply(graph, "Exp", "answer")
    if form == "exp(x) / (1 + exp(x))":
        # The same power, computed twice.
        return apply(
            graph, "RealDiv", power, apply(graph, "AddV2", one, apply(graph, "Exp", "answer"))
        )
    if form.startswith("tanh"):
        bent = apply(graph, "AddV2", apply(graph, "Tanh", "answer"), one)
        other, op = (two, "RealDiv") if form.endswith("2") else (half, "Mul")
        return apply(graph, op, bent, other)
    raised = apply(graph, "AddV2", apply(graph, "Exp", apply(graph, "Neg", "answer")), one)
    return (
        apply(graph, "Reciprocal", raised)
        if form == "reciprocal"
        else apply(graph, "RealDiv", one, raised)
    )


@pytest.mark.parametrize(
    "form", ["1 / (1 + exp(-x))", "reciprocal", "exp(x) / (1 + exp(x))", "tanh / 2", "tanh * 0.5"]
)
def test_a_sigmoid_written_out_is_known(form: str) -> None:
    graph = hidden()
    network = network_of(graph, sigmoid_written_out(graph, form))
    assert network.tail == "sigmoid"
    assert network.bounds == (0, 1, True)


def test_a_log_softmax_written_out_is_known() -> None:
    graph = hidden()
    axis = graph.const("axis", [-1], (1,), "int32")
    power = apply(graph, "Exp", "answer")
    total = apply(graph, "Sum", power, axis, Tidx=INT32, keep_dims=True)
    logarithm = apply(graph, "Log", total)
    assert network_of(graph, apply(graph, "Sub", "answer", logarithm)).tail == "log-softmax"
    most = apply(graph, "Max", "answer", axis, Tidx=INT32, keep_dims=True)
    whole = apply(graph, "AddV2", logarithm, most)
    assert network_of(graph, apply(graph, "Sub", "answer", whole)).tail == "log-softmax"
    assert network_of(graph, apply(graph, "Sub", "answer", most)).tail == "linear"


def test_a_look_alike_of_a_sigmoid_is_none() -> None:
    graph = hidden()
    power = apply(graph, "Exp", "answer")
    raised = apply(graph, "AddV2", apply(graph, "Exp", "hidden"), number(graph, 1))
    assert network_of(graph, apply(graph, "RealDiv", power, raised)).tail == "RealDiv"


def test_the_channel_of_p_is_known() -> None:
    assert [network_of(sigmoid_pair(p=channel)).pair for channel in (0, 1)] == [0, 1]
    assert network_of(ended_by("Softmax")).pair is None
    # x and 1 - x of what is no probability.
    graph = hidden()
    bent = apply(graph, "Tanh", "answer")
    rest_of_it = apply(graph, "Sub", number(graph, 1), bent)
    axis = graph.const("axis", [3], (), "int32")
    joined = graph.node("joined", "ConcatV2", bent, rest_of_it, axis, T=FLOAT, Tidx=INT32, N=2)
    assert network_of(graph, joined).pair is None
