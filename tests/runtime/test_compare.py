"""When two answers to one tile are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from czcheck.runtime import (
    RAW_TOLERANCE,
    SCALED_TOLERANCE,
    Output,
    Pixel,
    StoredOutputs,
    TileComparison,
    tolerance_for,
)
from czcheck.runtime.compare import compare
from czcheck.test_tiles import Tile

BEFORE = np.array([[[[0.7, 0.2, 0.1], [0.2, 0.7, 0.1]], [[0.1, 0.2, 0.7], [0.4, 0.3, 0.3]]]])


def changed(row: int, column: int, *values: float) -> Any:
    after = BEFORE.copy()
    after[0, row, column] = values
    return after


def test_equal_answers() -> None:
    found = compare(BEFORE, BEFORE.copy(), RAW_TOLERANCE)
    assert (found.change, found.at, found.labels, found.ties) == (0, None, 0, 0)
    assert (found.pixels, found.agreement) == (4, 1)
    assert found.overlap == ((2, 4), (1, 2), (1, 2))
    assert not TileComparison("nuclei", RAW_TOLERANCE, found).differs


def test_the_largest_change_is_named() -> None:
    found = compare(BEFORE, changed(1, 1, 0.4, 0.35, 0.25), RAW_TOLERANCE)
    assert found.change == pytest.approx(0.05)
    assert found.at == Pixel(0.35, 1, 1, 1)
    assert found.labels == 0
    assert TileComparison("nuclei", RAW_TOLERANCE, found).differs


def test_a_changed_label_counts_even_within_the_tolerance() -> None:
    before = np.array([[[[0.501, 0.499]]]])
    found = compare(before, np.array([[[[0.4999, 0.5001]]]]), SCALED_TOLERANCE)
    assert (found.labels, found.ties, found.agreement) == (1, 0, 0)
    assert TileComparison("nuclei", 0.5, found).differs


def test_two_classes_that_were_equal_may_change_places() -> None:
    before = np.array([[[[0.5000001, 0.4999999]]]])
    found = compare(before, before[..., ::-1], RAW_TOLERANCE)
    assert (found.labels, found.ties, found.agreement) == (0, 1, 1)
    assert not TileComparison("nuclei", RAW_TOLERANCE, found).differs


def test_of_three_classes_the_best_two_make_the_tie() -> None:
    found = compare(BEFORE, changed(1, 1, 0.3, 0.3, 0.4), RAW_TOLERANCE)
    assert (found.labels, found.ties) == (1, 0)
    before = changed(1, 1, 0.2, 0.4, 0.4)
    found = compare(before, changed(1, 1, 0.2, 0.3999, 0.4001), RAW_TOLERANCE)
    assert (found.labels, found.ties) == (0, 1)


def test_a_tie_may_be_as_close_as_the_tolerance() -> None:
    before = np.array([[[[0.625, 0.375]]]])
    for tie, ties in ((0.25, 1), (0.125, 0)):
        assert compare(before, before[..., ::-1], tie).ties == ties


def test_above_1_changes_are_relative() -> None:
    before = np.array([[[[200.0, 0.5], [-4.0, 0.5]]]])
    found = compare(before, np.array([[[[201.0, 0.5], [-5.0, 0.5]]]]), RAW_TOLERANCE)
    assert found.change == 0.25
    assert found.at == Pixel(-5.0, 0, 1, 0)


def test_not_a_number_has_to_stay_one() -> None:
    hole = changed(0, 0, np.nan, 0.5, 0.5)
    assert compare(hole, hole.copy(), RAW_TOLERANCE).change == 0
    for one, other in ((hole, BEFORE), (BEFORE, hole)):
        found = compare(one, other, RAW_TOLERANCE)
        assert found.change == float("inf")
        assert found.at is not None
        assert (found.at.row, found.at.column) == (0, 0)


def test_other_shapes_are_infinitely_different() -> None:
    found = compare(BEFORE, BEFORE[:, :1], RAW_TOLERANCE)
    assert (found.change, found.at, found.agreement) == (float("inf"), None, 0)


@pytest.mark.parametrize(
    ("top", "tolerance"), [(0, SCALED_TOLERANCE), (1, SCALED_TOLERANCE), (255, RAW_TOLERANCE)]
)
def test_the_tile_s_range_sets_the_tolerance(top: float, tolerance: float) -> None:
    tile = Tile("nuclei", np.full((4, 4, 1), top, np.float32), natural=True)
    assert tolerance_for(tile) == tolerance


def test_only_first_answers_to_the_tiles_are_kept_and_then_forgotten() -> None:
    def answer(value: float) -> Output:
        array = np.full((1, 2, 2, 2), value, np.float32)
        return Output(array, "float32", array.shape, 0.1)

    batch = np.zeros((1, 2, 2, 1), np.float32)
    kept = StoredOutputs({"nuclei", "zeros", "noise"})
    kept.add("nuclei", batch, answer(0.25))
    kept.add("nuclei", batch, answer(0.75))
    kept.add("nuclei, shifted", batch, answer(0.5))
    kept.add("zeros", batch, None)
    kept.add("noise", batch, Output(None, "object", (1,), 0.1))
    assert [name in kept for name in ("nuclei", "nuclei, shifted", "zeros", "noise")] == [
        True,
        False,
        False,
        False,
    ]
    assert float(kept["nuclei"].max()) == 0.25
    kept.close()
    assert "nuclei" not in kept
