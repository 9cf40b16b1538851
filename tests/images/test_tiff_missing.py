"""TIFFs that hold less than they promise, or more than one image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from czcheck.errors import InputError
from czcheck.images import Image, open_image

STACK = np.random.default_rng(0).integers(1, 65536, (6, 80, 96), np.uint16)
GRAY = STACK[0]
IMAGEJ = "ImageJ=1.53t\nimages=6\nslices=6\nhyperstack=true\n"


def everything(image: Image) -> np.ndarray:
    return np.stack([image.read(each, 0, 0, each.height, each.width) for each in image.planes])


def cut(path: Path) -> None:
    """Leave two thirds of a file, as an interrupted copy does."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def pages(path: Path, first: str | None, **how: Any) -> None:
    """Write four pages whose first description promises six."""
    with tifffile.TiffWriter(path) as writer:
        for number in range(4):
            description = first if number == 0 else None
            writer.write(
                STACK[number], metadata=None, description=description, contiguous=False, **how
            )


def plain(path: Path) -> None:
    tifffile.imwrite(path, STACK, metadata=None, compression="zlib", rowsperstrip=80)
    cut(path)


def shaped(path: Path) -> None:
    tifffile.imwrite(path, STACK, compression="zlib")
    cut(path)


def hyperstack(path: Path) -> None:
    tifffile.imwrite(path, STACK, imagej=True, metadata={"axes": "ZYX"})
    cut(path)


