"""CZI as images, written through pylibCZIrw."""

from __future__ import annotations

import os
import signal
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from czcheck.errors import InputError, UsageError
from czcheck.images import open_image

czi = pytest.importorskip("pylibCZIrw.czi", reason="pylibCZIrw is not installed")

SPLIT = "zstd1:ExplicitLevel=1;PreProcess=HiLoByteUnpack"


def pixels(scene: int, time: int, z: int, channel: int) -> np.ndarray:
    ramp = np.add.outer(np.arange(100), 7 * np.arange(120))
    return (1000 * scene + 400 * time + 200 * z + 100 * channel + ramp).astype(np.uint16)


@pytest.fixture(scope="module")
def two_scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("czi") / "two.czi"
    with czi.create_czi(str(path)) as writer:
        for scene, place in enumerate([(0, 0), (1000, -200)]):
            for time, z, channel in np.ndindex(2, 2, 2):
                writer.write(
                    pixels(scene, time, z, channel),
                    location=place,
                    plane={"T": time, "Z": z, "C": channel},
                    scene=scene,
                )
        writer.write_metadata(
            "two", channel_names={0: "DAPI", 1: "GFP"}, scale_x=0.5e-6, scale_y=0.25e-6
        )
    return path


def test_scenes_channels_time_and_depth(two_scenes: Path) -> None:
    with open_image(two_scenes) as image:
        assert (image.format, image.pixel_type) == ("CZI", "2 x Gray16")
        assert image.channels == ("DAPI", "GFP")
        assert image.pixel_size == pytest.approx((0.25, 0.5))
        assert [each.name for each in image.planes][:3] == ["_s0_t0_z0", "_s0_t0_z1", "_s0_t1_z0"]
        assert (image.planes[-1].top, image.planes[-1].left) == (-200, 1000)
        for plane in image.planes:
            expected = [pixels(plane.scene, plane.time, plane.z, each) for each in range(2)]
            np.testing.assert_array_equal(
                image.read(plane, 11, 22, 50, 60),
                np.stack(expected, axis=-1)[11:61, 22:82],
            )


def test_a_selection(two_scenes: Path) -> None:
    with open_image(two_scenes, scene=1, channel="gfp", time=0, z=1) as image:
        (plane,) = image.planes
        assert plane.name == ""
        np.testing.assert_array_equal(image.read(plane, 0, 0, 100, 120)[..., 0], pixels(1, 0, 1, 1))
    with pytest.raises(UsageError, match=r"--channel 'Cy5' matches nothing.*0 'DAPI', 1 'GFP'"):
        open_image(two_scenes, channel="Cy5")


def test_a_mosaic_with_a_gap_is_read_across_its_blocks(tmp_path: Path) -> None:
    path = tmp_path / "mosaic.czi"
    rng = np.random.default_rng(0)
    expected = np.zeros((96, 150, 3), np.uint8)
    with czi.create_czi(str(path)) as writer:
        for top, left in ((0, 0), (0, 50), (48, 100)):
            block = rng.integers(1, 256, (48, 50, 3), np.uint8)
            writer.write(block, location=(left + 10, top + 20))
            expected[top : top + 48, left : left + 50] = block
        writer.write_metadata("mosaic")
    with open_image(path) as image:
        (plane,) = image.planes
        assert (image.pixel_type, image.tiled, plane.height, plane.width) == (
            "Bgr24",
            True,
            96,
            150,
        )
        np.testing.assert_array_equal(image.read(plane, 0, 0, 96, 150), expected)
        np.testing.assert_array_equal(image.read(plane, 40, 30, 20, 90), expected[40:60, 30:120])
        assert image.pixel_size is None


def write(path: Path, *blocks: dict[str, Any], **how: Any) -> np.ndarray:
    """Write blocks of the same pixels, each a little brighter than the one before."""
    block = np.random.default_rng(0).integers(1, 60_000, (40, 50, 1), np.uint16)
    with czi.create_czi(str(path), **how) as writer:
        for number, each in enumerate(blocks):
            writer.write(block + np.uint16(number), **each)
    return block


