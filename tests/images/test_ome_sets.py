"""OME-TIFFs in several files: whole ones, and those of which a file is missing or another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from czcheck.errors import InputError, UsageError
from czcheck.images import Image, open_image, tiff_pages
from fixtures.ome_tiffs import PLANES, one_image, positions, write, write_set

NAMES = ("z0.ome.tif", "z1.ome.tif", "z2.ome.tif")


def planes(image: Image) -> np.ndarray:
    return np.stack(
        [image.read(each, 0, 0, each.height, each.width)[..., 0] for each in image.planes]
    )


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"rowsperstrip": 7},
        {"tile": (16, 16)},
        {"compression": "zlib"},
        {"bigtiff": True},
        {"byteorder": ">"},
    ],
)
def test_positions_in_files_of_their_own_are_read(tmp_path: Path, how: dict[str, Any]) -> None:
    write_set(tmp_path, dict(enumerate(NAMES)), positions(NAMES), **how)
    for name in NAMES:
        with open_image(tmp_path / name) as image:
            assert [each.scene_name for each in image.planes] == ["pos0", "pos1", "pos2"]
            np.testing.assert_array_equal(planes(image), PLANES)


def test_each_file_of_a_set_is_read_as_it_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_pages, "_MOST_OPEN", 1)
    body = one_image(NAMES)
    write(tmp_path / NAMES[0], 0, body)
    write(tmp_path / NAMES[1], 1, body, byteorder=">", rowsperstrip=7)
    write(tmp_path / NAMES[2], 2, body, tile=(16, 16), compression="zlib")
    with open_image(tmp_path / NAMES[0]) as image:
        for _ in range(2):  # files are closed in between, and opened again
            np.testing.assert_array_equal(planes(image), PLANES)
        assert (image.missing, image.warnings) == ((), ())


def test_a_missing_file_is_named_and_can_be_allowed(tmp_path: Path) -> None:
    write_set(tmp_path, {0: NAMES[0], 2: NAMES[2]}, one_image(NAMES))
    path = tmp_path / NAMES[0]
    with pytest.raises(
        InputError, match=r"the file z1\.ome\.tif of its OME-XML is missing; .* 1 of 3 planes: z 1"
    ) as caught:
        open_image(path)
    assert "--allow-missing" in str(caught.value)
    with open_image(path, allow_missing=True) as image:
        assert "z1.ome.tif" in image.missing[0]
        np.testing.assert_array_equal(
            planes(image), [PLANES[0], np.zeros_like(PLANES[1]), PLANES[2]]
        )
    with open_image(path, z="0,2") as image:  # nothing is missing of what is read
        assert not image.missing
        np.testing.assert_array_equal(planes(image), PLANES[[0, 2]])


@pytest.mark.parametrize("written", [b"", bytes(100)])
def test_a_file_that_is_not_written_yet_is_named(tmp_path: Path, written: bytes) -> None:
    write_set(tmp_path, dict(enumerate(NAMES)), one_image(NAMES))
    (tmp_path / NAMES[1]).write_bytes(written)
    with pytest.raises(InputError, match=r"the file z1\.ome\.tif of its OME-XML is not whole"):
        open_image(tmp_path / NAMES[0])


def test_missing_files_are_named_where_nothing_says_how_many_planes_they_hold(
    tmp_path: Path,
) -> None:
    body = one_image(NAMES).replace(' IFD="0" PlaneCount="1"', "")
    write_set(tmp_path, {2: NAMES[2]}, body)
    with pytest.raises(
        InputError, match=r"files z0\.ome\.tif, z1\.ome\.tif of its OME-XML are missing"
    ):
        open_image(tmp_path / NAMES[2])


def test_renamed_files_are_named_with_what_lies_there_instead(tmp_path: Path) -> None:
    names = {number: f"scan_{number}.tif" for number in range(3)}
    write_set(tmp_path, names, one_image(NAMES))
    with pytest.raises(
        InputError,
        match=r"files z0\.ome\.tif, z2\.ome\.tif .* missing \(next to it is scan_0\.tif: were",
    ):
        open_image(tmp_path / "scan_1.tif")
    with open_image(tmp_path / "scan_1.tif", z=1) as image:  # known by its identity
        np.testing.assert_array_equal(planes(image), PLANES[1:2])


def test_a_position_whose_file_is_missing_moves_no_other(tmp_path: Path) -> None:
    write_set(tmp_path, {0: NAMES[0], 2: NAMES[2]}, positions(NAMES))
    path = tmp_path / NAMES[0]
    with pytest.raises(InputError, match=r"the file z1\.ome\.tif of its OME-XML is missing"):
        open_image(path)
    with open_image(path, scene=2) as image:
        assert image.planes[0].scene_name == "pos2"
        np.testing.assert_array_equal(planes(image), PLANES[2:])
    with pytest.raises(UsageError, match="scenes 0 'pos0', 2 'pos2'"):
        open_image(path, scene=1)
    with open_image(path, allow_missing=True) as image:
        assert [each.scene for each in image.planes] == [0, 2]
        assert "z1.ome.tif" in image.missing[0]


def test_a_single_file_may_have_any_name(tmp_path: Path) -> None:
    write_set(tmp_path, {0: "mine.tif"}, one_image(NAMES[:1]))
    with open_image(tmp_path / "mine.tif") as image:
        assert (image.format, image.missing, image.warnings) == ("OME-TIFF", (), ())
        np.testing.assert_array_equal(planes(image), PLANES[:1])


def test_a_file_of_another_set_under_the_right_name_is_told(tmp_path: Path) -> None:
    write_set(tmp_path, {0: NAMES[0], 1: NAMES[1]}, one_image(NAMES[:2]))
    write(tmp_path / NAMES[1], 2, one_image(["other.tif"]))
    with open_image(tmp_path / NAMES[0]) as image:
        (warning,) = image.warnings
    assert "z1.ome.tif says that it is another file" in warning


def test_a_plane_without_a_place_is_missing(tmp_path: Path) -> None:
    body = one_image(NAMES[:1]).replace('SizeZ="1"', 'SizeZ="2"')
    write_set(tmp_path, {0: NAMES[0]}, body)
    with pytest.raises(InputError, match="the file lacks 1 of 2 planes: z 1"):
        open_image(tmp_path / NAMES[0])


def test_a_file_that_leaves_its_description_to_another_one_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", 0, '<BinaryOnly MetadataFile="set.companion.ome" UUID="urn:uuid:1"/>')
    with open_image(tmp_path / "a.tif") as image:
        assert "one of a set; set.companion.ome describes it" in image.warnings[0]
        np.testing.assert_array_equal(planes(image), PLANES[:1])
