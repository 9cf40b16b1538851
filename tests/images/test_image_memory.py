"""Memory stays flat however large the image: measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

pytestmark = pytest.mark.slow

zarr = pytest.importorskip("zarr", reason="zarr is not installed")
pytest.importorskip("resource", reason="peak memory of a process is POSIX")

# 96 MiB as uint8: what holds the plane is plain to see.
HEIGHT, WIDTH = 12288, 8192
PLANE = HEIGHT * WIDTH


def growth(action: str, small: list[Path], *paths: Path) -> int:
    script = Path(__file__).with_name("use_large_images.py")
    command = [sys.executable, str(script), action, *map(str, [*small, "--", *paths])]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def tiles() -> Any:
    tile = np.arange(512, dtype=np.uint8).reshape(1, -1).repeat(512, 0)
    for _ in range(PLANE // tile.size):
        yield tile


def test_reading_regions_does_not_hold_the_plane(tmp_path: Path) -> None:
    small = [tmp_path / "small.zarr", tmp_path / "small.tif"]
    zarr.create_array(small[0], shape=(512, 512), chunks=(256, 256), dtype="u1")
    few = np.zeros((512, 512), np.uint8)
    tifffile.imwrite(small[1], few, tile=(256, 256), compression="zlib")
    shape: dict[str, Any] = {"shape": (HEIGHT, WIDTH), "dtype": np.uint8}
    tiled, strips, whole = (tmp_path / f"{each}.tif" for each in ("tiled", "strips", "whole"))
    tifffile.imwrite(tiled, tiles(), tile=(512, 512), compression="zlib", **shape)
    plane = np.zeros((HEIGHT, WIDTH), np.uint8)
    tifffile.imwrite(strips, plane, compression="zlib", rowsperstrip=64)
    tifffile.imwrite(whole, **shape)  # uncompressed and in one piece; a hole in the file
    store = tmp_path / "image.zarr"
    array = zarr.create_array(store, chunks=(1024, 1024), fill_value=7, **shape)
    array[:1024, :1024] = 1
    assert growth("read", small, tiled, strips, whole, store) < 0.8 * PLANE


@pytest.mark.parametrize("name", ["labels.ome.tif", "labels.zarr"])
def test_writing_blocks_does_not_hold_the_plane(tmp_path: Path, name: str) -> None:
    small = tmp_path / f"small.{name}"
    assert growth("write", [small], tmp_path / name) < 0.3 * PLANE
    assert (tmp_path / name).exists()
