"""Images are read from several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from czcheck.images import Content, Plane, create, open_image
from czcheck.metadata import SegmentationClass

pytest.importorskip("zarr", reason="zarr is not installed")
pytest.importorskip("pylibCZIrw", reason="pylibCZIrw is not installed")

PIXELS = np.random.default_rng(0).integers(0, 4, (200, 300)).astype(np.uint8)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "whole.tif", "a.zarr", "a.czi"])
def test_regions_read_at_once_are_right(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.png":
        Image.fromarray(PIXELS).save(path)
    elif name == "whole.tif":
        tifffile.imwrite(path, PIXELS)
    elif name == "a.tif":
        tifffile.imwrite(path, PIXELS, tile=(32, 32), compression="zlib")
    else:
        plane = Plane(0, 0, 0, "", *PIXELS.shape)
        content = Content("labels", (plane,), (SegmentationClass(1, "a", (1, 2, 3)),))
        with create(path, content) as writer:
            writer.write(plane, 0, 0, PIXELS)
    places = [(top, left) for top in range(0, 170, 13) for left in range(0, 250, 29)]
    with open_image(path) as image, ThreadPoolExecutor(4) as threads:

        def read(place: tuple[int, int]) -> np.ndarray:
            return image.read(image.planes[0], *place, 30, 50)[..., 0]

        for (top, left), pixels in zip(places, threads.map(read, places), strict=True):
            np.testing.assert_array_equal(pixels, PIXELS[top : top + 30, left : left + 50])
