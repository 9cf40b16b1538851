"""Whether two networks compute the same, told from their graphs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from czcheck.diffing import Release
from czcheck.limits import DEFAULT_LIMITS
from czcheck.network import Structure
from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import CONV, FLOAT, Graph, classifier, spec

Read = Callable[[Graph], "Structure | None"]


@pytest.fixture
def structure(tmp_path: Path) -> Read:
    def read(graph: Graph) -> Structure | None:
        path = tmp_path / "model.czmodel"
        path.write_bytes(czmodel(metadata_xml(), graph.payload()))
        with Release("first", path, DEFAULT_LIMITS) as release:
            return release.structure

    return read


def sound(structure: Structure | None) -> Structure:
    assert structure is not None
    return structure


def net(
    *,
    prefix: str = "",
    kernel: float = 1.0,
    stride: int = 1,
    op: str = "Relu",
    through: tuple[str, ...] = (),
    variable: bool = False,
    call: bool = False,
) -> Graph:
    """A convolution and something behind it, written in one way or another."""
    graph = Graph()
    tile = (None, 8, 8, 1)
    last = graph.placeholder(f"{prefix}image", tile)
    attrs = {**CONV, "strides": [1, stride, stride, 1]}
    if variable:
        weight = graph.variable(f"{prefix}kernel", [kernel], (3, 3, 1, 1))
        graph.saver()
    else:
        weight = graph.const(f"{prefix}kernel", [kernel], (3, 3, 1, 1))
    for number, each in enumerate(through):
        last = graph.node(f"{prefix}same{number}", each, last, T=FLOAT)
    if call:
        body = graph.function(f"{prefix}body", {"x": "float32", "w": "float32"}, {"y": "float32"})
        body.node("inner", "Conv2D", "x", "w", **attrs)
        body.node("outer", op, "inner:output:0", T=FLOAT)
        body.returns(y="outer:activations:0")
        last = graph.node(f"{prefix}call", f"{prefix}body", last, weight)
    else:
        conv = graph.node(f"{prefix}conv", "Conv2D", last, weight, **attrs)
        last = graph.node(f"{prefix}end", op, conv, T=FLOAT)
    graph.signature({"image": spec(f"{prefix}image", tile)}, {"answer": spec(last, None)})
    return graph


@pytest.mark.parametrize(
    "other",
    [
        net(prefix="renamed/"),
        net(through=("Identity", "StopGradient")),
        net(variable=True),
        net(call=True),
        net(variable=True, call=True, prefix="all/"),
    ],
    ids=["names", "identities", "a variable", "a call", "all"],
)
def test_what_is_written_otherwise_is_the_same(structure: Read, other: Graph) -> None:
    assert structure(net()) is not None
    assert structure(other) == structure(net())


@pytest.mark.parametrize(
    "other", [net(stride=2), net(op="Relu6"), net(through=("Relu",))], ids=["attr", "op", "more"]
)
def test_what_computes_something_else_is_not(structure: Read, other: Graph) -> None:
    assert sound(structure(other)).operations != sound(structure(net())).operations


def test_attributes_at_their_default_may_be_left_out(structure: Read) -> None:
    stripped = net()
    (conv,) = (node for node in stripped.meta_graph.graph_def.node if node.name == "conv")
    for name in ("dilations", "data_format", "use_cudnn_on_gpu", "explicit_paddings"):
        del conv.attr[name]
    assert structure(stripped) == structure(net())
    del conv.attr["strides"]  # has no default
    assert structure(stripped) != structure(net())


def test_a_float_counts_to_its_last_digit(structure: Read) -> None:
    def leaky(slope: float | None) -> Graph:
        graph = net(op="LeakyRelu")
        if slope is not None:
            (end,) = (node for node in graph.meta_graph.graph_def.node if node.name == "end")
            end.attr["alpha"].f = slope
        return graph

    assert structure(leaky(0.2)) == structure(leaky(None))
    assert structure(leaky(0.2000001)) != structure(leaky(None))


def test_other_weights_are_other_answers_by_the_same_operations(structure: Read) -> None:
    one, two = sound(structure(net())), sound(structure(net(kernel=1.5)))
    assert one.operations == two.operations
    assert one.whole != two.whole


def test_the_order_of_inputs_counts(structure: Read) -> None:
    def difference(first: str, second: str) -> Graph:
        graph = Graph()
        graph.placeholder("image", (None, 8, 8, 1))
        graph.const("weight", [1.0], (1,))
        graph.node("end", "Sub", first, second, T=FLOAT)
        graph.signature({"i": spec("image", (None, 8, 8, 1))}, {"o": spec("end", None)})
        return graph

    one, two = difference("image", "weight"), difference("weight", "image")
    assert sound(structure(one)).operations != sound(structure(two)).operations


def test_of_loops_branches_and_chance_nothing_is_said(structure: Read) -> None:
    graph = net()
    shape = graph.const("shape", [1, 8, 8, 1], (4,), "int32")
    graph.node("noise", "RandomUniform", shape, dtype=FLOAT)
    graph.node("sum", "AddV2", "end", "noise", T=FLOAT)
    graph.meta_graph.signature_def["serving_default"].outputs["answer"].name = "sum:0"
    assert structure(graph) is None


def test_values_that_cannot_be_read_leave_the_whole_open(structure: Read) -> None:
    graph = net()
    (kernel,) = (each for each in graph.meta_graph.graph_def.node if each.name == "kernel")
    kernel.attr["value"].tensor.tensor_content = b"1234"
    found = sound(structure(graph))
    assert found.whole is None
    assert found.operations == sound(structure(net())).operations


def test_the_sound_network_is_itself(structure: Read) -> None:
    assert structure(classifier()) == structure(classifier())
    assert structure(classifier(classes=3)) != structure(classifier())
