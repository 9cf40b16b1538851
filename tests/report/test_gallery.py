"""Previews show what the network was asked and answered, in few bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from czcheck.report import CONFIDENCE_SHADES, SUM_LIMITS, Collector, Preview, confidence_colours
from czcheck.rules import Finding, InMember, Severity, TilePixel
from czcheck.runtime import Output

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLUE, YELLOW = (32, 64, 160), (255, 200, 0)
MAGENTA = (255, 0, 255)


def preview(
    tile: NDArray[Any], answer: NDArray[Any] | None, *, side: int = 320, bgr: bool = False
) -> Preview:
    collector = Collector({"a": True}, (BLUE, YELLOW), bgr=bgr, side=side)
    told = None if answer is None else Output(answer, str(answer.dtype), answer.shape, 0.1)
    collector.add("a", tile[None], told)
    (made,) = collector.gallery(()).tiles
    return made


def pixels(png: bytes | None) -> NDArray[np.uint8]:
    assert png is not None
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def halves(size: int = 32, low: float = 0.25) -> NDArray[np.float32]:
    """Class 0 on the left, with certainty, class 1 on the right, less so."""
    answer = np.zeros((1, size, size, 2), np.float32)
    answer[..., : size // 2, 0] = 1
    answer[..., size // 2 :, 1] = 1 - low
    answer[..., size // 2 :, 0] = low
    return answer


def test_classes_stand_in_the_models_colours() -> None:
    made = preview(np.zeros((32, 32, 1), np.float32), halves())
    classes = pixels(made.class_map)
    assert (classes[:, :16] == BLUE).all()
    assert (classes[:, 16:] == YELLOW).all()
    assert made.won == (512, 512)
    assert made.mean_confidence == pytest.approx(0.875)
    confidence = pixels(made.confidence)
    shades = confidence_colours(CONFIDENCE_SHADES)
    most = CONFIDENCE_SHADES - 1
    assert tuple(confidence[0, 0]) == shades[most]
    assert tuple(confidence[0, 31]) == shades[round(0.75 * most)]


def test_large_tiles_are_shown_smaller_and_counted_whole() -> None:
    tile = np.zeros((1000, 700, 1), np.float32)
    tile[:, 350:] = 65535
    answer = np.repeat(np.repeat(halves(1000)[:, :, 150:850], 1, 1), 1, 2)
    made = preview(tile, answer, side=320)
    assert made.size == (1000, 700)
    assert sum(made.won) == 1000 * 700
    for png in (made.image, made.class_map, made.confidence):
        assert pixels(png).shape == (250, 175, 3)
    image = pixels(made.image)
    assert (image[:, :80] == 0).all()
    assert (image[:, 100:] == 255).all()
    assert made.intensities == (0, 65535)


def test_blue_green_red_tiles_are_shown_in_their_colours() -> None:
    tile = np.zeros((32, 32, 3), np.float32)
    tile[..., 0] = 255
    tile[0, 0] = 0
    assert tuple(pixels(preview(tile, None, bgr=True).image)[9, 9]) == (0, 0, 255)


def test_one_pixel_that_is_no_number_is_seen_on_a_large_tile() -> None:
    answer = halves(1024)
    answer[0, 501, 301, 1] = np.nan
    made = preview(np.zeros((1024, 1024, 1), np.float32), answer, side=320)
    for png in (made.class_map, made.confidence):
        shown = pixels(png)
        assert tuple(shown[501 // 4, 301 // 4]) == MAGENTA
        assert (shown == MAGENTA).all(axis=-1).sum() == 1
    assert made.not_numbers == 1
    assert made.mean_confidence is None
    assert sum(made.sums) == 1024 * 1024 - 1
    # It counts for no class either.
    assert sum(made.won) == 1024 * 1024 - 1


@pytest.mark.parametrize(
    ("intensity", "grey"), [(0, 0), (1, 255), (255, 255), (51, 51), (65535, 255), (26214, 102)]
)
def test_a_tile_of_one_intensity_is_as_bright_as_that_is(intensity: float, grey: int) -> None:
    made = preview(np.full((8, 8, 1), intensity, np.float32), None)
    # Shades are shown in 64 steps.
    assert abs(int(pixels(made.image)[0, 0, 0]) - grey) <= 4


def test_sums_are_parted_by_their_distance_from_one() -> None:
    answer = halves()
    answer[0, 0, 0, 0] += 0.5
    answer[0, 0, 1, 0] -= 0.005
    answer[0, 0, 2, 0] += 5e-5
    made = preview(np.zeros((32, 32, 1), np.float32), answer)
    middle = len(SUM_LIMITS)
    expected = [0] * (2 * middle + 1)
    expected[middle] = 1021
    expected[-1] = 1  # above +0.1
    expected[2] = 1  # -0.01 to -0.001
    expected[middle + 2] = 1  # 1e-5 to 1e-4
    assert list(made.sums) == expected


@pytest.mark.parametrize(
    "answer",
    [
        None,
        np.zeros((1, 32, 32), np.float32),
        np.zeros((), np.float32),
        np.zeros((1, 0, 0, 2), np.float32),
        np.zeros((1, 32, 32, 2), np.complex64),
    ],
)
def test_an_answer_that_is_no_image_has_no_maps(answer: NDArray[Any] | None) -> None:
    made = preview(np.zeros((32, 32, 1), np.float32), answer)
    assert made.class_map is made.confidence is None
    assert made.won == made.sums == ()
    assert made.shape == (None if answer is None else answer.shape)


def test_more_channels_than_classes_are_grey_and_more_than_a_palette_holds_are_no_trouble() -> None:
    answer = np.zeros((1, 32, 32, 300), np.float32)
    answer[..., 299] = 1
    made = preview(np.zeros((32, 32, 1), np.float32), answer)
    assert (pixels(made.class_map) == 128).all()
    assert made.won[299] == 1024
    assert len(made.won) == 300


def test_an_answer_of_another_size_is_shown_as_it_is() -> None:
    made = preview(np.zeros((64, 64, 1), np.float32), halves(32))
    assert pixels(made.class_map).shape == (32, 32, 3)


def test_further_tiles_are_kept_only_where_a_finding_is_about_them() -> None:
    collector = Collector({"a": True, "zeros": False}, (BLUE, YELLOW), bgr=False)
    for name in ("a", "zeros", "a, moved", "a, turned", "a, in a batch"):
        collector.add(name, np.zeros((1, 32, 32, 1), np.float32), None)
    findings = [
        Finding("CZ411", Severity.ERROR, TilePixel("a, moved"), "", (("other", "a, turned"),)),
        Finding("CZ102", Severity.ERROR, InMember("a, in a batch"), "", ()),
        Finding("CZ402", Severity.ERROR, TilePixel("never asked"), "", ()),
    ]
    gallery = collector.gallery(findings)
    assert [(each.tile, each.natural) for each in gallery.tiles] == [("a", True), ("zeros", False)]
    assert [each.tile for each in gallery.evidence] == ["a, moved", "a, turned"]
