"""Bands: every tile in one of them, and no chunk written by two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from czcheck.segmenting import bands_of, tiles


@given(
    height=st.integers(40, 4000),
    width=st.integers(40, 300),
    tile=st.integers(16, 700),
    border=st.integers(0, 7),
    chunk=st.sampled_from([16, 64, 512]),
    workers=st.integers(1, 5),
    data=st.data(),
)
def test_every_tile_is_in_one_band_and_every_chunk_is_written_by_one(
    height: int, width: int, tile: int, border: int, chunk: int, workers: int, data: st.DataObject
) -> None:
    layout = tiles((height, width), tile, border)
    missing = data.draw(st.sets(st.integers(0, len(layout) - 1), max_size=5))
    numbers = [number for number in range(len(layout)) if number not in missing]
    bands = list(bands_of(layout, numbers, min(chunk, height), workers))
    assert [number for band, _ in bands for number in band] == numbers
    chunk = min(chunk, height)
    owners: dict[int, int] = {}
    for number, (band, (first, last)) in enumerate(bands):
        touched = [layout[each].rows for each in band]
        if first < last:
            # Its own rows are rows of its own tiles, in whole chunks.
            assert min(span.keep_from for span in touched) <= first
            assert max(span.keep_to for span in touched) >= last
            assert first % chunk == 0
            assert last % chunk == 0 or last == height
            for row in range(first // chunk, -(-last // chunk)):
                assert owners.setdefault(row, number) == number
            # A tile has rows above the band's own, or below, not both: it is one piece.
            assert not any(span.keep_from < first and span.keep_to > last for span in touched)
    for number, (band, _) in enumerate(bands):
        for each in band:
            span = layout[each].rows
            for row in range(span.keep_from // chunk, -(-span.keep_to // chunk)):
                assert owners.get(row, number) == number
    for each in missing:  # an earlier run has written them
        span = layout[each].rows
        for row in range(span.keep_from // chunk, -(-span.keep_to // chunk)):
            assert row not in owners


@pytest.mark.parametrize(("workers", "count"), [(1, 4), (2, 7), (100, 20)])
def test_workers_get_several_bands_each(workers: int, count: int) -> None:
    layout = tiles((20 * 48 + 16, 64), 64, 8)
    assert len(layout.rows) == 20
    bands = list(bands_of(layout, list(range(len(layout))), 16, workers))
    assert len(bands) == count
