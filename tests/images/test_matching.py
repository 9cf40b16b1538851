"""Images held against what a model takes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from czcheck.errors import InputError, UsageError
from czcheck.images import for_model, wrap_array
from czcheck.metadata import ModelMetadata

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRAY = np.arange(24, dtype=np.uint8).reshape(4, 6)
RGB = np.stack([GRAY + 200, GRAY + 100, GRAY], axis=-1)
MONOCHROME, SPLIT = "ConvertToMonochrome", "SplitRgb"


def model(handling: str, *pixel_types: str) -> ModelMetadata:
    one = ModelMetadata.from_params(handling, pixel_types[0], ["a", "b"], 8)
    return dataclasses.replace(one, pixel_types=pixel_types, version="3.1.0")


def delivered(array: NDArray[Any], metadata: ModelMetadata, **how: Any) -> NDArray[Any]:
    color = how.pop("color", None)
    view = for_model(wrap_array(array, color=color), metadata, **how)
    pixels = view.read(view.planes[0], 0, 0, *array.shape[:2])
    assert pixels.shape == (*array.shape[:2], view.scalars)
    assert pixels.dtype == view.dtype
    return pixels


@pytest.mark.parametrize("handling", [MONOCHROME, SPLIT])
def test_what_fits_is_delivered_as_it_is(handling: str) -> None:
    np.testing.assert_array_equal(delivered(GRAY, model(handling, "Gray8"))[..., 0], GRAY)


def test_colours_come_as_blue_green_red() -> None:
    pixels = delivered(RGB, model(SPLIT, "Bgr24"), color="rgb")
    np.testing.assert_array_equal(pixels, RGB[..., ::-1])
    pixels = delivered(RGB, model(SPLIT, "Bgr24"), color="bgr")
    np.testing.assert_array_equal(pixels, RGB)


def test_monochrome_is_rounded_luma() -> None:
    pixels = delivered(RGB, model(MONOCHROME, "Gray8"), color="rgb")
    red, green, blue = (RGB[..., each].astype(float) for each in range(3))
    assert pixels.dtype == np.uint8
    expected = 0.299 * red + 0.587 * green + 0.114 * blue
    assert np.abs(pixels[..., 0] - expected).max() <= 0.501


def test_monochrome_models_of_colour_images_take_what_their_network_takes() -> None:
    metadata = model(MONOCHROME, "Bgr24")
    assert delivered(RGB, metadata, color="rgb").shape[-1] == 1
    assert delivered(RGB, metadata, color="rgb", network_channels=1).shape[-1] == 1
    colours = delivered(RGB, metadata, color="rgb", network_channels=3)
    np.testing.assert_array_equal(colours, RGB[..., ::-1])


def test_alpha_is_added_or_dropped() -> None:
    alpha = np.concatenate([RGB, np.full((4, 6, 1), 7, np.uint8)], axis=-1)
    np.testing.assert_array_equal(
        delivered(alpha, model(SPLIT, "Bgr24"), color="rgb"), RGB[..., ::-1]
    )
    with_alpha = delivered(RGB, model(SPLIT, "Bgra32"), color="rgb")
    np.testing.assert_array_equal(with_alpha[..., :3], RGB[..., ::-1])
    assert set(with_alpha[..., 3].ravel()) == {255}


def test_channels_come_in_order() -> None:
    channels = np.stack([GRAY, GRAY + 50], axis=-1)
    np.testing.assert_array_equal(delivered(channels, model(SPLIT, "Gray8", "Gray8")), channels)


def test_channels_called_by_colours_are_colours() -> None:
    array = wrap_array(RGB, channels=("Red", "green", "BLUE"))
    view = for_model(array, model(SPLIT, "Bgr24"))
    np.testing.assert_array_equal(view.read(view.planes[0], 0, 0, 4, 6), RGB[..., ::-1])
    assert for_model(array, model(SPLIT, "Gray8", "Gray8", "Gray8")).channels == array.channels


def test_split_rgb_gives_gray_channels_of_a_colour_image() -> None:
    pixels = delivered(RGB, model(SPLIT, "Gray8", "Gray8", "Gray8"), color="rgb")
    np.testing.assert_array_equal(pixels, RGB[..., ::-1])


@pytest.mark.parametrize(
    ("array", "color", "metadata", "words"),
    [
        (RGB, None, model(SPLIT, "Gray8"), r"3 channels \(3 x Gray8\).*1 channel.*--channel"),
        (GRAY, None, model(SPLIT, "Gray8", "Gray8"), r"1 channel \(Gray8\).*2 channels"),
        (RGB, "rgb", model(SPLIT, "Gray8"), r"image is Bgr24.*takes Gray8.*--channel Red"),
        (GRAY, None, model(SPLIT, "Bgr24"), r"image is Gray8.*takes Bgr24.*colour image"),
        (GRAY, None, model(SPLIT, "Gray16"), r"is Gray8.*takes Gray16.*--intensities scale"),
        (RGB, "rgb", model(SPLIT, "Bgr48"), r"is Bgr24.*takes Bgr48.*--intensities scale"),
    ],
)
def test_a_mismatch_names_both_sides_and_the_option(
    array: NDArray[Any], color: Any, metadata: ModelMetadata, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        for_model(wrap_array(array, color=color), metadata)


def test_a_network_at_odds_with_its_metadata_is_told() -> None:
    with pytest.raises(InputError, match="network takes 5 numbers per pixel"):
        for_model(wrap_array(GRAY), model(SPLIT, "Gray8"), network_channels=5)


@pytest.mark.parametrize(
    ("dtype", "wanted", "factor"),
    [("uint8", "Gray16", 257), ("uint16", "Gray8", 1 / 257), ("uint8", "Gray32Float", 1 / 255)],
)
def test_another_depth_is_kept_or_scaled_when_asked_for(
    dtype: str, wanted: str, factor: float
) -> None:
    pixels = GRAY.astype(dtype)
    kept = delivered(pixels, model(SPLIT, wanted), intensities="keep")
    assert kept.dtype == dtype
    np.testing.assert_array_equal(kept[..., 0], GRAY)
    scaled = delivered(pixels, model(SPLIT, wanted), intensities="scale")
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled[..., 0], GRAY.astype(float) * factor, rtol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers_are_named(value: float) -> None:
    pixels = np.full((40, 50), 3e38, np.float32)
    view = for_model(wrap_array(pixels), model(SPLIT, "Gray32Float"))
    assert view.read(view.planes[0], 0, 0, 40, 50).shape == (40, 50, 1)
    pixels[33, 7] = value
    with pytest.raises(InputError, match=rf"array: the pixel at row 33, column 7 is {value}"):
        view.read(view.planes[0], 30, 5, 10, 10)


def test_arrays_of_other_kinds_are_refused() -> None:
    with pytest.raises(InputError, match=r"float64 \(gray\).*uint8, uint16 or float32"):
        wrap_array(GRAY.astype(np.float64))
    with pytest.raises(UsageError, match="height, width, channels"):
        wrap_array(np.zeros((2, 3, 4, 5), np.uint8))
    with pytest.raises(UsageError, match="needs 3 or 4 channels, not 2"):
        wrap_array(np.zeros((3, 4, 2), np.uint8), color="rgb")
    with pytest.raises(UsageError, match="1 names for 2 channels"):
        wrap_array(np.zeros((3, 4, 2), np.uint8), channels=("a",))


@pytest.mark.parametrize("dtype", [np.int16, np.uint32, np.int64])
def test_other_integers_count_as_16_bits_where_they_fit(dtype: type[np.integer[Any]]) -> None:
    image = wrap_array(GRAY.astype(dtype) * dtype(1000))
    assert image.pixel_type == "Gray16"
    pixels = image.read(image.planes[0], 0, 0, 4, 6)
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels[..., 0], GRAY.astype(np.uint16) * 1000)
    wrong = GRAY.astype(dtype)
    wrong[2, 3] = -1 if dtype is np.int16 else 70_000
    image = wrap_array(wrong)
    with pytest.raises(InputError, match=r"row 2, column 3 is (-1|70000), .* 0 to 65535"):
        image.read(image.planes[0], 1, 1, 3, 3)


def test_regions_outside_the_plane_are_a_fault_of_the_caller() -> None:
    image = wrap_array(GRAY)
    for region in ((-1, 0, 2, 2), (0, 0, 5, 2), (0, 5, 1, 2), (0, 0, 0, 2)):
        with pytest.raises(ValueError, match="not within"):
            image.read(image.planes[0], *region)
