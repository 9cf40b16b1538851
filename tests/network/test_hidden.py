"""Programs in data: found in every form, and not where there are none."""

from __future__ import annotations

import base64
import gzip
import marshal
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from czcheck.network import LARGEST, Search, messages, strings_of
from fixtures.graphs import Graph, Type, classifier
from fixtures.stand_ins import in_function, when_called

WHOLE = when_called().message
META_GRAPH = WHOLE.meta_graphs[0]
LIBRARY = in_function().meta_graph.graph_def.library


@pytest.mark.parametrize(
    "message",
    [WHOLE, META_GRAPH, META_GRAPH.graph_def, LIBRARY, LIBRARY.function[0]],
    ids=lambda message: type(message).__name__,
)
def test_graphs_are_found_in_every_form(message: object) -> None:
    data = message.SerializeToString()  # type: ignore[attr-defined]
    assert Search().program_in(data) == "a TensorFlow graph with StringToNumber"
    # Behind what no message has, and with letters that are no text.
    assert Search().program_in(b"\xfa\x3f\x02\xff\xfe" + data) is not None
    assert Search().program_in(base64.b64encode(data)) is not None


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_are_found(protocol: int) -> None:
    data = pickle.dumps({"key": [1, "two", Search]}, protocol)
    assert Search().program_in(data) == "pickled Python objects"


def test_bytecode_is_found() -> None:
    code = marshal.dumps(compile("first = 1\nsecond = first + 1\n", "layer", "exec"))
    assert Search().program_in(code) == "Python bytecode"
    assert Search().program_in(base64.encodebytes(code)) == "Python bytecode"


def test_other_programs_are_found() -> None:
    assert Search().program_in(b"\x7fELF" + bytes(60)) is not None
    assert Search().program_in(b"#!/bin/sh\ntrue\n") is not None


@pytest.mark.parametrize(
    "honest",
    [
        b"",
        b"model",
        b"NHWC",
        b"input must be at least 0.",
        b"checkpoint/layer-1/kernel/.ATTRIBUTES/VARIABLE_VALUE",
        # The settings that TensorFlow keeps with each call.
        b"\n\x07\n\x03CPU\x10\x01\n\x07\n\x03GPU\x10\x002\x02J\x008\x01",
        b'{"class_name": "Conv2D", "config": {"filters": 4}}',
        b"a" * 10_000,
        b"Conv2D AddV2 Relu " * 100,
        gzip.compress(b"words " * 100, mtime=0),
    ],
)
def test_honest_texts_are_none(honest: bytes) -> None:
    assert Search().program_in(honest) is None


def test_the_objects_of_a_checkpoint_are_none() -> None:
    objects = messages.TrackableObjectGraph()
    for at in range(200):
        node = objects.nodes.add()
        node.children.add(node_id=at, local_name="kernel")
        node.attributes.add(name="VARIABLE_VALUE", full_name="Add/kernel", checkpoint_key="x")
    assert Search().program_in(objects.SerializeToString()) is None


@given(st.binary(max_size=400))
def test_random_bytes_end_in_an_answer(data: bytes) -> None:
    found = Search().program_in(data)
    assert found is None or isinstance(found, str)


def test_what_is_too_large_to_look_into_is_no_honest_text() -> None:
    assert Search().program_in(bytes(LARGEST + 1)) is not None
    search = Search(parts=1_000)
    assert search.program_in(b"\n\x00" * 2_000) is not None


def test_texts_stored_in_one_piece_are_taken_apart() -> None:
    graph = Graph()
    value = messages.TensorProto(dtype=7, tensor_content=b"\x05\x80\x01first" + b"x" * 128)
    graph.node("texts", "Const", value=value, dtype=Type("string"))
    assert list(strings_of(graph.meta_graph.graph_def.node[0]))[1:] == [b"first", b"x" * 128]


def test_texts_are_found_in_functions_of_attributes() -> None:
    graph = classifier()
    (node,) = (each for each in graph.meta_graph.graph_def.node if each.name == "conv")
    node.attr["f"].list.func.add().attr["deep"].func.attr["deeper"].s = b"here"
    assert b"here" in set(strings_of(node))