def read(path: Path, **selection: Any) -> dict[tuple[int, int, int], np.ndarray]:
    """All planes by scene, time and z."""
    with open_image(path, **selection) as image:
        return {
            (each.scene, each.time, each.z): image.read(each, 0, 0, each.height, each.width)
            for each in image.planes
        }


def test_planes_have_the_numbers_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "part.czi"
    places = [(time, z) for time in (5, 6) for z in (2, 3)]
    block = write(path, *({"plane": {"T": time, "Z": z, "C": 1}} for time, z in places))
    planes = read(path)
    assert list(planes) == [(0, time, z) for time, z in places]
    for number, each in enumerate(planes.values()):
        np.testing.assert_array_equal(each, block + number)
    assert list(read(path, time=6, z="2-3", channel=0)) == [(0, 6, 2), (0, 6, 3)]
    with pytest.raises(UsageError, match=r"--time '0' matches nothing; .* points in time 5 to 6"):
        open_image(path, time=0)


def test_scenes_have_the_numbers_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "scenes.czi"
    block = write(path, {"scene": 1}, {"scene": 3, "location": (1000, 500)})
    planes = read(path)
    assert list(planes) == [(1, 0, 0), (3, 0, 0)]
    np.testing.assert_array_equal(planes[3, 0, 0], block + 1)
    with pytest.raises(UsageError, match="--scene '0' matches nothing; the image has scenes 1, 3"):
        open_image(path, scene=0)


def test_planes_that_are_not_there_are_named(tmp_path: Path) -> None:
    path = tmp_path / "gap.czi"
    block = write(path, *({"plane": {"T": time}} for time in (0, 2)))
    with pytest.raises(InputError, match=r"lacks 1 of 3 planes: time 1.*--allow-missing"):
        open_image(path)
    np.testing.assert_array_equal(read(path, time="0,2")[0, 2, 0], block + 1)
    with open_image(path, allow_missing=True) as image:
        assert image.missing == ("the file lacks 1 of 3 planes: time 1",)
    planes = read(path, allow_missing=True)
    assert [each.any() for each in planes.values()] == [True, False, True]
    write(path, *({"plane": {"C": channel}} for channel in (0, 2)), exist_ok=True)
    with pytest.raises(InputError, match="the file lacks channel 1"):
        open_image(path)
    assert len(read(path, channel="0,1")) == 1  # counted among those that are there


def test_a_tile_that_other_planes_have_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "mosaic.czi"
    tiles = [(time, column) for time in range(3) for column in range(3) if (time, column) != (1, 2)]
    blocks = ({"plane": {"T": time}, "location": (60 * column, 0)} for time, column in tiles)
    write(path, *blocks)
    with pytest.raises(InputError, match=r"missing in 1 of 3 planes: time 1 .* 2 of the 3"):
        open_image(path)
    assert len(read(path, time="0,2")) == 2


def make_reduced(path: Path, width: int) -> None:
    """Turn the block of a width into one that shows twice its width and height, of a pyramid."""
    data = bytearray(path.read_bytes())
    (directory,) = struct.unpack_from("<q", data, 84)
    (count,) = struct.unpack_from("<i", data, directory + 32)
    entry = directory + 160
    for _ in range(count):
        (block,) = struct.unpack_from("<q", data, entry + 6)
        (dimensions,) = struct.unpack_from("<i", data, entry + 28)
        sides = {data[at]: at for at in range(entry + 32, entry + 32 + 20 * dimensions, 20)}
        if struct.unpack_from("<i", data, sides[ord("X")] + 8) == (width,):
            for side in (sides[ord("X")], sides[ord("Y")]):
                (stored,) = struct.unpack_from("<i", data, side + 16)
                for start in (side, block + 48 + side - entry):
                    struct.pack_into("<i", data, start + 8, 2 * stored)
            data[entry + 22] = data[block + 48 + 22] = 1
        entry += 32 + 20 * dimensions
    path.write_bytes(data)


