"""The facts of a network: signature, reach, counts, limits, faults."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.network import TensorSpec, read_network
from czcheck.network.saved_model import Network
from fixtures.bad_network import with_variable
from fixtures.graphs import CONV, FLOAT, Func, Graph, Shape, Type, classifier, spec
from fixtures.memory import MemoryFiles


def network_of(graph: Graph, limits: Limits = DEFAULT_LIMITS) -> Network:
    network = read_network(MemoryFiles(graph.files()), limits)
    assert network.fault is None, network.fault
    return network


def fault_of(graph: Graph, limits: Limits = DEFAULT_LIMITS) -> str:
    network = read_network(MemoryFiles(graph.files()), limits)
    assert network.fault is not None
    assert network.fault_file == "saved_model.pb"
    assert network.graph is None
    return network.fault


def test_signature_shapes_and_counts_of_a_sound_network() -> None:
    network = network_of(classifier(channels=3, classes=4))
    assert network.serving is not None
    assert network.serving.inputs == (TensorSpec("image", "image:0", "float32", (None, 32, 32, 3)),)
    assert network.serving.outputs == (
        TensorSpec("answer", "answer:0", "float32", (None, 32, 32, 4)),
    )
    assert network.tensorflow_version == "2.0.0"
    assert network.producer == 119
    assert network.tags == ("serve",)
    assert network.tail == "softmax"
    # 3x3 kernel for 3 channels and 4 classes, and 4 biases, as constants in the graph.
    assert network.parameters == 3 * 3 * 3 * 4 + 4
    assert network.weight_bytes == 4 * network.parameters
    assert network.loader == "session"
    assert network.problems == ()
    assert {(use.op, use.count, use.where) for use in network.operations} == {
        ("Placeholder", 1, "serving"),
        ("Const", 2, "serving"),
        ("Conv2D", 1, "serving"),
        ("BiasAdd", 1, "serving"),
        ("Softmax", 1, "serving"),
    }


def test_serving_default_comes_first_and_initializers_do_not_count() -> None:
    graph = classifier()
    nothing = graph.node("init", "NoOp")
    graph.signature({}, {"init": spec(nothing, None)}, key="__saved_model_init_op")
    inputs = {"image": spec("image", (None, 32, 32, 1))}
    outputs = {"answer": spec("logits", (None, 32, 32, 2))}
    graph.signature(inputs, outputs, key="another")
    network = network_of(graph)
    assert network.serving is not None
    assert network.serving.name == "serving_default"
    del graph.meta_graph.signature_def["serving_default"]
    network = network_of(graph)
    assert network.serving is not None
    assert network.serving.name == "another"
    graph.signature(inputs, outputs, key="third")
    assert network_of(graph).serving is None


def test_open_rank_open_sizes_and_pieces_of_tensors() -> None:
    graph = classifier()
    serving = graph.meta_graph.signature_def["serving_default"]
    serving.outputs["answer"].CopyFrom(spec("answer", None))
    pieces = serving.inputs["image"].coo_sparse
    pieces.values_tensor_name = "image:0"
    network = network_of(graph)
    assert network.serving is not None
    assert network.serving.outputs[0].shape is None
    assert network.serving.inputs[0].encoding == "sparse"


def branching() -> Graph:
    """A network that calls a function, which branches, which runs a node for its effect."""
    graph = Graph()
    tile = (None, 8, 8, 2)
    image = graph.placeholder("image", tile)
    for name, op in (("then", "Softmax"), ("else", "Relu")):
        body = graph.function(name, {"x": "float32"}, {"y": "float32"})
        body.node("dead", "Tanh", "x", T=FLOAT)
        answer = body.node(f"{name}_answer", op, "x", T=FLOAT)
        checked = body.node("checked", "Assert", "x", T=[Type("float32")], summarize=3)
        body.returns(control=[checked], y=f"{answer}:{op.lower()}:0")
    outer = graph.function("outer", {"x": "float32"}, {"y": "float32"})
    yes = outer.node("yes", "Const", dtype=Type("bool"))
    outer.node(
        "choice", "If", yes, "x", then_branch=Func("then"), else_branch=Func("else"), Tcond=FLOAT
    )
    outer.returns(y="choice:output:0")
    unused = graph.function("unused", {"x": "float32"}, {"y": "float32"})
    unused.node("drawn", "RandomUniform", "x", dtype=FLOAT)
    unused.returns(y="drawn:output:0")
    answer = graph.node("answer", "PartitionedCall", image, f=Func("outer"), Tin=[FLOAT])
    graph.signature({"image": spec(image, tile)}, {"answer": spec(answer, tile)})
    return graph


def test_reach_follows_calls_branches_and_effects_but_nothing_dead() -> None:
    network = network_of(branching())
    reached = {use.op for use in network.operations if use.where == "serving"}
    assert reached == {"Placeholder", "PartitionedCall", "If", "Const", "Softmax", "Relu", "Assert"}
    assert {use.op for use in network.operations if use.where == "other"} == {
        "Tanh",
        "RandomUniform",
    }
    asserted = next(use for use in network.operations if use.op == "Assert")
    assert asserted.count == 2
    assert asserted.function in ("then", "else")
    assert network.random == ()
    assert network.functions == 4


def test_saver_nodes_are_told_from_the_network() -> None:
    network = network_of(with_variable())
    where = {use.op: use.where for use in network.operations}
    assert where["RestoreV2"] == where["SaveV2"] == where["AssignVariableOp"] == "saver"
    assert where["ReadVariableOp"] == where["VarHandleOp"] == "serving"


def test_random_numbers_with_a_fixed_seed_are_no_random_numbers() -> None:
    graph = classifier()
    shape = graph.const("shape", [1, 32, 32, 2], (4,), "int32")
    seed = graph.const("seed", [1, 2], (2,), "int32")
    attrs = {"T": Type("int32"), "dtype": FLOAT}
    fixed = graph.node("fixed", "StatelessRandomUniform", shape, seed, **attrs)
    (answer,) = (node for node in graph.meta_graph.graph_def.node if node.name == "answer")
    answer.input.append(f"^{fixed}")
    assert network_of(graph).random == ()
    drawn = graph.node("drawn", "RandomUniform", shape, **attrs)
    answer.input.append(f"^{drawn}")
    assert [use.name for use in network_of(graph).random] == ["drawn"]


def test_layer_normalisation_is_not_training() -> None:
    graph = classifier()
    ones = graph.const("ones", [1.0], (2,))
    attrs = {"T": FLOAT, "U": FLOAT, "is_training": True, "data_format": "NCHW"}
    norm = graph.node("norm", "FusedBatchNormV3", "logits", ones, ones, ones, ones, **attrs)
    (answer,) = (node for node in graph.meta_graph.graph_def.node if node.name == "answer")
    answer.input[0] = norm
    assert network_of(graph).training == ()
    (node,) = (node for node in graph.meta_graph.graph_def.node if node.name == "norm")
    node.attr["data_format"].s = b"NHWC"
    assert [use.name for use in network_of(graph).training] == ["norm"]


def chain(length: int) -> Graph:
    """A network whose functions call each other in a row, and twice each."""
    graph = classifier()
    for number in range(length):
        body = graph.function(f"f{number}", {"x": "float32"}, {"y": "float32"})
        op = f"f{number + 1}" if number + 1 < length else "Identity"
        for name in ("one", "two"):
            body.node(name, op, "x")
        body.returns(y="one:y:0")
    return graph


def test_limits_name_what_is_too_much() -> None:
    small = dataclasses.replace(DEFAULT_LIMITS, nodes=5)
    assert "6 nodes" in fault_of(classifier(), small)
    few = dataclasses.replace(DEFAULT_LIMITS, functions=3)
    assert "4 functions" in fault_of(branching(), few)
    shallow = dataclasses.replace(DEFAULT_LIMITS, call_depth=8)
    assert "8 deep" in fault_of(chain(10), shallow)
    short = dataclasses.replace(DEFAULT_LIMITS, graph_bytes=100)
    assert "larger than the limit" in fault_of(classifier(), short)
    # 2 ** 40 calls in a file of a few kilobytes.
    assert "written out" in fault_of(chain(40))
    assert network_of(chain(8)).functions == 8


def test_functions_that_call_each_other_in_a_circle_are_refused() -> None:
    graph = classifier()
    for one, other in (("a", "b"), ("b", "a")):
        body = graph.function(one, {"x": "float32"}, {"y": "float32"})
        body.node("call", "PartitionedCall", "x", f=Func(other))
        body.returns(y="call:output:0")
    assert "calls itself" in fault_of(graph)


def test_a_loop_of_nodes_ends() -> None:
    graph = Graph()
    image = graph.placeholder("image", (None, 8, 8, 1))
    graph.node("merge", "Merge", image, "next", T=FLOAT, N=2)
    graph.node("next", "NextIteration", "merge", T=FLOAT)
    inputs = {"image": spec(image, (None, 8, 8, 1))}
    graph.signature(inputs, {"answer": spec("merge", (None, 8, 8, 1))})
    assert network_of(graph).tail == "Placeholder"


def test_following_tensors_back_is_bounded() -> None:
    graph = with_variable()
    source = "bias"
    for number in range(5_000):
        source = graph.node(f"same{number}", "Identity", source, T=Type("resource"))
    restored = next(
        node for node in graph.meta_graph.graph_def.node if node.name == "save/restore_all"
    )
    for number in range(200):
        name = graph.node(f"assign{number}", "AssignVariableOp", source, "bias/read", dtype=FLOAT)
        restored.input.append(f"^{name}")
    assert "more than 500000 steps" in fault_of(graph)


def test_two_nodes_or_functions_of_one_name_are_refused() -> None:
    graph = classifier()
    graph.node("conv", "Conv2D", "image", "kernel", **CONV)
    assert "same name" in fault_of(graph)
    graph = classifier()
    graph.function("f", {}, {})
    graph.function("f", {}, {})
    assert "two functions" in fault_of(graph)


def test_variables_keep_their_names_shapes_and_keys() -> None:
    graph = with_variable()
    graph.node("spare", "VarHandleOp", dtype=FLOAT, shape=Shape((None, 3)), shared_name="extra")
    network = network_of(graph)
    bias, extra = network.variables
    assert (bias.name, bias.shape, bias.key, bias.bytes) == ("bias", (2,), "bias", 8)
    assert bias.captured
    assert bias.restored
    assert (extra.name, extra.shape, extra.bytes) == ("extra", (None, 3), None)
    assert not extra.captured
    assert network.parameters == 3 * 3 * 2 + 2


@settings(max_examples=150, suppress_health_check=[HealthCheck.differing_executors])
@given(st.data())
def test_a_damaged_file_gives_facts_or_a_fault(data: st.DataObject) -> None:
    whole = bytearray(branching().files()["saved_model.pb"])
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    network = read_network(MemoryFiles({"saved_model.pb": bytes(whole)}))
    assert (network.graph is None) == (network.fault is not None)


@pytest.mark.parametrize("name", ["saved_model.pbtxt", "variables/variables.index"])
def test_without_a_graph_there_is_a_fault(name: str) -> None:
    network = read_network(MemoryFiles({name: b""}))
    assert network.fault == "there is no saved_model.pb"
