"""What the target's kernels refuse or compute otherwise, found in the graph alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

import czcheck
from czcheck.network import (
    KernelFault,
    faults,
    load_kernels,
    load_target,
    messages,
    node_faults,
    read_network,
    trace_of,
)
from fixtures import bad_kernels
from fixtures.graphs import CONV, FLOAT, Func, Graph, Type, attribute, classifier
from fixtures.memory import MemoryFiles

TF200 = load_target("tf-2.0.0")
HALF, INT32, INT64, UINT8 = (Type(each) for each in ("float16", "int32", "int64", "uint8"))


class Given(NamedTuple):
    """What is known of an input."""

    shape: tuple[int | None, ...] | None
    known: tuple[int | float, ...] | None = None


def faults_of(graph: Graph, target: str = "tf-2.0.0") -> tuple[KernelFault, ...]:
    network = read_network(MemoryFiles(graph.files()))
    assert network.graph is not None, network.fault
    return faults(network, load_target(target), lambda: trace_of(network))


def kinds(op: str, *inputs: Given, **attributes: Any) -> list[str]:
    """Kinds of what is found in one node."""
    node = messages.NodeDef(name="node", op=op)
    for name, value in attributes.items():
        node.attr[name].CopyFrom(attribute(value))
    return [each.kind for each in node_faults(node, TF200, inputs)]


def test_a_network_of_its_time_has_no_fault() -> None:
    assert faults_of(classifier()) == ()


def test_real_archives_have_no_fault(corpus: Path) -> None:
    seen = 0
    for path in sorted(corpus.glob("*.czmodel")):
        with czcheck.open(path) as model:
            if path.name.startswith("xrm"):
                continue  # its payload is no SavedModel
            assert model.kernel_faults(TF200) == (), path.name
            seen += 1
    assert seen


def test_a_fault_names_node_function_and_condition() -> None:
    (fault,) = faults_of(bad_kernels.dilated_depthwise())
    assert (fault.op, fault.node, fault.function) == ("DepthwiseConv2dNative", "depthwise", None)
    assert (fault.kind, fault.condition) == ("differs", "dilations above 1")
    assert faults_of(bad_kernels.dilated_depthwise(), "any") == ()


def test_functions_count_where_they_are_reached() -> None:
    graph = classifier()
    for name in ("used", "loose"):
        body = graph.function(name, {"x": "float32"}, {"y": "float32"})
        body.const("two", [2.0], ())
        body.node("halves", "TruncateDiv", "x", "two:output:0", T=FLOAT)
        body.returns(y="halves:z:0")
    types = {"Tin": [FLOAT], "Tout": [FLOAT]}
    graph.node("call", "PartitionedCall", "logits", f=Func("used"), **types)
    graph.node("idle", "PartitionedCall", "logits", f=Func("loose"), **types)
    (answer,) = (each for each in graph.meta_graph.graph_def.node if each.name == "answer")
    answer.input[0] = "call"
    (fault,) = faults_of(graph)
    assert (fault.node, fault.function, fault.kind) == ("halves", "used", "differs")


def test_a_dtype_without_a_kernel_is_named() -> None:
    node = messages.NodeDef(name="above", op="Greater")
    node.attr["T"].CopyFrom(attribute(Type("uint16")))
    (fault,) = node_faults(node, TF200)
    assert (fault.kind, fault.condition) == ("refuses", "T uint16")
    assert "no kernel" in fault.effect
    assert "`czcheck build` and `czcheck repair` compute it in a wider dtype" in fault.remedy


@pytest.mark.parametrize(
    ("op", "types"),
    [("Acos", {"T": "complex64"}), ("Acos", {"T": "int32"})],
)
def test_a_dtype_that_no_build_widens_is_to_be_cast_by_hand(op: str, types: dict[str, str]) -> None:
    node = messages.NodeDef(name="node", op=op)
    for name, dtype in types.items():
        node.attr[name].CopyFrom(attribute(Type(dtype)))
    assert "compute it" not in " ".join(each.remedy for each in node_faults(node, TF200))


def test_a_value_that_refuses_the_whole_file_is_no_fault_of_a_kernel() -> None:
    # The file is refused when it is loaded, which another rule says.
    assert kinds("Maximum", T=UINT8) == []


def test_what_a_node_leaves_out_stands_at_its_default() -> None:
    given = Given((2, 4, 4, 3)), Given((3,)), Given((3,)), Given((3,)), Given((3,))
    types = {"T": FLOAT, "U": FLOAT}
    # `is_training` is true by default.
    assert kinds("FusedBatchNormV3", *given, **types) == ["refuses"]
    assert kinds("FusedBatchNormV3", *given, is_training=False, **types) == []
    assert kinds("FusedBatchNormV3", *given[:3], Given((0,)), Given((0,)), **types) == []
    # So are rows and columns before channels not.
    window: dict[str, Any] = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "SAME"}
    assert kinds("MaxPool", T=FLOAT, **window) == []


def test_shapes_decide_where_they_are_known_and_nothing_is_held_against_others() -> None:
    norm: dict[str, Any] = {"T": FLOAT, "Tidx": INT32}
    assert kinds("EuclideanNorm", Given((2, 3)), Given((0,)), **norm) == ["differs"]
    assert kinds("EuclideanNorm", Given((2, 3)), Given((1,)), **norm) == []
    assert kinds("EuclideanNorm", **norm) == []
    assert kinds("EuclideanNorm", Given(None), Given(None), **norm) == []
    sizes = Given((4,), (1, 8, 8, 4))
    assert kinds("Conv2DBackpropInput", sizes, Given((3, 3, 2, 6)), **CONV) == ["differs"]
    assert kinds("Conv2DBackpropInput", sizes, Given((3, 3, 4, 6)), **CONV) == []
    assert kinds("Conv2DBackpropInput", Given((4,)), Given((3, 3, 2, 6)), **CONV) == []


def test_what_only_builds_with_xla_compute_is_no_error() -> None:
    assert kinds("HSVToRGB", T=HALF) == ["depends"]
    assert kinds("HSVToRGB", T=FLOAT) == []


@pytest.mark.parametrize("small", ["int8", "uint8", "int16", "uint16", "uint32"])
def test_casts_to_small_integers_depend_on_the_range(small: str) -> None:
    assert kinds("Cast", SrcT=FLOAT, DstT=Type(small)) == ["depends"]
    assert kinds("Cast", SrcT=INT32, DstT=Type(small)) == []
    assert kinds("Cast", SrcT=FLOAT, DstT=INT32) == []


def pooled(*between: str, read: bool = True) -> Graph:
    """A network that pools behind some functions, and may read the places of the maxima."""
    graph, scores = classifier(), "logits"
    for op in between:
        scores = graph.node(op.lower(), op, scores, **{"dtype" if "With" in op else "T": FLOAT})
    window: dict[str, Any] = {"ksize": [1, 3, 3, 1], "strides": [1, 1, 1, 1], "padding": "SAME"}
    source = graph.node("pool", "MaxPoolWithArgmax", scores, T=FLOAT, Targmax=INT64, **window)
    if read:
        source = graph.node("places", "Cast", "pool:1", SrcT=INT64, DstT=FLOAT)
    (answer,) = (each for each in graph.meta_graph.graph_def.node if each.name == "answer")
    answer.input[0] = source
    return graph


@pytest.mark.parametrize("read", [True, False])
def test_places_of_a_pooling_count_where_they_are_read(read: bool) -> None:
    found = faults_of(pooled("Relu", read=read))
    assert [each.kind for each in found] == (["depends"] if read else [])


@pytest.mark.parametrize(
    "between", [(), ("Relu", "PlaceholderWithDefault"), ("Neg",), ("Round",), ("Relu", "Snapshot")]
)
def test_places_of_a_pooling_are_right_where_nothing_is_moved(between: tuple[str, ...]) -> None:
    assert faults_of(pooled(*between)) == ()


def test_every_condition_is_about_operations_of_the_target() -> None:
    kernels = load_kernels("tf-2.0.0")
    for op, conditions in kernels.conditions.items():
        assert TF200.knows(op)
        for each in conditions:
            assert set(each.attributes) <= TF200.attributes(op), (op, each.words)


def place_of_the_largest(*between: str) -> Graph:
    """A network that asks for the place of the largest value behind some functions."""
    graph, image = classifier(), "image"
    graph.const("axis", [3], (), "int32")
    for op in between:
        image = graph.node(op.lower(), op, image, **{"dtype" if "With" in op else "T": FLOAT})
    place = graph.node("place", "ArgMax", image, "axis", T=FLOAT, Tidx=INT32, output_type=INT64)
    number = graph.node("number", "Cast", place, SrcT=INT64, DstT=FLOAT)
    (softmax,) = (each for each in graph.meta_graph.graph_def.node if each.op == "Softmax")
    softmax.input.append(f"^{number}")  # reached, whatever its shape
    return graph


@pytest.mark.parametrize("between", [("Relu",), ("Sigmoid", "Identity")])
def test_the_optimiser_asks_for_the_place_of_the_largest_too_early(
    between: tuple[str, ...],
) -> None:
    (found,) = faults_of(place_of_the_largest(*between))
    assert (found.op, found.node, found.kind) == ("ArgMax", "place", "depends")


@pytest.mark.parametrize("reader", ["Square", "Identity", "ZerosLike", "ArgMax"])
def test_what_others_read_is_not_moved(reader: str) -> None:
    graph = place_of_the_largest("Relu")
    more = ["axis"] if reader == "ArgMax" else []
    types = {"T": FLOAT} | ({"Tidx": INT32, "output_type": INT64} if more else {})
    other = graph.node("other", reader, "relu", *more, **types)
    if reader == "Identity":  # the optimiser looks through it
        other = graph.node("last", "Square", other, T=FLOAT)
    (softmax,) = (each for each in graph.meta_graph.graph_def.node if each.op == "Softmax")
    softmax.input.append(f"^{other}")
    found = {each.node for each in faults_of(graph)}
    moved = {"ZerosLike": {"place"}, "ArgMax": {"place", "other"}}
    assert found == moved.get(reader, set())


@pytest.mark.parametrize("inside", ["function", "place"])
def test_moves_across_calls_are_found(inside: str) -> None:
    graph = place_of_the_largest("Relu")
    nodes = {each.name: each for each in graph.meta_graph.graph_def.node}
    types: dict[str, Any] = {"T": FLOAT, "Tidx": INT32, "output_type": INT64}
    if inside == "function":
        body = graph.function("best", {"x": "float32"}, {"y": "float32"})
        body.node("relu", "Relu", "x", T=FLOAT)
        body.returns(y="relu:activations:0")
        call = graph.node(
            "call", "PartitionedCall", "image", f=Func("best"), Tin=[FLOAT], Tout=[FLOAT]
        )
        nodes["place"].input[0] = call
    else:
        body = graph.function("best", {"x": "float32"}, {"y": "int64"})
        body.const("axis", [3], (), "int32")
        body.node("place", "ArgMax", "x", "axis:output:0", **types)
        body.returns(y="place:output:0")
        call = graph.node(
            "call", "PartitionedCall", "relu", f=Func("best"), Tin=[FLOAT], Tout=[INT64]
        )
        nodes["number"].input[0] = call
    (found,) = faults_of(graph)
    assert (found.node, found.function) == ("place", None if inside == "function" else "best")


@pytest.mark.parametrize("between", [(), ("Square",), ("Relu", "PlaceholderWithDefault")])
def test_nothing_is_moved_where_the_order_is_held(between: tuple[str, ...]) -> None:
    assert faults_of(place_of_the_largest(*between)) == ()
