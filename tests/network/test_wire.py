"""Messages walked as they stand in a file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from czcheck.network import messages, wire
from fixtures.graphs import classifier

TABLE = wire.table_of(messages.SavedModel.DESCRIPTOR)


def test_every_node_of_a_graph_is_met() -> None:
    graph = classifier()
    data = graph.message.SerializeToString()
    meta_graph = TABLE[2]
    assert meta_graph is not None
    graph_def = meta_graph[2]
    assert graph_def is not None
    met = [
        data[begin:end]
        for table, number, begin, end in wire.fields(data, TABLE)
        if table is graph_def and number == 1
    ]
    assert met == [node.SerializeToString() for node in graph.meta_graph.graph_def.node]


def test_parts_are_counted_through_all_levels() -> None:
    node = messages.NodeDef(name="n", op="NoOp", input=["a", "b"])
    node.attr["x"].i = 300
    table = wire.table_of(messages.NodeDef.DESCRIPTOR)
    data = node.SerializeToString()
    # name, op, two inputs; the attribute with its key, its value and the number in it.
    assert len(list(wire.fields(data, table))) == 8
    assert wire.has_more_fields_than(data, table, 7)
    assert not wire.has_more_fields_than(data, table, 8)


@given(st.binary(max_size=200))
def test_whatever_the_bytes_the_walk_ends(data: bytes) -> None:
    for _, number, begin, end in wire.fields(data, TABLE):
        assert number >= 0
        assert 0 <= begin <= end
