"""How images are cut: exactly as cztile does it, and aligned where that is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from cztile.fixed_total_area_strategy_2d import AlmostEqualBorderFixedTotalAreaStrategy2D
from cztile.tiling_strategy import TileInput
from hypothesis import example, given
from hypothesis import strategies as st

import czcheck
from czcheck.errors import UsageError
from czcheck.segmenting import Layout, Span, laid_between

SIZES = st.integers(1, 300)


@st.composite
def cuts(draw: st.DrawFn) -> tuple[tuple[int, int], tuple[int, int], int]:
    """An image, a tile, and a border that leaves something of it."""
    tile = draw(st.tuples(st.integers(7, 96), st.integers(7, 96)))
    border = draw(st.integers(0, (min(tile) - 1) // 2))
    return draw(st.tuples(SIZES, SIZES)), tile, border


def check(layout: Layout, stride: int) -> None:
    """What holds for every layout."""
    height, width = layout.shape
    times = np.zeros(layout.shape, np.uint8)
    for place in layout:
        times[place.used] += 1
        rows, columns = place.inside
        assert (rows.stop - rows.start, columns.stop - columns.start) == times[place.used].shape
    assert (times == 1).all()
    for spans, length, size in (
        (layout.rows, height, layout.tile[0]),
        (layout.columns, width, layout.tile[1]),
    ):
        assert all(span.size == size for span in spans)
        assert all(span.before >= layout.border for span in spans[1:])
        assert all(span.behind >= layout.border for span in spans[:-1])
        if length < size:
            # The image lies in the middle of its one tile.
            (span,) = spans
            assert (span.keep_from, span.keep_to) == (0, length)
            assert 0 <= span.behind - span.before <= 1
            continue
        assert spans[0].start == 0
        over = spans[-1].start + size - length
        assert over == 0 if stride == 1 else 0 <= over < stride
        assert all(span.start >= 0 and span.start % stride == 0 for span in spans)


@given(cuts())
def test_every_pixel_is_kept_once_and_far_enough_from_inner_edges(
    cut: tuple[tuple[int, int], tuple[int, int], int],
) -> None:
    check(czcheck.tiles(*cut), 1)


@given(cuts(), st.integers(2, 32))
def test_aligned_tiles_begin_at_multiples_of_the_stride(
    cut: tuple[tuple[int, int], tuple[int, int], int], stride: int
) -> None:
    shape, tile, border = cut
    too_small = any(
        size - 2 * border < stride and length > size
        for length, size in zip(shape, tile, strict=True)
    )
    if too_small:
        with pytest.raises(UsageError, match="cannot be aligned"):
            czcheck.tiles(*cut, align=stride)
    else:
        check(czcheck.tiles(*cut, align=stride), stride)


@given(cuts(), st.integers(1, 32))
@example(((1, 129), (7, 22), 0), 11)
def test_tiles_laid_between_others_are_moved_by_multiples_of_the_stride(
    cut: tuple[tuple[int, int], tuple[int, int], int], stride: int
) -> None:
    shape, tile, border = cut
    layout = czcheck.tiles(shape, tile, border)
    other = laid_between(layout, stride)
    check(other, 1)
    for before, after in ((layout.rows, other.rows), (layout.columns, other.columns)):
        assert len(after) == (len(before) + 1 if len(before) > 1 else 1)
        assert (after[0].start, after[-1].start) == (before[0].start, before[-1].start)
        for old, new in zip(before[:-1], after[1:-1], strict=len(before) > 1):
            assert (new.start - old.start) % stride == 0


@given(cuts())
def test_tiles_are_those_of_cztile_for_areas(
    cut: tuple[tuple[int, int], tuple[int, int], int],
) -> None:
    (height, width), (rows, columns), border = cut
    area = (0, 0, width, height)
    strategy = AlmostEqualBorderFixedTotalAreaStrategy2D(
        width=TileInput(columns, border), height=TileInput(rows, border)
    )
    theirs = {(*each.roi, *each.center) for each in strategy.calculate_2d_tiles(area)}
    ours = {
        (
            place.columns.start,
            place.rows.start,
            columns,
            rows,
            place.columns.keep_from,
            place.rows.keep_from,
            place.columns.keep_to - place.columns.keep_from,
            place.rows.keep_to - place.rows.keep_from,
        )
        for place in czcheck.tiles(*cut)
    }
    assert ours == theirs


def test_the_layout_tells_seams_padding_and_cost() -> None:
    layout = czcheck.tiles((1000, 512, 3), 512, 8)
    assert layout.seams == ((500,), ())
    assert layout.padded == (0, 0, 0, 0)
    assert layout.rows == (Span(0, 512, 0, 500), Span(488, 512, 500, 1000))
    assert layout.cost == pytest.approx(1024 / 1000)
    small = czcheck.tiles((600, 1024), (1024, 1024), 64)
    assert small.padded == (212, 212, 0, 0)
    assert len(small) == 1
    assert layout.padding == 0
    assert small.padding == pytest.approx(1 - 600 / 1024)
    assert czcheck.tiles((8, 600), (64, 512), 8).padding == pytest.approx(1 - 8 / 64)
    # Tiles at multiples of the stride reach over the edge: 104 pixels, the last tile ends at 112.
    assert czcheck.tiles((104, 64), 64, 8, align=16).padding == pytest.approx(8 / 128)


@pytest.mark.parametrize(
    ("shape", "tile", "border", "align", "words"),
    [
        ((0, 10), 8, 0, 1, "nothing to cut"),
        ((10, 10), 8, 4, 1, "at most 3"),
        ((10, 10), 8, -1, 1, "at least 0"),
        ((10, 10), 8, 0, 0, "at least 1"),
    ],
)
def test_what_cannot_be_cut_is_said(
    shape: tuple[int, int], tile: int, border: int, align: int, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        czcheck.tiles(shape, tile, border, align=align)
