"""What TensorFlow 2.0.0 lacks for a graph."""

from __future__ import annotations

import time
from typing import Any

import pytest

from czcheck.network import messages
from czcheck.network.saved_model import read_network
from czcheck.network.target import TARGETS, Gap, gaps, load_target, plain
from fixtures.graphs import FLOAT, Func, Graph, Shape, Type, attribute, classifier
from fixtures.memory import MemoryFiles

TF200 = load_target("tf-2.0.0")


def gaps_of(graph: Graph, target: str = "tf-2.0.0") -> tuple[Gap, ...]:
    network = read_network(MemoryFiles(graph.files()))
    assert network.graph is not None, network.fault
    return gaps(network.graph, load_target(target))


def test_a_network_of_its_time_has_no_gap() -> None:
    assert gaps_of(classifier()) == ()


def test_every_node_counts_reached_or_not_and_any_target_counts_none() -> None:
    graph = classifier()
    body = graph.function("save", {"x": "resource"}, {})
    body.node("copy", "DisableCopyOnRead", "x")
    graph.node("loose", "Ndtri", "image", T=FLOAT)
    assert gaps_of(graph) == (
        Gap("Ndtri", None, "loose", None, reachable=False),
        Gap("DisableCopyOnRead", None, "copy", "save", reachable=False),
    )
    assert all(gap.mends for gap in gaps_of(graph))
    assert gaps_of(graph, "any") == ()


def test_what_the_network_reaches_does_not_mend() -> None:
    graph = classifier()
    (answer,) = (node for node in graph.meta_graph.graph_def.node if node.name == "answer")
    answer.op = "Ndtri"
    (gap,) = gaps_of(graph)
    assert gap == Gap("Ndtri", None, "answer", None, reachable=True)
    assert not gap.mends


def test_hidden_attributes_and_the_files_own_functions_are_no_gap() -> None:
    graph = classifier()
    graph.function("mine", {"x": "float32"}, {"y": "float32"}).returns(y="x")
    graph.node("call", "mine", "logits", _output_shapes=[Shape((1, 2))], anything=3)
    graph.node("other", "Identity", "logits", T=FLOAT, _hint="x")
    assert gaps_of(graph) == ()


@pytest.mark.parametrize(
    ("op", "attribute", "value", "drops"),
    [
        ("DepthwiseConv2dNative", "explicit_paddings", [], True),
        ("DepthwiseConv2dNative", "explicit_paddings", [1, 1], False),
        ("MaxPool", "explicit_paddings", [], True),
        ("MaxPool", "explicit_paddings", [0, 0, 1, 1, 1, 1, 0, 0], False),
        ("FusedBatchNormV3", "exponential_avg_factor", 1.0, True),
        ("FusedBatchNormV3", "exponential_avg_factor", 0.5, False),
        ("QuantizeV2", "ensure_minimum_range", 0.01, True),
        ("GatherNd", "bad_indices_policy", "", True),
        ("GatherNd", "bad_indices_policy", "IGNORE", False),
        ("TopKV2", "index_type", Type("int32"), True),
        ("TopKV2", "index_type", Type("int64"), False),
        ("VarHandleOp", "debug_name", "conv2d/kernel", True),
        ("MatMul", "grad_a", True, True),
        ("Conv2D", "invented", 1, False),
        ("Conv2D", "invented", Func("f"), False),
    ],
)
def test_attributes_at_their_default_can_be_dropped(
    op: str, attribute: str, value: Any, drops: bool
) -> None:
    graph = classifier()
    graph.node("node", op, "image", **{attribute: value})
    (gap,) = gaps_of(graph)
    assert (gap.op, gap.attribute, gap.default) == (op, attribute, drops)


def test_the_averaging_factor_matters_in_training_only() -> None:
    graph = classifier()
    attrs = {"exponential_avg_factor": 0.5, "is_training": False}
    graph.node("norm", "FusedBatchNormV3", "image", **attrs)
    (gap,) = gaps_of(graph)
    assert gap.default


def test_plain_values_keep_kinds_apart() -> None:
    values = [True, 1, 1.0, "1", FLOAT, Shape((None, 2)), Func("f"), [1], [True], []]
    assert len({str(plain(attribute(value))) for value in values}) == len(values)
    assert plain(messages.AttrValue()) == [None, None]


def test_targets_and_the_speed_of_reading_the_list() -> None:
    assert set(TARGETS) == {"tf-2.0.0", "any"}
    assert TF200.knows("Conv2D")
    assert not TF200.knows("DisableCopyOnRead")
    assert "explicit_paddings" in TF200.attributes("Conv2D")
    assert "explicit_paddings" not in TF200.attributes("MaxPool")
    with pytest.raises(KeyError):
        load_target("tf-1.15")
    spent = []
    for _ in range(5):
        load_target.cache_clear()
        before = time.process_time()
        load_target("tf-2.0.0")
        spent.append(time.process_time() - before)
    assert min(spent) < 0.010
