"""Which way an answer lies, found by moving the content of its tile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from czcheck.runtime.measure import (
    Orientation,
    agreement_of,
    exchange_red_and_blue,
    move_of,
    moved,
    orientation_of,
)
from czcheck.test_tiles import NATURAL, tiles

SIZE = 96
WAYS: dict[str, Callable[[Any], Any]] = {
    "upright": lambda image: image,
    "mirrored top to bottom": lambda image: image[::-1],
    "mirrored left to right": lambda image: image[:, ::-1],
    "turned by 180 degrees": lambda image: image[::-1, ::-1],
    "transposed (rows and columns have changed places)": lambda image: image.swapaxes(0, 1),
    "turned by 90 degrees to the right": lambda image: np.rot90(image, -1),
    "turned by 90 degrees to the left": lambda image: np.rot90(image, 1),
    "transposed along the other diagonal": lambda image: image[::-1, ::-1].swapaxes(0, 1),
}


def network(tile: Any) -> Any:
    """A blur over seven pixels with open edges, then a soft threshold."""
    padded = np.pad(tile[..., 0], 3)
    mean = sum(
        padded[row : row + tile.shape[0], column : column + tile.shape[1]]
        for row in range(7)
        for column in range(7)
    )
    bright = 1 / (1 + np.exp(-20 * (mean / 49 - 0.35)))
    return np.stack([1 - bright, bright], axis=-1).astype(np.float32)


def asked(answer: Callable[[Any], Any], tile: Any) -> Orientation | None:
    move = move_of(*tile.shape[:2])
    assert move is not None
    return orientation_of(answer(tile), answer(moved(tile, move)), move)


@pytest.mark.parametrize("name", NATURAL)
@pytest.mark.parametrize("way", WAYS)
def test_every_turn_and_mirror_image_is_told(way: str, name: str) -> None:
    (tile,) = tiles(SIZE, SIZE, 1, "Gray32Float", names=[name])
    found = asked(lambda each: WAYS[way](network(each)), tile.pixels)
    assert found is not None
    assert found.way == way
    assert found.wrong == (way != "upright")


@pytest.mark.parametrize("way", list(WAYS)[:4])
def test_tiles_that_are_not_square(way: str) -> None:
    (tile,) = tiles(64, 128, 1, "Gray32Float", names=["nuclei"])
    found = asked(lambda each: WAYS[way](network(each)), tile.pixels)
    assert found is not None
    assert found.way == way


def test_an_answer_that_is_the_same_everywhere_tells_nothing() -> None:
    (tile,) = tiles(SIZE, SIZE, 1, "Gray32Float", names=["nuclei"])
    flat = np.full((SIZE, SIZE, 2), 0.5, np.float32)
    assert asked(lambda _: flat, tile.pixels) is None


def test_an_answer_that_does_not_follow_the_tile_is_still() -> None:
    first, second = tiles(SIZE, SIZE, 1, "Gray32Float", names=["nuclei", "blobs"])
    painted = network(second.pixels)
    found = asked(lambda _: painted, first.pixels)
    assert found is not None
    assert (found.way, found.wrong) == ("still", False)


def test_chance_is_not_taken_for_a_turn() -> None:
    (tile,) = tiles(SIZE, SIZE, 1, "Gray32Float", names=["nuclei"])
    generator = np.random.default_rng(0)
    found = asked(lambda _: generator.random((SIZE, SIZE, 2), np.float32), tile.pixels)
    assert found is not None
    assert found.way == "upright"


def test_answers_that_depend_on_the_whole_tile_are_upright() -> None:
    (tile,) = tiles(SIZE, SIZE, 1, "Gray16", names=["blobs"])

    def standardised(each: Any) -> Any:
        return network((each - each.mean()) / each.std() * 0.1 + 0.35)

    found = asked(standardised, tile.pixels)
    assert found is not None
    assert found.way == "upright"


@pytest.mark.parametrize("size", [(15, 64), (64, 15), (1, 1)])
def test_small_tiles_are_not_moved(size: tuple[int, int]) -> None:
    assert move_of(*size) is None


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (128, 64), (64, 128), (1024, 1024)])
def test_no_two_ways_look_alike(size: tuple[int, int]) -> None:
    move = move_of(*size)
    assert move is not None
    down, right = move
    height, width = size
    assert right > 0
    assert 0 < 2 * right < width
    assert 0 < 2 * down < height
    assert height != width or down != right


def test_agreement() -> None:
    first = np.array([[[0.9, 0.1], [0.6, 0.4]]], np.float32)
    same = agreement_of(first, first.copy())
    assert (same.labels_equal, same.difference, same.won, same.share) == (2, 0.0, (2, 0), 1.0)
    other = agreement_of(first, np.array([[[0.8, 0.2], [0.4, 0.6]]], np.float32))
    assert (other.labels_equal, other.won, other.share) == (1, (1, 1), 0.5)
    assert other.difference == pytest.approx(0.2)
    assert other.to_json() == {"labels": 0.5, "difference": other.difference}
    nothing = agreement_of(first, np.full((1, 2, 2), np.nan, np.float32))
    assert (nothing.labels_equal, nothing.to_json()) == (0, {"labels": 0.0, "difference": None})
    assert agreement_of(first, first[:, :1]).labels_equal == 0


def test_red_and_blue_change_places_and_nothing_else() -> None:
    tile = np.arange(4, dtype=np.float32).reshape(1, 1, 4)
    assert exchange_red_and_blue(tile).ravel().tolist() == [2, 1, 0, 3]
    assert tile.ravel().tolist() == [0, 1, 2, 3]
