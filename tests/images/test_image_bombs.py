"""Images that say they are far larger than they are, or lead elsewhere, are refused in one line."""

from __future__ import annotations

import io
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from czcheck.errors import InputError
from czcheck.images import encoded_pixels, open_image

HEAD = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'


def webp(pixels: np.ndarray, *, lossless: bool) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(stream, "webp", lossless=lossless)
    return stream.getvalue()


CODED: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "jpeg": (7, imagecodecs.jpeg8_encode),
    "jpeg2000": (34712, imagecodecs.jpeg2k_encode),
    "jpeg2000-codestream": (33003, lambda x: imagecodecs.jpeg2k_encode(x, codecformat="j2k")),
    "png": (34933, imagecodecs.png_encode),
    "webp": (50001, lambda x: webp(x, lossless=False)),
    "webp-lossless": (50001, lambda x: webp(x, lossless=True)),
}


def with_strip(path: Path, compression: int, data: bytes, side: int, inner: int = 1) -> None:
    """A TIFF of gray pixels in one strip that is coded already."""
    entries = [
        (256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, compression),
        (262, 3, 1, 1), (273, 4, 1, 134), (277, 3, 1, 1), (278, 4, 1, side), (279, 4, 1, len(data)),
        (330, 4, inner, 134 if inner > 1 else 0),
    ]  # fmt: skip
    header = b"II*\0" + struct.pack("<IH", 8, len(entries))
    header += b"".join(struct.pack("<HHII", *each) for each in entries)
    path.write_bytes(header + bytes(4) + data)


@pytest.mark.parametrize("kind", CODED)
@pytest.mark.parametrize(("height", "width"), [(16, 24), (2049, 2500)])
def test_the_size_of_a_coded_image_is_found(kind: str, height: int, width: int) -> None:
    assert encoded_pixels(CODED[kind][1](np.zeros((height, width), np.uint8))) == height * width


@pytest.mark.parametrize("kind", CODED)
def test_nothing_is_said_of_what_is_cut_short(kind: str) -> None:
    data = CODED[kind][1](np.zeros((16, 24), np.uint8))
    for length in range(len(data)):
        assert encoded_pixels(data[:length]) in (0, 16 * 24)


@pytest.mark.parametrize("kind", CODED)
def test_a_strip_that_says_it_is_far_larger_is_not_decoded(tmp_path: Path, kind: str) -> None:
    compression, encode = CODED[kind]
    path = tmp_path / "image.tif"
    with_strip(path, compression, encode(np.zeros((2500, 2000), np.uint8)), 64)
    with open_image(path) as image, pytest.raises(InputError, match="64x64 pixels says it has 50"):
        image.read(image.planes[0], 0, 0, 64, 64)


def test_a_strip_of_its_own_size_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    pixels = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    with_strip(path, 34933, bytes(imagecodecs.png_encode(pixels)), 64)
    with open_image(path) as image:
        np.testing.assert_array_equal(image.read(image.planes[0], 0, 0, 64, 64)[..., 0], pixels)


def test_images_without_end_inside_an_image(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    with_strip(path, 1, struct.pack("<I", 8) * 20_000, 16, inner=20_000)
    with pytest.raises(InputError, match="names 20000 images"):
        open_image(path)


@pytest.mark.parametrize(
    "document",
    [
        '<Image><Pixels SizeZ="20000" SizeT="20000" {}><TiffData/></Pixels></Image>',
        '<Image><Pixels SizeZ="100" SizeT="100" {}><TiffData/></Pixels></Image>' * 200,
    ],
)
def test_planes_beyond_all_measure_in_ome_xml(tmp_path: Path, document: str) -> None:
    path = tmp_path / "image.tif"
    sizes = 'DimensionOrder="XYCZT" Type="uint8" SizeX="16" SizeY="16" SizeC="1"'
    text = f"{HEAD}{document.replace('{}', sizes)}</OME>"
    tifffile.imwrite(path, np.zeros((16, 16), np.uint8), description=text, metadata=None)
    with pytest.raises(InputError, match="more planes than are believed"):
        open_image(path)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes as POSIX has them")
def test_ome_xml_that_names_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "other.tif")
    text = (
        f'{HEAD}<Image><Pixels DimensionOrder="XYCZT" Type="uint8" SizeX="16" SizeY="16" SizeC="1"'
        ' SizeZ="1" SizeT="1"><TiffData><UUID FileName="other.tif">urn:uuid:1</UUID></TiffData>'
        "</Pixels></Image></OME>"
    )
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, np.zeros((16, 16), np.uint8), description=text, metadata=None)
    with pytest.raises(InputError, match=r"names other\.tif, which is no file"):
        open_image(path)
