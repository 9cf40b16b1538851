"""The built-in test tiles."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from czcheck.test_tiles import NAMES, NATURAL, synthetic_nuclei, tiles

TYPES = [
    ("Gray8", 1, 255),
    ("Gray16", 1, 65535),
    ("Gray32Float", 1, 1),
    ("Bgr24", 3, 255),
    ("Bgr48", 3, 65535),
    ("Bgr96Float", 3, 1),
    ("Bgra32", 4, 255),
]


@pytest.mark.parametrize(("pixel_type", "channels", "top"), TYPES)
def test_tiles_span_the_range_of_the_pixel_type(pixel_type: str, channels: int, top: int) -> None:
    made = {tile.name: tile for tile in tiles(96, 80, channels, pixel_type)}
    assert tuple(made) == NAMES
    for tile in made.values():
        assert tile.pixels.shape == (96, 80, channels)
        assert tile.pixels.dtype == np.float32
        assert tile.pixels.min() >= 0
        assert tile.pixels.max() <= top
        if top > 1:
            np.testing.assert_array_equal(tile.pixels, np.rint(tile.pixels))
    assert made["zeros"].pixels.max() == 0
    assert made["saturated"].pixels.min() == top
    assert made["noise"].pixels.mean() == pytest.approx(top / 2, rel=0.05)
    assert made["noise"].pixels.max() > 0.99 * top
    assert made["noise"].pixels.min() < 0.01 * top
    assert tuple(tile.name for tile in made.values() if tile.natural) == NATURAL
    for name in NATURAL:
        assert made[name].pixels[..., 0].std() > 0.05 * top


def test_patterns_are_what_their_names_say() -> None:
    made = {tile.name: tile.pixels[..., 0] for tile in tiles(64, 48, 1, "Gray8")}
    assert made["constant"].min() == made["constant"].max() == 102
    assert (made["gradient"][0, 0], made["gradient"][-1, -1]) == (0, 255)
    assert (np.diff(made["gradient"], axis=0) >= 0).all()
    assert (np.diff(made["gradient"], axis=1) >= 0).all()
    assert set(np.unique(made["checkerboard"])) == {0, 255}
    assert (made["checkerboard"][:8, :8] == 0).all()
    assert (made["checkerboard"][:8, 8:16] == 255).all()
    assert np.argwhere(made["hot-pixel"] == 255).tolist() == [[32, 24]]
    assert (made["hot-pixel"] < 30).sum() == 64 * 48 - 1


def test_textures_differ_in_how_fine_they_are() -> None:
    made = {tile.name: tile.pixels[..., 0] for tile in tiles(256, 256, 1, "Gray32Float")}

    def neighbours(image: Any) -> float:
        return float(np.corrcoef(image[:, :-4].ravel(), image[:, 4:].ravel())[0, 1])

    fine = {name: neighbours(made[name]) for name in NATURAL}
    assert fine["grain"] < fine["fibres"] < fine["blobs"]
    assert (made["fibres"] > 0.4).mean() < 0.2
    assert 0.2 < (made["blobs"] > 0.45).mean() < 0.8


def test_a_tile_does_not_depend_on_the_others() -> None:
    everything = {tile.name: tile.pixels for tile in tiles(40, 40, 1, "Gray16")}
    (alone,) = tiles(40, 40, 1, "Gray16", names=["fibres"])
    assert alone.name == "fibres"
    np.testing.assert_array_equal(alone.pixels, everything["fibres"])


def test_colours_come_as_blue_green_red_alpha() -> None:
    nuclei = next(tiles(128, 128, 4, "Bgra32")).pixels
    blue, green, red = (nuclei[..., channel].mean() for channel in range(3))
    assert blue > green > red
    assert nuclei[..., 3].min() == 255


def test_the_same_seed_gives_the_same_tiles() -> None:
    first, again = list(tiles(64, 64, 1, "Gray16")), list(tiles(64, 64, 1, "Gray16"))
    other = list(tiles(64, 64, 1, "Gray16", seed=1))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.pixels, two.pixels)
    differ = {
        one.name for one, two in zip(first, other, strict=True) if (one.pixels != two.pixels).any()
    }
    assert differ == {*NATURAL, "noise"}


@pytest.mark.parametrize("seed", range(5))
def test_nuclei_are_where_the_mask_says(seed: int) -> None:
    image, mask = synthetic_nuclei(256, 192, seed)
    assert image.shape == mask.shape == (256, 192)
    assert str(image.dtype) == "float32"
    assert str(mask.dtype) == "uint16"
    assert image.min() >= 0
    assert image.max() <= 1
    labels = np.unique(mask)
    np.testing.assert_array_equal(labels, np.arange(len(labels)))
    assert len(labels) > 10
    inside, outside = image[mask > 0], image[mask == 0]
    assert 0.03 < inside.size / image.size < 0.5
    # A threshold tells them apart almost everywhere: the mask belongs to the image.
    threshold = (np.median(inside) + np.median(outside)) / 2
    assert (outside < threshold).mean() > 0.95
    assert (inside > threshold).mean() > 0.75


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 500), (16, 16), (33, 7)])
def test_any_size_has_nuclei(height: int, width: int) -> None:
    image, mask = synthetic_nuclei(height, width, 0)
    assert image.shape == mask.shape == (height, width)
    assert np.isfinite(image).all()
    for tile in tiles(height, width, 1, "Gray8"):
        assert tile.pixels.shape == (height, width, 1)
        assert np.isfinite(tile.pixels).all()
    if min(height, width) > 1:
        assert mask.any()


def test_all_tiles_of_the_usual_size_are_quick() -> None:
    spent = []
    for seed in range(3):
        begin = time.process_time()
        for _ in tiles(1024, 1024, 1, "Gray16", seed):
            pass
        spent.append(time.process_time() - begin)
    # 0.25 s where it was written; the bound leaves room for slower machines.
    assert min(spent) < 1.2
