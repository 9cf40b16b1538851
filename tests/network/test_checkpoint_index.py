"""variables.index: read within bounds, held against the data and the graph."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from czcheck.network import checkpoint as table
from czcheck.network import read_network
from czcheck.network.saved_model import Network
from fixtures.bad_network import with_variable
from fixtures.bundle import (
    DATA,
    INDEX,
    MAGIC,
    entry,
    index_bytes,
    index_entries,
    variable_files,
    varint,
)
from fixtures.bundle import table as table_bytes
from fixtures.memory import MemoryFiles

ENTRIES = [(b"", b"header"), (b"a/kernel", b"\x01"), (b"b", b""), (b"b/long" * 20, b"x" * 300)]


def read(files: dict[str, bytes]) -> Network:
    network = read_network(MemoryFiles(files))
    assert network.fault is None, network.fault
    return network


def problems(**changes: bytes | None) -> str:
    """What is wrong when files of a sound SavedModel are replaced or left out."""
    files: dict[str, bytes] = with_variable().files()
    for name, data in changes.items():
        key = {"index": INDEX, "data": DATA}[name]
        if data is None:
            del files[key]
        else:
            files[key] = data
    return "; ".join(f"{each.subject} {each.text}" for each in read(files).problems)


def changed(change: Any) -> bytes:
    """The sound index with its messages changed."""
    entries = index_entries(with_variable().variables)
    change(entries)
    return index_bytes(entries)


def test_entries_come_back_as_written() -> None:
    assert list(table.entries(table_bytes(ENTRIES))) == ENTRIES


def test_keys_that_share_their_beginnings() -> None:
    body = b"\0\x03\x01abcX" + b"\x02\x01\x01dY" + struct.pack("<II", 0, 1)
    handle = varint(0) + varint(len(body))
    index = b"\0\x01" + varint(len(handle)) + b"z" + handle + struct.pack("<II", 0, 1)
    data = body + b"\0crc_" + index + b"\0crc_"
    place = varint(len(body) + 5) + varint(len(index))
    footer = (b"\0\0" + place).ljust(40, b"\0") + struct.pack("<Q", MAGIC)
    assert list(table.entries(data + footer)) == [(b"abc", b"X"), (b"abd", b"Y")]


def test_compressed_and_foreign_tables_are_refused() -> None:
    with pytest.raises(table.TableError, match="compressed"):
        list(table.entries(table_bytes(ENTRIES, compression=1)))
    with pytest.raises(table.TableError, match="not a checkpoint index"):
        list(table.entries(b"PK\x03\x04" * 40))


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_table_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(table_bytes(ENTRIES))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[data.draw(st.integers(0, 20)) :])
    try:
        found = list(table.entries(cut))
    except table.TableError as error:
        assert str(error).startswith(("is ", "has "))  # noqa: PT017 - a refusal is one of two ends
    else:
        assert all(isinstance(key, bytes) for key, _ in found)


@settings(max_examples=100)
@given(st.binary(max_size=400))
def test_any_index_gives_facts_and_no_exception(data: bytes) -> None:
    files = {**with_variable().files(), INDEX: data}
    assert read(files).problems


def test_growing_keys_stay_bounded() -> None:
    body = b"".join(varint(number) + b"\x01\0k" for number in range(6000))
    body += struct.pack("<II", 0, 1)
    handle = varint(0) + varint(len(body))
    index = b"\0\x01" + varint(len(handle)) + b"z" + handle + struct.pack("<II", 0, 1)
    place = varint(len(body) + 5) + varint(len(index))
    footer = (b"\0\0" + place).ljust(40, b"\0") + struct.pack("<Q", MAGIC)
    with pytest.raises(table.TableError, match="key of more than"):
        list(table.entries(body + bytes(5) + index + bytes(5) + footer))


def test_a_sound_index_has_no_problem() -> None:
    network = read(with_variable().files())
    assert network.problems == ()
    assert network.index is not None
    assert network.index.shards == 1
    (bias,) = network.index.entries
    assert (bias.key, bias.dtype, bias.shape, bias.size) == ("bias", "float32", (2,), 8)


def test_missing_files_are_named() -> None:
    assert problems(index=None).startswith("variables/variables.index is missing, while")
    assert problems(data=None) == f"{DATA} is missing; the index counts on it"
    files = with_variable().files()
    del files[INDEX], files[DATA]
    (only,) = read(files).problems
    assert only.text.endswith("the values of the 1 variable that the network reads")


def test_places_sizes_and_types_are_held_against_each_other() -> None:
    def at(**fields: Any) -> str:
        def change(entries: dict[str, Any]) -> None:
            for name, value in fields.items():
                setattr(entries["bias"], name, value)

        return problems(index=changed(change))

    assert "lies in data file 3 of 1" in at(shard_id=3)
    assert "ends at byte 108" in at(offset=100)
    assert "negative" in at(offset=-8)
    assert "holds 4 bytes; float32 of shape [2] needs 8" in at(size=4)
    assert "no TensorFlow knows: unknown (77)" in at(dtype=77)
    assert "is float32 [2] in the graph, but int32 [2] in the index" in at(dtype=3)


def test_a_shape_beyond_all_numbers_is_no_exception() -> None:
    def change(entries: dict[str, Any]) -> None:
        entries["bias"] = entry([2**62, 2**62, 2**62], "float32", bytes(8), 0)

    assert "needs" in problems(index=changed(change))


def test_headers_and_shards() -> None:
    def no_header(entries: dict[str, Any]) -> None:
        del entries[""]

    def shards(count: int) -> Any:
        def change(entries: dict[str, Any]) -> None:
            entries[""].num_shards = count

        return change

    assert problems(index=changed(no_header)) == f"{INDEX} has no header"
    assert "counts 0 data files" in problems(index=changed(shards(0)))
    assert "counts 2000000000 data files" in problems(index=changed(shards(2_000_000_000)))
    assert "data-00001-of-00002 is missing" in problems(index=changed(shards(2)))


def test_a_network_without_variables_needs_no_index() -> None:
    graph = with_variable()
    other = variable_files({"stranger": ([1], "float32", bytes(4))})
    files = {**graph.files(), **other}
    assert [each.subject for each in read(files).problems] == ["bias"]
    del graph.meta_graph.signature_def["serving_default"]
    graph.meta_graph.ClearField("saver_def")
    assert read({"saved_model.pb": graph.files()["saved_model.pb"]}).problems == ()
