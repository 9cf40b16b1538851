"""TIFF and OME-TIFF as images, against the arrays that were written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile

from czcheck.errors import InputError, UsageError
from czcheck.images import Plane, decoders, dimensions, open_image, series_of

RANDOM = np.random.default_rng(0)
GRAY = RANDOM.integers(0, 65536, (100, 140), np.uint16)
RGB = RANDOM.integers(0, 256, (100, 140, 3), np.uint8)
STACK = RANDOM.integers(0, 256, (2, 3, 4, 100, 140), np.uint8)
FLOATS = RANDOM.random((100, 140, 4), np.float32)
BITS = RANDOM.random((100, 140)) > 0.5
MODULO = (
    '<OME><StructuredAnnotations><XMLAnnotation><Value><Modulo><ModuloAlongC Start="0" End="1" '
    'Step="1e-12"/></Modulo></Value></XMLAnnotation></StructuredAnnotations></OME>'
)
OME = {
    "axes": "TZCYX",
    "PhysicalSizeX": 0.5,
    "PhysicalSizeY": 250,
    "PhysicalSizeYUnit": "nm",
    "Channel": {"Name": ["A", "B", "C", "D"]},
}


def gray(array: Any, plane: Plane) -> Any:
    return array[..., None]


def planar(array: Any, plane: Plane) -> Any:
    return np.moveaxis(array, 0, -1)


def stack(array: Any, plane: Plane) -> Any:
    return np.moveaxis(array[plane.time, plane.z], 0, -1)


@pytest.mark.parametrize(
    ("array", "expected", "how", "pixel_type", "planes"),
    [
        (GRAY, gray, {}, "Gray16", 1),
        (GRAY, gray, {"compression": "lzw", "predictor": True}, "Gray16", 1),
        (GRAY, gray, {"tile": (32, 48)}, "Gray16", 1),
        (GRAY, gray, {"tile": (32, 48), "compression": "zstd"}, "Gray16", 1),
        (GRAY, gray, {"byteorder": ">"}, "Gray16", 1),
        (GRAY, gray, {"byteorder": ">", "compression": "zlib", "predictor": True}, "Gray16", 1),
        (GRAY, gray, {"bigtiff": True, "rowsperstrip": 7, "compression": "zlib"}, "Gray16", 1),
        (GRAY.astype(np.uint32), gray, {}, "Gray16", 1),
        (GRAY.astype(np.int32), gray, {"tile": (32, 48), "byteorder": ">"}, "Gray16", 1),
        (BITS, lambda a, _: a[..., None] * np.uint8(255), {}, "Gray8", 1),
        (RGB, lambda a, _: a[..., ::-1], {"photometric": "rgb"}, "Bgr24", 1),
        (RGB, lambda a, _: a[..., ::-1], {"photometric": "rgb", "tile": (32, 48)}, "Bgr24", 1),
        (
            RGB.transpose(2, 0, 1),
            lambda a, p: planar(a, p)[..., ::-1],
            {"photometric": "rgb", "planarconfig": "separate", "tile": (32, 32)},
            "Bgr24",
            1,
        ),
        (
            RGB.transpose(2, 0, 1),
            planar,
            {"photometric": "minisblack", "planarconfig": "separate", "compression": "zlib"},
            "3 x Gray8",
            1,
        ),
        (
            RGB.transpose(2, 0, 1),
            lambda a, p: a[p.z][..., None],
            {"photometric": "minisblack"},
            "Gray8",
            3,
        ),
        (FLOATS, lambda a, _: a[..., 2::-1], {"photometric": "rgb"}, "Bgr96Float", 1),
        (STACK, stack, {"imagej": True, "metadata": {"axes": "TZCYX"}}, "4 x Gray8", 6),
        (
            STACK,
            stack,
            {"ome": True, "metadata": OME, "photometric": "minisblack", "tile": (64, 64)},
            "4 x Gray8",
            6,
        ),
    ],
)
def test_regions_are_what_was_written(
    tmp_path: Path,
    array: Any,
    expected: Callable[[Any, Plane], Any],
    how: dict[str, Any],
    pixel_type: str,
    planes: int,
) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, array, **how)
    with open_image(path) as image:
        assert (image.pixel_type, len(image.planes)) == (pixel_type, planes)
        assert image.format == ("OME-TIFF" if "ome" in how else "TIFF")
        for plane in image.planes:
            assert (plane.height, plane.width) == (100, 140)
            for top, left, height, width in ((0, 0, 100, 140), (3, 5, 41, 57), (91, 129, 9, 11)):
                pixels = image.read(plane, top, left, height, width)
                assert pixels.dtype == image.dtype
                assert pixels.dtype.isnative
                np.testing.assert_array_equal(
                    pixels, expected(array, plane)[top : top + height, left : left + width]
                )


def test_ome_tells_channels_scenes_and_pixel_sizes(tmp_path: Path) -> None:
    path = tmp_path / "image.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for name, pixels in (("left", STACK), ("right", STACK[..., :50, :60] // 2)):
            writer.write(pixels, metadata={**OME, "Name": name}, photometric="minisblack")
    with open_image(path, scene="right", channel="C,A", time=1, z="1-2") as image:
        assert image.pixel_size == (0.25, 0.5)
        assert image.channels == ("C", "A")
        assert [(each.scene, each.time, each.z, each.name) for each in image.planes] == [
            (1, 1, 1, "_z1"),
            (1, 1, 2, "_z2"),
        ]
        np.testing.assert_array_equal(
            image.read(image.planes[1], 0, 0, 50, 60),
            np.moveaxis(STACK[1, 2, [2, 0], :50, :60] // 2, 0, -1),
        )
    with pytest.raises(UsageError, match="scenes 0 'left', 1 'right'"):
        open_image(path, scene="middle")


def test_only_the_scenes_that_are_read_have_to_be_alike(tmp_path: Path) -> None:
    path = tmp_path / "image.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(RGB, photometric="rgb", metadata={"Name": "label"})
        writer.write(GRAY, metadata={"Name": "slide"})
    with pytest.raises(InputError, match=r"choose those that are alike with --scene \(0 to 1\)"):
        open_image(path)
    for scene, pixel_type in (("label", "Bgr24"), ("slide", "Gray16")):
        with open_image(path, scene=scene) as image:
            assert image.pixel_type == pixel_type
    with open_image(path, scene=1) as image:
        np.testing.assert_array_equal(image.read(image.planes[0], 0, 0, 100, 140)[..., 0], GRAY)


def test_of_a_pyramid_the_full_resolution_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(GRAY, subifds=1, tile=(32, 32))
        writer.write(GRAY[::2, ::2], subfiletype=1, tile=(32, 32))
    with open_image(path) as image:
        np.testing.assert_array_equal(image.read(image.planes[0], 0, 0, 100, 140)[..., 0], GRAY)


def test_an_image_in_several_files_is_read_and_nothing_elsewhere(tmp_path: Path) -> None:
    first, second = tmp_path / "a.ome.tif", tmp_path / "b.ome.tif"
    text = """<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"
        UUID="urn:uuid:00000000-0000-0000-0000-00000000000a"><Image ID="Image:0"><Pixels
        ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="140" SizeY="100" SizeC="1"
        SizeZ="2" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>
        <TiffData FirstZ="0" IFD="0" PlaneCount="1"><UUID
        FileName="a.ome.tif">urn:uuid:00000000-0000-0000-0000-00000000000a</UUID></TiffData>
        <TiffData FirstZ="1" IFD="0" PlaneCount="1"><UUID
        FileName="b.ome.tif">urn:uuid:00000000-0000-0000-0000-00000000000b</UUID></TiffData>
        </Pixels></Image></OME>"""
    tifffile.imwrite(first, GRAY, description=text, metadata=None, compression="zlib")
    tifffile.imwrite(second, GRAY // 2, metadata=None, compression="zlib")
    with open_image(first) as image:
        assert image.format == "OME-TIFF"
        np.testing.assert_array_equal(image.read(image.planes[0], 0, 0, 100, 140)[..., 0], GRAY)
        second_plane = image.read(image.planes[1], 0, 0, 100, 140)
        np.testing.assert_array_equal(second_plane[..., 0], GRAY // 2)
    elsewhere = text.replace('"b.ome.tif"', '"../b.ome.tif"')
    tifffile.imwrite(first, GRAY, description=elsewhere, metadata=None)
    with pytest.raises(InputError, match=r"names a file in another folder \(\.\./b\.ome\.tif\)"):
        open_image(first)


@pytest.mark.parametrize(
    ("how", "size"),
    [
        ({"resolution": (1e4, 2e4), "resolutionunit": "CENTIMETER"}, (0.5, 1.0)),
        ({"imagej": True, "resolution": (2, 4), "metadata": {"unit": "um"}}, (0.25, 0.5)),
        ({"resolution": (72, 72), "resolutionunit": "INCH"}, None),
        ({}, None),
    ],
)
def test_pixel_sizes_of_plain_files(
    tmp_path: Path, how: dict[str, Any], size: tuple[float, float] | None
) -> None:
    tifffile.imwrite(tmp_path / "image.tif", GRAY, **how)
    with open_image(tmp_path / "image.tif") as image:
        assert image.pixel_size == size


def test_wrong_pixels_and_axes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, GRAY.astype(np.float64))
    with pytest.raises(InputError, match=r"float64 \(gray\).*uint8, uint16 or float32"):
        open_image(path)
    tifffile.imwrite(
        path, STACK[None].repeat(2, 0), metadata={"axes": "QTZCYX"}, photometric="minisblack"
    )
    with pytest.raises(InputError, match="axes QTZCYX"):
        open_image(path)


@pytest.mark.parametrize("how", [{}, {"compression": "zlib", "rowsperstrip": 10}])
@pytest.mark.parametrize("kept", [0, 4, 8, 200, 9000])
def test_a_truncated_file_is_one_line(tmp_path: Path, how: dict[str, Any], kept: int) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, GRAY, **how)
    path.write_bytes(path.read_bytes()[:kept])

    def read() -> None:
        with open_image(path) as image:
            image.read(image.planes[0], 0, 0, 100, 140)

    with pytest.raises(InputError, match=r"image\.tif: the image is damaged") as caught:
        read()
    assert "\n" not in str(caught.value)


def test_a_damaged_strip_is_told_with_its_place(tmp_path: Path, capfd: Any) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, GRAY, compression="zlib", rowsperstrip=10)
    with tifffile.TiffFile(path) as file:
        offset = file.pages.first.dataoffsets[5]
    data = bytearray(path.read_bytes())
    data[offset : offset + 40] = bytes(40)
    path.write_bytes(data)
    with open_image(path) as image:
        image.read(image.planes[0], 0, 0, 50, 140)
        with pytest.raises(InputError, match=r"damaged.* in the region at row 45, column 3"):
            image.read(image.planes[0], 45, 3, 10, 10)
    assert capfd.readouterr() == ("", "")


def test_absurd_headers_are_refused_before_memory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, GRAY, tile=(64, 64))
    monkeypatch.setattr(decoders, "MOST_PIXELS", 10_000)
    with pytest.raises(InputError, match="140x100 pixels are more than the 10000"):
        open_image(path)
    monkeypatch.undo()
    monkeypatch.setattr(decoders, "MOST_PART", 1000)
    with pytest.raises(InputError, match="tiles are too large"):
        open_image(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('<!DOCTYPE OME [<!ENTITY a "b">]><OME>&a;</OME>', "DOCTYPE"),
        ('<OME><Image><Pixels><TiffData PlaneCount="9999999999"/></Pixels></Image></OME>', "Count"),
        (MODULO, "divides an axis"),
    ],
)
def test_hostile_ome_xml_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, GRAY, description=text, metadata=None)
    with pytest.raises(InputError, match=words):
        open_image(path)


def test_a_compression_without_its_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, GRAY, compression="zstd")

    def missing(self: Any, key: Any) -> Any:
        raise KeyError(f"{key!r} requires the 'imagecodecs' package")

    monkeypatch.setattr(type(tifffile.TIFF.DECOMPRESSORS), "__getitem__", missing)
    with pytest.raises(UsageError, match=r"ZSTD needs the package imagecodecs.*czcheck\[images\]"):
        open_image(path)


def test_axes_of_length_one_are_asked_for_as_each_tifffile_wants_it() -> None:
    """Python 3.12 and newer get a tifffile whose series have one set of axes, chosen by a call."""
    whole, squeezed = (SimpleNamespace(axes=axes, shape=(1,) * len(axes)) for axes in ("TYX", "YX"))
    newer: Any = SimpleNamespace(series=lambda *, squeeze: [squeezed if squeeze else whole])
    assert [dimensions(each) for each in series_of(newer)] == [("TYX", (1, 1, 1))]