def compressed_hyperstack(path: Path) -> None:
    tifffile.imwrite(path, STACK, imagej=True, metadata={"axes": "ZYX"}, compression="zlib")
    cut(path)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (plain, "breaks off behind page 4, and says that there are more"),
        (shaped, "the shape 6x80x96, and .*80x96.* of it can be read"),
        (hyperstack, "gives 6 images, and the file holds 1"),
        (compressed_hyperstack, "the file lacks 2 of 6 planes: z 4 to 5"),
        (lambda path: pages(path, IMAGEJ), "gives 6 images, and the file holds 4"),
        (lambda path: pages(path, IMAGEJ, compression="zlib"), "lacks 2 of 6 planes: z 4 to 5"),
        (lambda path: pages(path, '{"shape": [6, 80, 96]}', compression="zlib"), "shape 6x80x96"),
    ],
)
def test_fewer_pages_than_promised(
    tmp_path: Path, write: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / "image.tif"
    write(path)
    with pytest.raises(InputError, match=rf"image\.tif: .*{words}.*--allow-missing"):
        open_image(path)
    with open_image(path, allow_missing=True) as image:
        assert image.missing
        first = image.read(image.planes[0], 0, 0, 80, 96)
    np.testing.assert_array_equal(first[..., 0], GRAY)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_whole_stacks_lack_nothing(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "image.tif"
    kinds: list[dict[str, Any]] = [
        {},
        {"metadata": None},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
    ]
    for how in kinds:
        tifffile.imwrite(path, STACK, photometric="minisblack", compression=compression, **how)
        with open_image(path) as image:
            assert (image.missing, image.warnings) == ((), ())
            np.testing.assert_array_equal(everything(image)[..., 0], STACK)


def without_a_tile(path: Path, number: int, **how: Any) -> None:
    """Write tiles, and take one out of the file's lists of them."""
    tifffile.imwrite(path, GRAY, tile=(16, 16), metadata=None, compression="zlib", **how)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        for name in ("TileOffsets", "TileByteCounts"):
            tag = file.pages.first.tags[name]
            size = tag.valuebytecount // tag.count
            start = tag.valueoffset + number * size
            data[start : start + size] = bytes(size)
    path.write_bytes(data)


def test_a_tile_that_is_not_stored_is_missing_unless_the_file_says_what_it_is(
    tmp_path: Path,
) -> None:
    path = tmp_path / "image.tif"
    expected = GRAY.copy()
    expected[16:32, 16:32] = 0
    without_a_tile(path, 7)
    with pytest.raises(InputError, match="1 of 30 tiles is not stored"):
        open_image(path)
    with open_image(path, allow_missing=True) as image:
        np.testing.assert_array_equal(everything(image)[0, ..., 0], expected)
    expected[16:32, 16:32] = 99
    without_a_tile(path, 7, extratags=[(42113, "s", 3, "99", True)])
    with open_image(path) as image:
        assert not image.missing
        np.testing.assert_array_equal(everything(image)[0, ..., 0], expected)


def several(path: Path, *images: tuple[np.ndarray, int], **how: Any) -> None:
    with tifffile.TiffWriter(path) as writer:
        for pixels, subfile_type in images:
            writer.write(pixels, subfiletype=subfile_type, **how)


SMALL, HALF = GRAY[::4, ::4].copy(), GRAY[::2, ::2].copy()


@pytest.mark.parametrize("how", [{"metadata": None}, {}])
@pytest.mark.parametrize(
    "images",
    [
        [(SMALL, 1), (GRAY, 0)],
        [(HALF, 1), (GRAY, 0)],
        [(GRAY, 0), (HALF, 1), (SMALL, 1)],
        [(SMALL, 1), (HALF, 1), (GRAY, 0)],
        [(GRAY, 0), (HALF, 0), (SMALL, 0)],
    ],
)
def test_neither_thumbnails_nor_pyramids_are_taken_for_the_image(
    tmp_path: Path, images: list[tuple[np.ndarray, int]], how: dict[str, Any]
) -> None:
    path = tmp_path / "image.tif"
    several(path, *images, **how)
    with open_image(path) as image:
        assert image.warnings == ()
        np.testing.assert_array_equal(everything(image)[0, ..., 0], GRAY)


def test_what_is_left_out_of_a_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    several(path, (SMALL, 0), (GRAY, 0), metadata=None)
    with open_image(path) as image:
        (warning,) = image.warnings
        assert "the first image in the file (24x20) looks like a reduced copy" in warning
        np.testing.assert_array_equal(everything(image)[0, ..., 0], GRAY)
    several(path, (GRAY, 0), (STACK[1, :50, :90].copy(), 0), metadata=None)
    with open_image(path) as image:
        (warning,) = image.warnings
        assert "holds 1 more image (90x50), not read" in warning
        np.testing.assert_array_equal(everything(image)[0, ..., 0], GRAY)


def test_a_full_image_below_its_thumbnail_is_found(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(SMALL, metadata=None, subfiletype=1, subifds=1)
        writer.write(GRAY, metadata=None, subfiletype=0)
    with open_image(path) as image:
        np.testing.assert_array_equal(everything(image)[0, ..., 0], GRAY)


def test_a_mask_is_no_plane_of_the_image(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    several(path, (GRAY, 0), (STACK[1], 2), metadata=None)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        data[file.pages[1].aspage().tags[254].valueoffset] = 4
    path.write_bytes(data)
    with pytest.raises(InputError, match="page 1 is a mask of another one"):
        open_image(path)


@pytest.mark.parametrize(
    ("photometric", "samples", "words"),
    [
        ("separated", 4, "CMYK"),
        ("cielab", 3, "CIELab"),
        ("ycbcr", 3, "YCbCr without JPEG"),
    ],
)
def test_colours_that_are_none_of_rgb_are_refused(
    tmp_path: Path, photometric: str, samples: int, words: str
) -> None:
    path = tmp_path / "image.tif"
    pixels = np.zeros((20, 30, samples), np.uint8)
    tifffile.imwrite(path, pixels, photometric=photometric, planarconfig="contig")
    with pytest.raises(InputError, match=f"the colours are {words}, which is not read"):
        open_image(path)


def test_tags_that_numbers_alone_do_not_tell(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    turned = (274, "H", 1, 6, True)
    tifffile.imwrite(path, GRAY, photometric="miniswhite", extratags=[turned])
    with open_image(path) as image:
        inverted, orientation = image.warnings
        assert "0 is white (MinIsWhite)" in inverted
        assert "Orientation 6" in orientation
        np.testing.assert_array_equal(everything(image)[0, ..., 0], GRAY)
    with open_image(path, numbers=True) as mask:
        assert len(mask.warnings) == 1  # nobody looks at a mask


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", "tiff_lzw", "packbits"])
def test_bits_are_black_and_white_however_they_are_compressed(
    tmp_path: Path, compression: str
) -> None:
    path = tmp_path / "image.tif"
    bits = np.median(GRAY) < GRAY
    PillowImage.fromarray(bits).save(path, compression=compression)
    with open_image(path) as image:
        np.testing.assert_array_equal(everything(image)[0, ..., 0], bits * np.uint8(255))


@pytest.mark.parametrize("bits", [2, 4, 6, 10, 12, 14])
def test_packed_bits_are_the_numbers_that_were_written(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "image.tif"
    pixels = (GRAY >> (16 - bits)).astype(np.uint8 if bits <= 8 else np.uint16)
    tifffile.imwrite(path, pixels, bitspersample=bits)
    with open_image(path) as image:
        np.testing.assert_array_equal(everything(image)[0, ..., 0], pixels)


def test_numbers_of_masks_are_read_whatever_their_size(tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    numbers = np.arange(80 * 96, dtype=np.uint32).reshape(80, 96) * 1000
    tifffile.imwrite(path, numbers, photometric="minisblack", compression="zlib")
    with open_image(path, numbers=True) as mask:
        np.testing.assert_array_equal(everything(mask)[0, ..., 0], numbers)
    with open_image(path) as image, pytest.raises(InputError, match="the pixel at row 0, column"):
        everything(image)
