"""The description of the SavedModel's messages, and the classes made from it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from czcheck.errors import InputError
from czcheck.network import messages

SCHEMAS = Path(__file__).parents[2] / "schemas"


def test_compiled_description_is_current(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools (extra `dev`) compiles the description")
    script = runpy.run_path(str(SCHEMAS / "compile_proto.py"))
    script["compile_proto"](tmp_path / "saved_model.binpb")
    compiled = (tmp_path / "saved_model.binpb").read_bytes()
    assert compiled == (SCHEMAS / "saved_model.binpb").read_bytes()


def test_fields_that_are_not_described_survive() -> None:
    # Field 2047 of a GraphDef: a number that no TensorFlow uses.
    unknown = b"\xfa\x7f\x05hello"
    graph = messages.parse(messages.GraphDef, b"\x0a\x03\x0a\x01n" + unknown)
    graph.node[0].op = "NoOp"
    written = graph.SerializeToString()
    assert unknown in written
    assert messages.parse(messages.GraphDef, written).node[0].op == "NoOp"


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        message = messages.parse(messages.SavedModel, data)
    except InputError:
        return
    written = message.SerializeToString(deterministic=True)
    again = messages.parse(messages.SavedModel, written)
    assert again.SerializeToString(deterministic=True) == written


def test_deep_nesting_is_refused() -> None:
    inner = messages.AttrValue(b=True).SerializeToString()
    for _ in range(500):
        function = messages.NameAttrList(name="f").SerializeToString()
        entry = b"\x0a\x01a\x12" + _length(inner) + inner
        function += b"\x12" + _length(entry) + entry
        inner = b"\x52" + _length(function) + function
    with pytest.raises(InputError):
        messages.parse(messages.AttrValue, inner)


def _length(data: bytes) -> bytes:
    from fixtures.bundle import varint

    return varint(len(data))
