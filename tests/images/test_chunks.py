"""Blocks put together to chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from czcheck.images import Chunk, Chunks, chunks

if TYPE_CHECKING:
    import pytest

WHOLE = np.random.default_rng(0).integers(0, 255, (70, 90, 2)).astype(np.uint8)
PLANE = ((0, 0, 0), 70, 90)


class Store:
    """A plane in chunks of 32, and what was written to it."""

    def __init__(self) -> None:
        self.pixels = np.zeros_like(WHOLE)
        self.writes: list[Chunk] = []
        self.done: list[str] = []
        self.chunks = Chunks(self._write, self.done.append)

    def _write(self, chunk: Chunk) -> None:
        self.writes.append(chunk)
        there = self.pixels[slice(*chunk.place.rows), slice(*chunk.place.columns)]
        for part in chunk.filled:
            there[part] = chunk.pixels[part]

    def add(self, top: int, left: int) -> None:
        block = WHOLE[top : top + 25, left : left + 37]
        self.chunks.add(block, PLANE, (top, left), (32, 32), f"{top}.{left}")


PLACES = [(top, left) for top in range(0, 70, 25) for left in range(0, 90, 37)]


def test_each_chunk_is_written_once_and_blocks_are_done_after_their_chunks() -> None:
    store = Store()
    for number, place in enumerate(PLACES):
        store.add(*place)
        if number == 3:
            assert store.done == []  # 32 rows are not there yet
    assert len(store.writes) == len({each.place for each in store.writes}) == 9
    assert all(each.complete for each in store.writes)
    np.testing.assert_array_equal(store.pixels, WHOLE)
    assert sorted(store.done) == sorted(f"{top}.{left}" for top, left in PLACES)


def test_what_is_not_complete_is_written_in_parts_when_asked_for() -> None:
    store = Store()
    store.add(0, 0)
    store.chunks.flush()
    assert store.done == ["0.0"]
    np.testing.assert_array_equal(store.pixels[:25, :37], WHOLE[:25, :37])
    assert not store.pixels[25:].any()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MOST_BYTES", 32 * 32 * 2)
    store = Store()
    for place in reversed(PLACES):
        store.add(*place)
        assert store.chunks._bytes <= 32 * 32 * 2
    store.chunks.flush()
    np.testing.assert_array_equal(store.pixels, WHOLE)
    assert len(store.writes) > 9
    assert len(store.done) == len(PLACES)
