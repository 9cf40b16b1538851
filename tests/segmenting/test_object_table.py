"""Objects measured block by block are those of the whole image."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import label, regionprops_table

import czcheck
from czcheck.images import Plane
from czcheck.metadata import SegmentationClass
from czcheck.segmenting import Measured, ObjectMeter, write_table


def measured(labels: np.ndarray, pixels: np.ndarray, tile: int, wanted: tuple[int, ...]) -> Any:
    plane = Plane(0, 0, 0, "", *labels.shape)
    meter = ObjectMeter(plane, wanted, pixels.shape[-1])
    for place in czcheck.tiles(labels.shape, tile, 0):
        meter.measure(
            place.rows.keep_from, place.columns.keep_from, labels[place.used], pixels[place.used]
        )
    return meter.objects()


@given(st.integers(0, 2**32), st.integers(3, 40), st.integers(3, 40), st.integers(2, 17))
def test_parts_in_blocks_are_put_together(seed: int, height: int, width: int, tile: int) -> None:
    random = np.random.default_rng(seed)
    # Coarse, so that objects are large and touch at corners as well as along edges.
    coarse = random.integers(0, 4, (height // 2 + 1, width // 2 + 1))
    labels = coarse.repeat(2, 0).repeat(2, 1)[:height, :width].astype(np.uint8)
    pixels = random.integers(0, 1000, (height, width, 2)).astype(np.uint16)
    found = measured(labels, pixels, tile, (2, 3))
    whole = label(np.where(labels > 1, labels, 0), background=0)
    names = ("area", "bbox", "centroid", "intensity_mean", "intensity_min", "intensity_max")
    table = regionprops_table(whole, pixels, properties=names) if whole.max() else {}
    rows = sorted(map(tuple, np.stack([np.asarray(v) for v in table.values()], 1))) if table else []
    ours = [
        found.area[:, None],
        found.box,
        found.centroid,
        found.mean,
        found.least,
        found.most,
    ]
    assert len(found) == len(rows)
    if rows:
        theirs = np.array(rows)
        mine = np.array(sorted(map(tuple, np.concatenate(ours, axis=1))))
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-9)
        assert set(found.label_value) <= {2, 3}


def test_two_classes_that_touch_are_two_objects() -> None:
    labels = np.array([[1, 1, 2, 2]] * 4, np.uint8)
    found = measured(labels, np.ones((4, 4, 1), np.uint8), 3, (1, 2))
    assert found.label_value.tolist() == [1, 2]
    assert found.area.tolist() == [8, 8]
    assert found.centroid.tolist() == [[1.5, 0.5], [1.5, 2.5]]
    assert found.box.tolist() == [[0, 0, 4, 2], [0, 2, 4, 4]]


@pytest.mark.parametrize("tile", [4, 7])
def test_a_ring_across_all_blocks_is_one_object(tile: int) -> None:
    labels = np.ones((20, 20), np.uint8)
    labels[2:18, 2:18] = 2
    labels[3:17, 3:17] = 1
    found = measured(labels, np.zeros((20, 20, 1), np.uint8), tile, (2,))
    assert found.area.tolist() == [16 * 16 - 14 * 14]


def test_names_are_no_formulas_in_a_table_for_spreadsheets(tmp_path: Path) -> None:
    names = ['=cmd|" /C calc"!A0', "@SUM(1)", "-2+3", "\t=1", "\uff1d1", "CD4+"]
    labels = np.repeat(np.arange(1, len(names) + 1, dtype=np.uint8)[None], 2, axis=0)
    objects = measured(labels, np.ones((*labels.shape, 1), np.uint8), 4, tuple(range(1, 7)))
    classes = [
        SegmentationClass(number, name, (0, 0, 0)) for number, name in enumerate(names, start=1)
    ]
    path = tmp_path / "objects.csv"
    write_table(path, [Measured("=1.tif", ("Gray",), None, objects)], classes)
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["class"] for row in rows] == [
        "'=cmd|\" /C calc\"!A0", "'@SUM(1)", "'-2+3", "\\x09=1", "'\uff1d1", "CD4+"
    ]  # fmt: skip
    assert {row["image"] for row in rows} == {"'=1.tif"}
    assert {row["area_px"] for row in rows} == {"2"}
