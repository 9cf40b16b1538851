"""What is written, read back by others and by us."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import tifffile

from czcheck.errors import InputError, UsageError
from czcheck.images import Content, Kind, Plane, create, open_image
from czcheck.metadata import SegmentationClass

zarr = pytest.importorskip("zarr", reason="zarr is not installed")
czi = pytest.importorskip("pylibCZIrw.czi", reason="pylibCZIrw is not installed")

CLASSES = (
    SegmentationClass(1, "Back & <ground>", (255, 0, 0)),
    SegmentationClass(2, 'Kern "µ"', (0, 255, 7)),
)
PLANES = tuple(
    Plane(scene, time, 0, f"S{scene}", 600 + scene, 700, -5 * scene, 2000 * scene)
    for scene in (0, 2)
    for time in (1, 2)
)
ONE = (Plane(0, 0, 0, "", 600, 700),)
SOURCE = {"model": "x", "tile": [1, 2]}
ENDINGS = [".ome.tif", ".tiff", ".zarr", ".czi"]


def content(kind: Kind = "labels", planes: tuple[Plane, ...] = PLANES) -> Content:
    return Content(kind, planes, CLASSES, (0.5, 0.25), SOURCE)


def pixels(what: Content, plane: Plane) -> np.ndarray:
    rng = np.random.default_rng([plane.scene, plane.time])
    shape = (plane.height, plane.width)
    if what.kind == "labels":
        return rng.integers(0, 3, shape).astype(what.dtype)
    return rng.random((*shape, 2) if what.kind == "probabilities" else shape, np.float32)


def blocks(plane: Plane) -> Iterator[tuple[int, int]]:
    """Places of blocks that fit no chunk, and in no order."""
    places = [(t, left) for t in range(0, plane.height, 313) for left in range(0, plane.width, 413)]
    return reversed(places)


def write(path: Path, what: Content) -> None:
    with create(path, what) as writer:
        for plane in what.planes:
            whole = pixels(what, plane)
            for top, left in blocks(plane):
                writer.write(plane, top, left, whole[top : top + 313, left : left + 413])


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", ["labels", "probabilities", "confidence"])
def test_our_own_reader_gives_back_what_was_written(
    tmp_path: Path, ending: str, kind: Kind
) -> None:
    path, what = tmp_path / f"result{ending}", content(kind)
    write(path, what)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    with open_image(path) as image:
        assert image.pixel_size == pytest.approx((0.5, 0.25))
        assert [(each.scene, each.time) for each in image.planes] == [
            (0, 0),
            (0, 1),
            (1, 0),
            (1, 1),
        ]
        if kind == "probabilities":
            names = [each.name for each in CLASSES]
            quoted = [name.replace('"', "'") for name in names]  # older versions of tifffile
            assert image.channels == tuple(quoted if "TIFF" in image.format else names)
        for plane, written in zip(image.planes, PLANES, strict=True):
            if ending != ".czi":  # pylibCZIrw writes no names of scenes
                assert plane.scene_name == written.scene_name
            read = image.read(plane, 0, 0, plane.height, plane.width)
            np.testing.assert_array_equal(read, pixels(what, written).reshape(read.shape))


def test_tifffile_reads_labels_colours_and_classes(tmp_path: Path) -> None:
    path = tmp_path / "labels.ome.tif"
    write(path, content())
    with tifffile.TiffFile(path) as file:
        assert [each.axes for each in file.series] == ["TYX", "TYX"]
        np.testing.assert_array_equal(file.series[1].asarray()[0], pixels(content(), PLANES[2]))
        page = file.pages.first
        assert (page.is_tiled, page.compression.name) == (True, "ADOBE_DEFLATE")
        assert [int(each) // 257 for each in page.colormap[:, 2]] == [0, 255, 7]
        root = ET.fromstring(file.ome_metadata or "")
    maps = [
        {each.get("K"): each.text for each in annotation.iter() if each.get("K")}
        for annotation in root.iter()
        if annotation.get("Namespace") == "czcheck/classes"
    ]
    assert maps[:2] == [
        {"Name": "Back & <ground>", "LabelValue": "1", "Color": "#FF0000"},
        {"Name": 'Kern "µ"', "LabelValue": "2", "Color": "#00FF07"},
    ]


def test_large_images_become_bigtiff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("czcheck.images.output_tiff._CLASSIC", 1000)
    write(tmp_path / "labels.tif", content(planes=ONE))
    with tifffile.TiffFile(tmp_path / "labels.tif") as file:
        assert file.is_bigtiff


def test_ome_zarr_is_valid_and_names_its_classes(tmp_path: Path) -> None:
    from ome_zarr_models.v04.bioformats2raw import BioFormats2Raw
    from ome_zarr_models.v04.image import Image
    from ome_zarr_models.v04.image_label import ImageLabel

    labels, several = tmp_path / "labels.zarr", tmp_path / "several.zarr"
    write(labels, content(planes=ONE))
    group = zarr.open_group(labels, mode="r")
    ImageLabel.from_zarr(group)
    label = group.attrs["image-label"]
    assert label["colors"][1] == {"label-value": 2, "rgba": [0, 255, 7, 255]}
    assert label["properties"][1] == {"label-value": 2, "name": 'Kern "µ"'}
    np.testing.assert_array_equal(group["0"][0, 0, 0], pixels(content(), ONE[0]))
    write(several, content("probabilities"))
    collection = zarr.open_group(several, mode="r")
    assert len(BioFormats2Raw.from_zarr(collection).images) == 2
    Image.from_zarr(collection["1"])
    omero = dict(collection["1"].attrs)["omero"]
    assert [each["label"] for each in omero["channels"]] == [each.name for each in CLASSES]
    assert [each["color"] for each in omero["channels"]] == ["FF0000", "00FF07"]


def test_pylibczirw_reads_labels_and_classes(tmp_path: Path) -> None:
    path = tmp_path / "labels.czi"
    write(path, content())
    with czi.open_czi(str(path)) as file:
        place = file.scenes_bounding_rectangle[1]
        assert (place.x, place.y, place.w, place.h) == (4000, -10, 700, 602)
        read = file.read(plane={"T": 1, "Z": 0, "C": 0}, scene=1)
        np.testing.assert_array_equal(read[..., 0], pixels(content(), PLANES[3]))
        attributes = file.custom_attributes_metadata
    assert json.loads(attributes["Class2"]) == {
        "Name": 'Kern "µ"',
        "LabelValue": 2,
        "Color": "#00FF07",
    }
    assert json.loads(attributes["Source"]) == SOURCE


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError])
def test_an_exception_leaves_what_was_there(
    tmp_path: Path, ending: str, error: type[BaseException]
) -> None:
    path = tmp_path / f"result{ending}"
    write(path, content())

    def begin() -> None:
        with create(path, content(planes=ONE)) as writer:
            writer.write(ONE[0], 0, 0, np.zeros((10, 10), np.uint8))
            raise error

    with pytest.raises(error):
        begin()
    left = {each.name for each in tmp_path.iterdir()}
    assert left == {path.name} | ({f"{path.name}.unfinished"} if ending == ".zarr" else set())
    with open_image(path) as image:
        assert len(image.planes) == 4


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_written_leaves_nothing(tmp_path: Path, ending: str) -> None:
    writer = create(tmp_path / f"result{ending}", content())
    writer.abort()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file sizes are POSIX")
@pytest.mark.parametrize("name", ["labels.ome.tif", "labels.zarr", "labels.czi"])
def test_a_full_disk_is_one_line_and_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    script = Path(__file__).parent / "write_until_full.py"
    limit = "20000" if name.endswith("zarr") else "500000"
    command = [sys.executable, str(script), str(tmp_path / name), limit]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.startswith(f"IncompleteError {tmp_path / name}: cannot be written"), ran
    assert ran.stdout.count("\n") == 1
    assert ran.stderr == ""
    assert [each.name for each in tmp_path.iterdir()] == [name]
    with open_image(tmp_path / name) as image:
        assert not image.read(image.planes[0], 0, 0, 100, 100).any()


@pytest.mark.parametrize("ending", ENDINGS)
def test_wrong_places_are_told(tmp_path: Path, ending: str) -> None:
    with pytest.raises(UsageError, match="none does not exist"):
        create(tmp_path / "none" / f"a{ending}", content())
    folder = tmp_path / f"folder{ending}"
    folder.mkdir()
    (folder / "notes").write_text("mine")
    with pytest.raises(UsageError, match="is a folder"):
        create(folder, content())
    assert (folder / "notes").read_text() == "mine"


def test_other_endings_and_resuming_others_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"name a \.tif, \.tiff, \.zarr, \.czi, \.png file"):
        create(tmp_path / "labels.bmp", content())
    with pytest.raises(UsageError, match="only OME-Zarr can be resumed"):
        create(tmp_path / "labels.tif", content(), resume=True)


def test_without_the_packages_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package, ending in (("pylibCZIrw", "czi"), ("zarr", "zarr")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(UsageError, match=r"pip install 'czcheck\[images\]'"):
            create(tmp_path / f"labels.{ending}", content())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_names_that_no_xml_can_hold_are_escaped(tmp_path: Path, ending: str) -> None:
    plane = Plane(0, 0, 0, "a\x01<b>", 40, 50)
    classes = (SegmentationClass(1, "c\x0b&d", (1, 2, 3)),)
    path = tmp_path / f"probabilities{ending}"
    with create(path, Content("probabilities", (plane,), classes)) as writer:
        writer.write(plane, 0, 0, np.ones((40, 50, 1), np.float32))
    with open_image(path) as image:
        assert image.channels in (("c\\x0b&d",), ("c\x0b&d",))
        assert image.read(image.planes[0], 0, 0, 40, 50).all()


def test_more_than_255_labels_take_two_bytes(tmp_path: Path) -> None:
    classes = tuple(SegmentationClass(n, f"c{n}", (n % 256, 0, 0)) for n in range(1, 301))
    what: Any = Content("labels", ONE, classes)
    assert what.dtype == np.uint16
    whole = np.full((600, 700), 300, np.uint16)
    for ending in ENDINGS:
        with create(tmp_path / f"labels{ending}", what) as writer:
            writer.write(ONE[0], 0, 0, whole)
        with open_image(tmp_path / f"labels{ending}") as image:
            assert image.pixel_type == "Gray16"
            assert (image.read(ONE[0], 0, 0, 600, 700) == 300).all()
