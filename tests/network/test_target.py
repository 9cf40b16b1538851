"""What TensorFlow 2.0.0 lacks for a graph."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from czcheck.network import TARGETS, Gap, gaps, load_target, messages, plain, read_network
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


def test_the_attributes_of_a_node_come_in_order_of_their_names() -> None:
    graph = classifier()
    graph.node("loose", "Identity", "image", T=FLOAT, **dict.fromkeys("hgfedcba", 3))
    assert [gap.attribute for gap in gaps_of(graph)] == list("abcdefgh")


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


@pytest.mark.parametrize(
    ("op", "attribute", "value", "refused"),
    [
        ("Maximum", "T", Type("uint8"), "uint8"),
        ("Maximum", "T", Type("float16"), None),
        ("ArgMax", "output_type", Type("uint16"), "uint16"),
        ("ResizeNearestNeighbor", "T", Type("bfloat16"), "bfloat16"),
        ("FusedBatchNormV3", "data_format", "NDHWC", "NDHWC"),
        ("FusedBatchNormV3", "data_format", "NCHW", None),
        ("DepthwiseConv2dNative", "padding", "EXPLICIT", "EXPLICIT"),
        ("Conv2D", "padding", "EXPLICIT", None),
        # Dtypes that came later, where any dtype is allowed.
        ("Cast", "DstT", Type("float8_e5m2"), "float8_e5m2"),
        ("Cast", "DstT", Type("bfloat16"), None),
        ("PartitionedCall", "Tin", [Type("float32"), Type("int4")], "int4"),
        ("PartitionedCall", "Tin", [Type("float32")], None),
        ("AddN", "N", 0, "0"),
        ("AddN", "N", 1, None),
        ("SparseApplyAdagrad", "Tindices", Type("int16"), "int16"),
    ],
)
def test_values_of_attributes_are_held_to_those_of_the_target(
    op: str, attribute: str, value: Any, refused: str | None
) -> None:
    graph = classifier()
    graph.node("node", op, "image", **{attribute: value})
    wanted = [] if refused is None else [(op, attribute, refused)]
    assert [(gap.op, gap.attribute, gap.value) for gap in gaps_of(graph)] == wanted
    # What the network does not reach goes when the file is written anew.
    assert all(gap.mends for gap in gaps_of(graph))


def test_a_value_that_the_network_needs_does_not_mend() -> None:
    graph = classifier()
    (answer,) = (node for node in graph.meta_graph.graph_def.node if node.name == "answer")
    answer.op = "ResizeArea"
    answer.attr["T"].CopyFrom(attribute(Type("bfloat16")))
    (gap,) = gaps_of(graph)
    assert (gap.value, gap.reachable, gap.mends) == ("bfloat16", True, False)


REFUSES = """
import sys
import tensorflow as tf
for folder in sys.argv[1:]:
    for load in (tf.saved_model.load, lambda path: tf.compat.v1.saved_model.loader.load(
            tf.compat.v1.Session(graph=tf.Graph()), ["serve"], path)):
        try:
            load(folder)
        except Exception as error:
            print(str(error).replace("\\n", " "))
        else:
            print("loads")
"""


@pytest.mark.tf200
@pytest.mark.timeout(120)
def test_tensorflow_2_0_0_refuses_a_whole_file_for_such_a_value(
    tmp_path: Path, tf200_python: str
) -> None:
    bytes_, sound = Type("uint8"), classifier()
    loose, inside = classifier(), classifier()
    small = loose.node("small", "Cast", "image", SrcT=FLOAT, DstT=bytes_)
    loose.node("largest", "Maximum", small, small, T=bytes_)
    body = inside.function("idle", {"x": "uint8"}, {"y": "uint8"})
    body.node("largest", "Maximum", "x", "x", T=bytes_)
    body.returns(y="largest:z:0")
    for name, graph in (("sound", sound), ("loose", loose), ("inside", inside)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").write_bytes(graph.files()["saved_model.pb"])
    done = subprocess.run(
        [tf200_python, "-c", REFUSES, "sound", "loose", "inside"],
        cwd=tmp_path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stdout.splitlines()
    assert len(said) == 6, done.stdout  # three files, each in both loaders
    assert said[:2] == ["loads", "loads"]
    # In a function that nothing calls, the session's loader does not look.
    for each in said[2:5]:
        assert "uint8" in each


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
