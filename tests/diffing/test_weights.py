"""Reading the values of weights, finding each in the other release, and how far they moved."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from czcheck.changes import WeightsChange, compare_weights
from czcheck.diffing import Release
from czcheck.limits import DEFAULT_LIMITS
from czcheck.network import Weights, messages, natural, number
from fixtures.archives import czmodel, metadata_xml, saved_model_zip
from fixtures.bundle import DATA
from fixtures.graphs import FLOAT, Graph, Type, shape_message, spec

KERNEL = [0.5, -1.0, 2.0, 0.25]


class Opener:
    """Opens networks of four weights each, of which any may be given."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.count = 0

    def __call__(self, graph: Graph, files: dict[str, bytes] | None = None) -> Weights:
        self.count += 1
        path = self.folder / f"{self.count}.czmodel"
        payload = saved_model_zip({**graph.files(), **(files or {})})
        path.write_bytes(czmodel(metadata_xml(), payload))
        return self.stack.enter_context(Release("first", path, DEFAULT_LIMITS)).weights


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    with ExitStack() as stack:
        yield Opener(tmp_path, stack)


def network(**weights: Any) -> Graph:
    """A network that adds up constants: lists of numbers, or tensors."""
    graph = Graph()
    last = graph.placeholder("image", (None, 2, 2, 1))
    for name, values in weights.items():
        node = name.replace("__", "/")
        if isinstance(values, list):
            graph.const(node, values, (len(values),))
        else:
            graph.node(node, "Const", value=values, dtype=FLOAT)
        last = graph.node(f"{node}/add", "AddV2", last, node, T=FLOAT)
    graph.signature({"image": spec("image", (None, 2, 2, 1))}, {"answer": spec(last, None)})
    return graph


def with_variables(**weights: list[float] | float) -> Graph:
    """The same with variables: lists of numbers, or single ones."""
    graph = Graph()
    last = graph.placeholder("image", (None, 2, 2, 1))
    for name, values in weights.items():
        several = isinstance(values, list)
        given = values if isinstance(values, list) else [values]
        shape = (len(given),) if several else ()
        read = graph.variable(name.replace("__", "/"), given, shape)
        last = graph.node(f"{name}/add", "AddV2", last, read, T=FLOAT)
    graph.saver()
    graph.signature({"image": spec("image", (None, 2, 2, 1))}, {"answer": spec(last, None)})
    return graph


def values_of(weights: Weights, name: str) -> list[float]:
    (weight,) = (each for each in weights.all if each.name == name)
    assert weight.fault is None, weight.fault
    found: list[float] = np.concatenate(list(weights.chunks(weight))).tolist()
    return found


def states(change: WeightsChange) -> dict[str, str]:
    return {each.name: each.state for each in change.changes}


def test_values_of_constants_and_variables(opened: Opener) -> None:
    assert values_of(opened(network(kernel=KERNEL)), "kernel") == KERNEL
    assert values_of(opened(with_variables(a=[1.0], kernel=KERNEL)), "kernel") == KERNEL


@pytest.mark.parametrize(
    ("dtype", "data"),
    [
        ("float64", struct.pack("<3d", 0.5, -2, 3)),
        ("float16", np.array([0.5, -2, 3], np.float16).tobytes()),
        # bfloat16 is the upper half of a float32.
        ("bfloat16", b"".join(struct.pack("<f", each)[2:] for each in (0.5, -2, 3))),
    ],
)
def test_other_floats(opened: Opener, dtype: str, data: bytes) -> None:
    tensor = messages.TensorProto(
        dtype=number(dtype), tensor_shape=shape_message((3,)), tensor_content=data
    )
    assert values_of(opened(network(kernel=tensor)), "kernel") == [0.5, -2, 3]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_the_last_value_that_is_given_stands_for_all_that_follow(
    opened: Opener, dtype: str
) -> None:
    tensor = messages.TensorProto(dtype=number(dtype), tensor_shape=shape_message((4,)))
    if dtype == "float16":
        tensor.half_val.extend(np.array([1, 3], np.float16).view(np.uint16).tolist())
    elif dtype == "bfloat16":
        tensor.half_val.extend([0x3F80, 0x4040])
    else:
        getattr(tensor, "float_val" if dtype == "float32" else "double_val").extend([1, 3])
    assert values_of(opened(network(kernel=tensor)), "kernel") == [1, 3, 3, 3]


