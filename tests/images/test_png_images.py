"""PNG files as images."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from czcheck.errors import IncompleteError, InputError, UsageError
from czcheck.images import decoders, open_image

GRAY = np.arange(24, dtype=np.uint8).reshape(4, 6)
RGB = np.stack([GRAY + 200, GRAY + 100, GRAY], axis=-1)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_gray_is_read_region_by_region(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "gray.png"
    pixels = GRAY.astype(dtype) * (1 if dtype == "uint8" else 1000)
    Image.fromarray(pixels).save(path)
    with open_image(path) as image:
        assert (image.format, image.pixel_type) == (
            "PNG",
            "Gray8" if dtype == "uint8" else "Gray16",
        )
        assert (image.planes[0].height, image.planes[0].width) == (4, 6)
        assert not image.tiled
        np.testing.assert_array_equal(
            image.read(image.planes[0], 1, 2, 2, 3)[..., 0], pixels[1:3, 2:5]
        )


def test_of_a_palette_or_bits_the_numbers_can_be_had_as_of_masks(tmp_path: Path) -> None:
    path, bits = tmp_path / "palette.png", tmp_path / "bits.png"
    picture = Image.fromarray(GRAY % 3)
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    picture.save(path)
    Image.fromarray((GRAY % 2).astype(bool)).save(bits)
    for mask, numbers in ((path, GRAY % 3), (bits, GRAY % 2)):
        with open_image(mask, numbers=True) as image:
            assert image.pixel_type == "Gray8"
            found = image.read(image.planes[0], 0, 0, 4, 6)[..., 0]
        assert found.dtype == np.uint8
        assert (found == numbers).all()


@pytest.mark.parametrize("bits", [2, 4])
def test_gray_of_few_bits_is_spread_but_in_masks(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "few.png"
    numbers = GRAY % (1 << bits)
    rows = np.unpackbits(numbers[..., None], axis=-1)[..., 8 - bits :].reshape(4, -1)
    lines = b"".join(b"\0" + np.packbits(row).tobytes() for row in rows)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 6, 4, bits, 0, 0, 0, 0)),
        (b"gAMA", struct.pack(">I", 45455)),  # which changes no number
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    ]
    written = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(written))
    for numbered, expected in ((True, numbers), (False, numbers * (255 // ((1 << bits) - 1)))):
        with open_image(path, numbers=numbered) as image:
            np.testing.assert_array_equal(image.read(image.planes[0], 0, 0, 4, 6)[..., 0], expected)


def test_frames_that_are_not_read_are_told(tmp_path: Path) -> None:
    path = tmp_path / "frames.png"
    Image.fromarray(GRAY).save(path, save_all=True, append_images=[Image.fromarray(GRAY + 1)])
    with open_image(path) as image:
        assert image.warnings == ("the file holds 2 frames; the first one is read",)
        np.testing.assert_array_equal(image.read(image.planes[0], 0, 0, 4, 6)[..., 0], GRAY)


def test_transparency_beside_a_palette_is_dropped_without_a_word(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    path = tmp_path / "palette.png"
    picture = Image.fromarray(GRAY % 3)
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    picture.save(path, transparency=bytes([0, 255, 255]))
    with open_image(path) as image:
        pixels = image.read(image.planes[0], 0, 0, 4, 6)
    blue_green_red = np.array([[0, 0, 0], [0, 0, 255], [255, 0, 0]], np.uint8)
    np.testing.assert_array_equal(pixels, blue_green_red[GRAY % 3])
    assert not recwarn.list


def test_colours_are_blue_green_red_and_can_be_taken_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "colour.png"
    Image.fromarray(RGB).save(path)
    image = open_image(path)
    assert (image.pixel_type, image.channels) == ("Bgr24", ("RGB",))
    np.testing.assert_array_equal(image.read(image.planes[0], 0, 0, 4, 6), RGB[..., ::-1])
    red = open_image(path, channel="red")
    assert (red.pixel_type, red.channels) == ("Gray8", ("Red",))
    np.testing.assert_array_equal(red.read(red.planes[0], 0, 0, 4, 6)[..., 0], RGB[..., 0])
    assert open_image(path, channel=0).pixel_type == "Bgr24"


@pytest.mark.parametrize("samples", [2, 3, 4])
def test_colours_of_16_bits_keep_them_and_lose_alpha(tmp_path: Path, samples: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs", reason="imagecodecs is not installed")
    pixels = np.random.default_rng(0).integers(0, 65536, (4, 6, samples)).astype(np.uint16)
    path = tmp_path / "deep.png"
    path.write_bytes(imagecodecs.png_encode(pixels))
    image = open_image(path)
    assert image.pixel_type == ("Gray16" if samples == 2 else "Bgr48")
    expected = pixels[..., :1] if samples == 2 else pixels[..., 2::-1]
    np.testing.assert_array_equal(image.read(image.planes[0], 0, 0, 4, 6), expected)
    path.write_bytes(path.read_bytes()[:-40])
    with open_image(path) as image, pytest.raises(InputError, match="damaged"):
        image.read(image.planes[0], 0, 0, 4, 6)


def test_colours_of_16_bits_need_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(RGB).save(path)
    data = bytearray(path.read_bytes())
    data[24] = 16
    path.write_bytes(data)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(UsageError, match=r"needs the package imagecodecs.*czcheck\[images\]"):
        open_image(path)


def test_bits_are_black_and_white(tmp_path: Path) -> None:
    path = tmp_path / "bits.png"
    Image.fromarray(GRAY > 12).save(path)
    image = open_image(path)
    assert image.pixel_type == "Gray8"
    np.testing.assert_array_equal(
        image.read(image.planes[0], 0, 0, 4, 6)[..., 0], (GRAY > 12) * 255
    )


def test_a_lack_of_memory_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.png"
    Image.fromarray(GRAY).save(path)

    def lack(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(PngImageFile, "load", lack)
    with open_image(path) as image, pytest.raises(IncompleteError, match=r"image\.png: .*memory"):
        image.read(image.planes[0], 0, 0, 2, 2)


def test_faults_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.png"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(path)
    with pytest.raises(UsageError, match="image has only time 0"):
        open_image(path, time=1)
    monkeypatch.setattr(decoders, "MOST_IN_MEMORY", 4000)
    with pytest.raises(InputError, match="64x64 pixels have to be held"):
        open_image(path)
    monkeypatch.undo()
    path.write_bytes(path.read_bytes()[:600])
    with open_image(path) as image, pytest.raises(InputError, match="damaged") as caught:
        image.read(image.planes[0], 0, 0, 2, 2)
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="no such image"):
        open_image(tmp_path / "none.png")
    (tmp_path / "image.bmp").write_bytes(b"BM")
    with pytest.raises(UsageError, match="cannot be read as an image"):
        open_image(tmp_path / "image.bmp")
