"""Tiles from image files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from czcheck.errors import InputError, UsageError
from czcheck.images import decoders
from czcheck.test_tiles import Tile, tiles_from

RAMP = np.arange(24, dtype=np.uint8).reshape(4, 6)
COLOUR = np.stack([RAMP + 100, RAMP + 50, RAMP], axis=-1)  # red, green, blue
ALPHA = np.concatenate([COLOUR, np.full((4, 6, 1), 7, np.uint8)], axis=-1)


def only(path: Path, height: int, width: int, channels: int) -> Tile:
    (tile,) = tiles_from(path, height, width, channels)
    assert tile.pixels.shape == (height, width, channels)
    assert tile.pixels.dtype == np.float32
    assert tile.natural
    return tile


@pytest.mark.parametrize("ending", [".png", ".tif", ".PNG", ".tiff"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_gray_images_keep_their_intensities(tmp_path: Path, ending: str, dtype: str) -> None:
    pixels = RAMP.astype(dtype) * (1 if dtype == "uint8" else 2000)
    path = tmp_path / f"image{ending}"
    if ending.lower() == ".png":
        Image.fromarray(pixels).save(path, "PNG")
    else:
        tifffile.imwrite(path, pixels)
    tile = only(path, 4, 6, 1)
    assert tile.name == path.name
    np.testing.assert_array_equal(tile.pixels[..., 0], pixels)


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_colours_are_turned_to_blue_green_red(tmp_path: Path, ending: str) -> None:
    for number, pixels in enumerate((COLOUR, ALPHA)):
        path = tmp_path / f"{number}{ending}"
        if ending == ".png":
            Image.fromarray(pixels).save(path)
        else:
            tifffile.imwrite(path, pixels, photometric="rgb")
        np.testing.assert_array_equal(only(path, 4, 6, 3).pixels, COLOUR[..., ::-1])
        with_alpha = only(path, 4, 6, 4).pixels
        np.testing.assert_array_equal(with_alpha[..., :3], COLOUR[..., ::-1])
        assert set(with_alpha[..., 3].ravel()) == {255.0 if pixels is COLOUR else 7.0}


def test_planes_of_colour_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "planes.tif"
    tifffile.imwrite(path, np.moveaxis(COLOUR, -1, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(only(path, 4, 6, 3).pixels, COLOUR[..., ::-1])


def test_a_palette_is_resolved(tmp_path: Path) -> None:
    path = tmp_path / "palette.png"
    Image.fromarray(COLOUR).quantize(64).save(path)
    assert np.abs(only(path, 4, 6, 3).pixels - COLOUR[..., ::-1]).max() < 8


def test_bits_are_read_as_black_and_white(tmp_path: Path) -> None:
    path = tmp_path / "bits.png"
    Image.fromarray(RAMP > 12).save(path)
    np.testing.assert_array_equal(only(path, 4, 6, 1).pixels[..., 0], (RAMP > 12) * 255.0)


def test_floats_are_read(tmp_path: Path) -> None:
    path = tmp_path / "float.tif"
    tifffile.imwrite(path, RAMP.astype(np.float32) / 23)
    assert only(path, 4, 6, 1).pixels.max() == 1


def test_of_a_larger_image_the_centre_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.fromarray(RAMP).save(path)
    tile = only(path, 2, 2, 1)
    assert tile.name == "large.png (centre)"
    np.testing.assert_array_equal(tile.pixels[..., 0], RAMP[1:3, 2:4])


def test_a_smaller_image_is_continued_by_reflection(tmp_path: Path) -> None:
    path = tmp_path / "small.png"
    Image.fromarray(RAMP).save(path)
    tile = only(path, 30, 8, 1)
    assert tile.name == "small.png (extended by reflection)"
    np.testing.assert_array_equal(tile.pixels[13:17, 1:7, 0], RAMP)
    np.testing.assert_array_equal(tile.pixels[13:17, 0, 0], RAMP[:, 0])
    np.testing.assert_array_equal(tile.pixels[12, 1:7, 0], RAMP[0])
    assert only(path, 30, 2, 1).name == "small.png (centre, extended by reflection)"


def test_a_folder_gives_its_images_by_name(tmp_path: Path) -> None:
    for name in ("b.png", "a.png"):
        Image.fromarray(RAMP).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not an image")
    assert [tile.name for tile in tiles_from(tmp_path, 4, 6, 1)] == ["a.png", "b.png"]


def test_images_that_lack_pixels_are_refused_at_once(tmp_path: Path) -> None:
    tiles = np.random.default_rng(0).integers(1, 256, (64, 64), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", tiles, metadata=None, tile=(16, 16), compression="zlib")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        tag = file.pages.first.tags["TileByteCounts"]
        data[tag.valueoffset : tag.valueoffset + tag.valuebytecount // tag.count] = bytes(
            tag.valuebytecount // tag.count
        )
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(InputError, match="1 of 16 tiles is not stored"):
        tiles_from(tmp_path / "a.tif", 64, 64, 1)


@pytest.mark.parametrize(
    ("pixels", "channels", "words"),
    [
        (RAMP, 3, "has 1 channel, the network takes 3"),
        (COLOUR, 1, "has 3 channels, the network takes 1"),
        (COLOUR, 2, "has 3 channels, the network takes 2"),
    ],
)
def test_other_channels_are_refused_at_once(
    tmp_path: Path, pixels: np.typing.NDArray[np.uint8], channels: int, words: str
) -> None:
    path = tmp_path / "image.png"
    Image.fromarray(pixels).save(path)
    with pytest.raises(InputError, match=words) as caught:
        tiles_from(tmp_path, 4, 6, channels)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["broken.png", "broken.tif"])
@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"II*\x00\x08\x00\x00\x00", b"hello"])
def test_a_damaged_image_is_told_as_such(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged") as caught:
        list(tiles_from(path, 4, 6, 1))
    assert str(path) in str(caught.value)


def test_a_truncated_image_is_told_when_its_turn_comes(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:600])
    made = tiles_from(path, 64, 64, 1)
    with pytest.raises(InputError, match="damaged"):
        next(made)


def test_what_would_have_to_be_held_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "huge.png"
    Image.fromarray(RAMP).save(path)
    monkeypatch.setattr(decoders, "MOST_IN_MEMORY", 20)
    with pytest.raises(InputError, match="6x4 pixels have to be held in memory"):
        tiles_from(path, 4, 6, 1)


def test_a_stack_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, np.zeros((5, 4, 6), np.uint8), metadata={"axes": "ZYX"})
    with pytest.raises(InputError, match="has 5 planes"):
        tiles_from(path, 4, 6, 1)


def test_wrong_paths_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such image"):
        tiles_from(tmp_path / "none.png", 4, 6, 1)
    with pytest.raises(UsageError, match="holds no image"):
        tiles_from(tmp_path, 4, 6, 1)
    other = tmp_path / "image.bmp"
    other.write_bytes(b"BM")
    with pytest.raises(UsageError, match="cannot be read as an image"):
        tiles_from(other, 4, 6, 1)
