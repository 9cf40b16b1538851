"""Arrays as images: numpy's, zarr's and dask's, of which only the region is computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from czcheck.errors import UsageError
from czcheck.images import wrap_array

COLOURS = np.random.default_rng(4).integers(0, 255, (60, 50, 3), np.uint8)


def as_zarr(tmp_path: Path) -> Any:
    zarr = pytest.importorskip("zarr", reason="zarr needs Python 3.11")
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=COLOURS.shape, chunks=(16, 16, 3), dtype="u1"
    )
    array[:] = COLOURS
    return array


def as_dask(tmp_path: Path) -> Any:
    dask = pytest.importorskip("dask.array", reason="needs czcheck[dask]")
    return dask.from_array(COLOURS, chunks=(16, 16, 3))


@pytest.mark.parametrize(
    "made", [lambda _: COLOURS, as_zarr, as_dask], ids=["numpy", "zarr", "dask"]
)
def test_regions_of_every_kind_of_array(made: Any, tmp_path: Path) -> None:
    with wrap_array(made(tmp_path), color="rgb") as image:
        (plane,) = image.planes
        assert (plane.height, plane.width, image.pixel_types) == (60, 50, ("Bgr24",))
        region = image.read(plane, 11, 3, 30, 20)
    np.testing.assert_array_equal(region, COLOURS[11:41, 3:23, ::-1])
    assert isinstance(region, np.ndarray)


def test_only_the_region_of_a_lazy_array_is_computed() -> None:
    dask = pytest.importorskip("dask.array", reason="needs czcheck[dask]")
    computed: list[Any] = []

    def block(block_info: Any = None) -> Any:
        computed.append(block_info[None]["chunk-location"])
        return np.zeros((10, 10), np.uint16)

    array = dask.map_blocks(
        block, chunks=((10,) * 5, (10,) * 5), dtype=np.uint16, meta=np.zeros((0, 0), np.uint16)
    )
    with wrap_array(array) as image:
        image.read(image.planes[0], 12, 21, 5, 15)
    assert sorted(computed) == [(1, 2), (1, 3)]


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4, 5), (0, 4)])
def test_what_is_no_plane(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"an image is \(height, width\)"):
        wrap_array(np.zeros(shape, np.uint8))