def test_a_value_written_once_is_the_same_as_one_written_out(opened: Opener) -> None:
    tensor = messages.TensorProto(dtype=number("float32"), tensor_shape=shape_message((4,)))
    tensor.float_val.append(0.5)
    change = compare_weights(opened(network(kernel=tensor)), opened(network(kernel=[0.5] * 4)))
    assert change.equal


def test_a_bomb_of_one_value_is_not_written_out(opened: Opener) -> None:
    tensor = messages.TensorProto(dtype=number("float32"), tensor_shape=shape_message((1 << 40,)))
    tensor.float_val.append(0.5)
    (weight,) = opened(network(kernel=tensor)).all
    assert weight.digest is None
    assert weight.fault == "it repeats one value too often"


def test_a_content_that_does_not_fit_its_shape_is_not_read(opened: Opener) -> None:
    tensor = messages.TensorProto(
        dtype=number("float32"), tensor_shape=shape_message((4,)), tensor_content=b"1234"
    )
    broken = opened(network(kernel=tensor))
    assert broken.all[0].fault == "it holds 4 bytes, and its shape needs 16"
    change = compare_weights(broken, opened(network(kernel=KERNEL)))
    assert change.equal is None
    assert change.count("unread") == 1


def test_data_that_are_cut_short_are_a_fault(opened: Opener) -> None:
    weights = opened(with_variables(kernel=KERNEL), {DATA: b"1234"})
    assert weights.all[0].fault == "the checkpoint's data end before it"


def scaled(factor: float) -> Graph:
    graph = network(kernel=KERNEL)
    graph.const("factor", [factor], ())
    graph.const("size", [1, 2], (2,), "int32")
    graph.node("sum", "AddV2", "kernel/add", "factor", "size", T=FLOAT)
    graph.meta_graph.signature_def["serving_default"].outputs["answer"].name = "sum:0"
    return graph


def test_sizes_are_no_weights_and_single_numbers_only_where_they_change(opened: Opener) -> None:
    same = compare_weights(opened(scaled(2)), opened(scaled(2)))
    assert states(same) == {"kernel": "same"}
    moved = compare_weights(opened(scaled(2)), opened(scaled(3)))
    assert states(moved) == {"kernel": "same", "factor": "changed"}


def test_a_variable_of_one_number_may_become_a_constant(opened: Opener) -> None:
    change = compare_weights(opened(with_variables(kernel=KERNEL, factor=2)), opened(scaled(2)))
    assert change.equal
    assert states(change) == {"kernel": "same", "factor": "same"}


def test_weights_in_functions_are_read(opened: Opener) -> None:
    graph = Graph()
    graph.placeholder("image", (None, 2, 2, 1))
    body = graph.function("body", {"x": "float32"}, {"y": "float32"})
    body.const("kernel", KERNEL, (4,))
    body.node("sum", "AddV2", "x", "kernel:output:0", T=FLOAT)
    body.returns(y="sum:z:0")
    graph.node("call", "body", "image")
    graph.signature({"image": spec("image", (None, 2, 2, 1))}, {"answer": spec("call", None)})
    assert values_of(opened(graph), "body/kernel") == KERNEL


def test_how_far_a_weight_moved(opened: Opener) -> None:
    change = compare_weights(
        opened(network(kernel=[3.0, 4.0], bias=[1.0])),
        opened(network(kernel=[3.0, 4.5], bias=[1.0])),
    )
    moved = next(each for each in change.changes if each.state == "changed")
    assert moved.name == "kernel"
    assert moved.norm == pytest.approx(0.5)
    assert moved.relative == pytest.approx(0.1)
    assert moved.largest == pytest.approx(0.5)
    assert change.relative == pytest.approx(0.5 / math.sqrt(26))
    assert change.equal is False
    assert states(change) == {"kernel": "changed", "bias": "same"}