def test_levels_of_a_pyramid_are_neither_tiles_nor_planes(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.czi"
    block = np.random.default_rng(0).integers(1, 60_000, (40, 50, 1), np.uint16)
    with czi.create_czi(str(path)) as writer:
        for time in (3, 4):
            writer.write(block + np.uint16(time), plane={"T": time})
        writer.write(np.full((20, 25, 1), 7, np.uint16), plane={"T": 3})
    make_reduced(path, 25)
    planes = read(path)
    assert list(planes) == [(0, 3, 0), (0, 4, 0)]
    for (_, time, _), found in planes.items():
        np.testing.assert_array_equal(found, block + np.uint16(time))


@pytest.mark.parametrize("options", ["uncompressed:", "zstd0:", "zstd1:", SPLIT])
@pytest.mark.parametrize(
    ("pixel_type", "dtype", "samples"),
    [
        ("Gray8", np.uint8, 1),
        ("Gray16", np.uint16, 1),
        ("Gray32Float", np.float32, 1),
        ("Bgr24", np.uint8, 3),
        ("Bgr48", np.uint16, 3),
    ],
)
def test_every_compression_of_every_pixel_type(
    tmp_path: Path, options: str, pixel_type: str, dtype: Any, samples: int
) -> None:
    path = tmp_path / "image.czi"
    pixels = np.random.default_rng(0).integers(0, 4000, (40, 50, samples)).astype(dtype)
    with czi.create_czi(str(path), compression_options=options) as writer:
        writer.write(pixels)
    if (pixel_type, options) == ("Bgr48", SPLIT):
        with czi.open_czi(str(path)) as reader:
            # Once pylibCZIrw reads these rightly, they need not be refused any more.
            assert not np.array_equal(reader.read(), pixels)
        with pytest.raises(InputError, match=r"hi-lo packing.* which pylibCZIrw reads wrongly"):
            open_image(path)
        return
    with open_image(path) as image:
        assert image.pixel_type == pixel_type
        np.testing.assert_array_equal(image.read(image.planes[0], 0, 0, 40, 50), pixels)


def test_colours_of_floats_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.czi"
    with czi.create_czi(str(path)) as writer:
        writer.write(np.zeros((40, 50, 3), np.float32))
    with pytest.raises(InputError, match=r"channel 0 are Bgr96Float, which is not read"):
        open_image(path)


@pytest.mark.parametrize("kept", [10, 600, 5000, 200_000])
def test_a_truncated_file_is_one_line(two_scenes: Path, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "short.czi"
    path.write_bytes(two_scenes.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"short\.czi: the image is damaged") as caught:
        open_image(path)
    assert "\n" not in str(caught.value)


def test_entities_in_the_metadata_are_not_resolved(two_scenes: Path, tmp_path: Path) -> None:
    path = tmp_path / "doctype.czi"
    data = two_scenes.read_bytes()
    first, end = data.index(b"<ImageDocument>"), data.index(b"</ImageDocument>")
    text = data[first:end]
    comment = b"<Comment>pylibCZIrw generated</Comment>"
    assert comment in text
    text = text.replace(comment, b"").replace(b'"DAPI"', b'"x&b;"')
    hostile = b"<!DOCTYPE a [<!ENTITY b 'long'>]>".ljust(len(comment)) + text
    path.write_bytes(data[:first] + hostile + data[end:])
    with open_image(path) as image:
        assert image.channels == ("x&b;", "GFP")


def test_a_crash_of_the_library_is_one_line(
    two_scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_image(two_scenes) as image:
        image.read(image.planes[0], 0, 0, 5, 5)
        os.kill(image._file._process.pid, signal.SIGSEGV)  # type: ignore[attr-defined]
        with pytest.raises(InputError, match=r"at row 3, column 4: the library .* code -11$"):
            image.read(image.planes[0], 3, 4, 5, 5)
    monkeypatch.setattr("czcheck.images.czi._BEGIN", "import os; os.kill(os.getpid(), 11)")
    with pytest.raises(InputError, match=r"two\.czi: .*the library that reads CZI ended"):
        open_image(two_scenes)


def test_without_the_package_the_extra_is_named(
    two_scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pylibCZIrw", None)
    with pytest.raises(UsageError, match=r"CZI needs the package pylibCZIrw.*czcheck\[images\]"):
        open_image(two_scenes)
