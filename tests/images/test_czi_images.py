"""CZI as images, written through pylibCZIrw."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from czcheck.errors import InputError, UsageError
from czcheck.images import czi_process
from czcheck.images.opening import open_image

czi = pytest.importorskip("pylibCZIrw.czi", reason="pylibCZIrw is not installed")


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
    monkeypatch.setattr(czi_process, "_BEGIN", "import os; os.kill(os.getpid(), 11)")
    with pytest.raises(InputError, match=r"two\.czi: .*the library that reads CZI ended"):
        open_image(two_scenes)


def test_without_the_package_the_extra_is_named(
    two_scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pylibCZIrw", None)
    with pytest.raises(UsageError, match=r"CZI needs the package pylibCZIrw.*czcheck\[images\]"):
        open_image(two_scenes)
