"""Tiles as they are read from an image: continued where they reach over its edges."""

from __future__ import annotations

import numpy as np
import pytest

import czcheck
from czcheck.images import wrap_array
from czcheck.segmenting import Padding, read_tile

ROWS = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)


@pytest.mark.parametrize(
    ("pad", "expected"),
    [
        ("zeros", [[0, 0, 0, 0, 0], [0, 1, 2, 3, 0], [0, 4, 5, 6, 0], [0, 0, 0, 0, 0]]),
        ("reflect", [[5, 4, 5, 6, 5], [2, 1, 2, 3, 2], [5, 4, 5, 6, 5], [2, 1, 2, 3, 2]]),
    ],
)
def test_an_image_smaller_than_the_tile_is_continued(
    pad: Padding, expected: list[list[int]]
) -> None:
    image = wrap_array(ROWS)
    (place,) = czcheck.tiles(ROWS.shape, (4, 5), 1)
    assert read_tile(image, image.planes[0], place, pad)[..., 0].tolist() == expected