def test_not_a_number_is_the_same_as_itself_and_infinitely_far_from_others(
    opened: Opener,
) -> None:
    nan, inf = math.nan, math.inf
    change = compare_weights(
        opened(network(a=[nan, inf, 1.0], b=[nan, 1.0])),
        opened(network(a=[nan, inf, 2.0], b=[1.0, 1.0])),
    )
    moved = {each.name: each for each in change.changes}
    assert moved["a"].largest == 1
    assert moved["b"].largest == inf


def test_a_norm_of_zero_has_no_relative_change(opened: Opener) -> None:
    change = compare_weights(opened(network(a=[0.0])), opened(network(a=[2.0])))
    assert (change.changes[0].norm, change.changes[0].relative) == (2, None)
    assert change.relative is None


def test_variables_that_became_constants_are_the_same(opened: Opener) -> None:
    change = compare_weights(
        opened(with_variables(conv__kernel=KERNEL, conv__bias=[1.0])),
        opened(network(conv__kernel_1=KERNEL, conv__bias_1=[1.0])),
    )
    assert change.equal
    assert all(each.stored_otherwise and each.paired_by == "values" for each in change.changes)


def test_counters_that_moved_do_not_exchange_layers(opened: Opener) -> None:
    """Another session calls the same two layers `conv_1` and `conv_2`."""
    change = compare_weights(
        opened(network(conv__kernel=[1.0, 2.0], conv_1__kernel=[9.0, 8.0])),
        opened(network(conv_1__kernel=[1.0, 2.1], conv_2__kernel=[9.0, 8.1])),
    )
    assert all(each.largest is not None and each.largest < 0.2 for each in change.changes)


def test_names_that_are_all_there_count(opened: Opener) -> None:
    change = compare_weights(
        opened(network(first=[1.0, 2.0], second=[9.0, 8.0])),
        opened(network(second=[1.0, 2.1], first=[9.0, 8.1])),
    )
    assert all(each.largest is not None and each.largest > 5 for each in change.changes)


def test_where_no_name_is_left_shape_and_order_count(opened: Opener) -> None:
    change = compare_weights(
        opened(network(a2=[1.0, 2.0], a10=[5.0, 5.0], kernel=[1.0])),
        opened(network(b2=[1.0, 2.5], b10=[5.0, 5.5], core=[1.0, 1.0, 1.0])),
    )
    assert {each.name: (each.state, each.paired_by) for each in change.changes} == {
        "a2 -> b2": ("changed", "order"),
        "a10 -> b10": ("changed", "order"),
        "kernel": ("removed", None),
        "core": ("added", None),
    }
    assert all(each.largest == 0.5 for each in change.changes if each.state == "changed")


def test_another_shape_is_told_apart_from_another_value(opened: Opener) -> None:
    change = compare_weights(opened(network(a=[1.0])), opened(network(a=[1.0, 2.0])))
    assert [(each.state, each.norm) for each in change.changes] == [("reshaped", None)]
    assert change.equal is False


def test_a_value_that_is_held_twice_is_no_other(opened: Opener) -> None:
    change = compare_weights(opened(network(a=KERNEL)), opened(network(a=KERNEL, copy=KERNEL)))
    assert change.equal


def test_names_are_sorted_by_their_numbers() -> None:
    names = ["conv_10", "conv_2", "conv", "conv_1" + "0" * 5000]
    assert sorted(names, key=natural) == ["conv", "conv_2", "conv_10", names[3]]


def test_types_that_are_written_in_another_way_are_said_to_be_unread(opened: Opener) -> None:
    graph = Graph()
    graph.placeholder("image", (None, 2, 2, 1))
    tensor = messages.TensorProto(dtype=number("int8"), tensor_shape=shape_message((2,)))
    tensor.int_val.extend([1, 2])
    graph.node("kernel", "Const", value=tensor, dtype=Type("int8"))
    graph.node("sum", "AddV2", "image", "kernel", T=FLOAT)
    graph.signature({"image": spec("image", (None, 2, 2, 1))}, {"answer": spec("sum", None)})
    assert opened(graph).all[0].fault == "its values of type int8 are written in another way"
