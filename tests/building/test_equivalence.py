"""When two networks count as answering alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from czcheck.building import Comparer, inputs_of
from czcheck.runtime.compare import compare

SOURCE = np.array([[[[0.7, 0.3], [0.2, 0.8]]]], np.float32)


def changed(pixel: int, values: tuple[float, float]) -> Any:
    answer = SOURCE.copy()
    answer[0, 0, pixel] = values
    return answer


def test_equal_answers_differ_by_nothing() -> None:
    found = compare(SOURCE, SOURCE.copy(), 1e-5)
    assert (found.change, found.ties, found.labels, found.pixels) == (0, 0, 0, 2)


def test_a_changed_label_is_no_tie() -> None:
    found = compare(SOURCE, changed(0, (0.3, 0.7)), 1e-5)
    assert (found.ties, found.labels) == (0, 1)
    assert found.change == pytest.approx(0.4)


def test_a_label_may_change_where_two_classes_are_equal() -> None:
    source, lowered = changed(0, (0.500001, 0.499999)), changed(0, (0.499999, 0.500001))
    found = compare(source, lowered, 1e-5)
    assert (found.ties, found.labels) == (1, 0)


def test_not_a_number_has_to_stay_one() -> None:
    hole = changed(1, (np.nan, 0.8))
    assert compare(hole, hole.copy(), 1e-5).change == 0
    assert compare(hole, SOURCE, 1e-5).change == np.inf
    assert compare(SOURCE, hole, 1e-5).change == np.inf


def test_large_values_are_compared_in_proportion() -> None:
    logits = np.full((1, 1, 1, 2), 50_000, np.float32)
    assert compare(logits, logits + np.float32(0.0078125), 1e-3).change < 1e-6


def test_other_shapes_are_infinitely_different() -> None:
    assert compare(SOURCE, SOURCE[:, :, :1], 1e-5).change == np.inf


def test_the_tolerance_is_wider_on_the_raw_range() -> None:
    near = changed(0, (0.7005, 0.2995))
    comparer = Comparer("models/nuclei")
    assert comparer.add("zeros", SOURCE, near, raw=True) is None
    differs = comparer.add("zeros", SOURCE, near, raw=False)
    assert differs is not None
    assert differs.startswith("on the tile 'zeros' (scaled to [0, 1]) probabilities differ by up")
    assert "from 0.7 to 0.7005 at row 0, column 0, channel 0 (allowed: 1e-05)" in differs
    found = comparer.result((1, 2), of_archive=True)
    assert found.raw == pytest.approx(5e-4, rel=1e-3)
    assert found.scaled == 0
    assert found.pixels == 2


@pytest.mark.parametrize(("precision", "within"), [("float16", 2e-3), ("bfloat16", 1e-2)])
def test_half_precision_has_a_tolerance_of_its_own_and_says_so(
    precision: str, within: float
) -> None:
    comparer = Comparer("models/nuclei", precision)
    near, far = (changed(1, (0.2 + each, 0.8 - each)) for each in (0.9 * within, 1.1 * within))
    assert comparer.add("noise", SOURCE, near, raw=False) is None
    differs = comparer.add("noise", SOURCE, far, raw=False)
    assert differs is not None
    assert f"(allowed: {within:g}, as the network computes in {precision})" in differs
    assert comparer.result((1, 2), of_archive=True).precision == precision


def test_integer_pixel_types_are_asked_on_both_ranges() -> None:
    asked = list(inputs_of(16, 24, 1, "Gray16"))
    assert {pixels.shape for _, _, pixels in asked} == {(16, 24, 1)}
    assert max(pixels.max() for _, raw, pixels in asked if raw) == 65535
    assert max(pixels.max() for _, raw, pixels in asked if not raw) == 1
    assert len({name for name, _, _ in asked}) * 2 == len(asked)


def test_float_pixel_types_have_one_range() -> None:
    assert not any(raw for _, raw, _ in inputs_of(16, 16, 1, "Gray32Float"))
