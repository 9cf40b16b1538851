"""`czcheck segment` with everything but the network: outputs, folders, and input that is wrong."""

from __future__ import annotations

import csv
import errno
import json
import resource
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

import czcheck
from czcheck.cli import main
from czcheck.files import settle
from czcheck.images import TiffOutput, open_image
from czcheck.segmenting import segmentation
from fixtures.archives import czmodel, metadata_xml
from fixtures.thresholds import TILE, Threshold, expected, pixels


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, `model.czmodel`, and two images in `images`."""
    monkeypatch.setattr(segmentation, "ModelRunner", Threshold)
    (tmp_path / "model.czmodel").write_bytes(czmodel(metadata_xml(), b"PK"))
    (tmp_path / "images").mkdir()
    for number, size in enumerate([(150, 130), (64, 200)]):
        Image.fromarray(pixels(size, number)).save(tmp_path / "images" / f"{number}.png")
    return tmp_path


def run(place: Path, *arguments: str, image: str = "images/0.png") -> int:
    with pytest.raises(SystemExit) as stop:
        main(["segment", str(place / "model.czmodel"), str(place / image), *arguments])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def left(place: Path) -> set[str]:
    """What stands beside the model and the images."""
    return {path.name for path in place.iterdir()} - {"model.czmodel", "images"}


@pytest.mark.parametrize("ending", [".ome.tif", ".tif", ".czi", ".ome.zarr"])
def test_labels_in_every_format(place: Path, ending: str) -> None:
    target = place / f"labels{ending}"
    assert run(place, "-o", str(target), "--min-confidence", "70") == 0
    with open_image(target) as image:
        (plane,) = image.planes
        labels = image.read(plane, 0, 0, plane.height, plane.width)[..., 0]
    np.testing.assert_array_equal(labels, expected(pixels((150, 130), 0), 70))
    assert left(place) == {target.name}


def test_probabilities_and_confidence(place: Path) -> None:
    targets = [place / "probabilities.ome.tif", place / "confidence.ome.tif"]
    options = ["--probabilities", str(targets[0]), "--confidence-map", str(targets[1])]
    assert run(place, *options) == 0
    probabilities, confidence = map(tifffile.imread, targets)
    bright = pixels((150, 130), 0).astype(np.float32) / 65535
    np.testing.assert_array_equal(np.squeeze(probabilities)[1], bright)
    np.testing.assert_array_equal(np.squeeze(confidence), np.maximum(bright, 1 - bright))


def test_a_folder_goes_to_a_folder_and_what_is_damaged_is_told(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "images" / "2.png").write_bytes((place / "images" / "1.png").read_bytes()[:200])
    options = ["-o", str(place / "out") + "/", "--objects", str(place / "objects.csv")]
    assert run(place, *options, image="images") == 1
    told = capsys.readouterr().out
    assert "2 images segmented, 1 failed" in told
    assert next(line for line in told.splitlines() if "2.png" in line).startswith("failed: ")
    assert sorted(path.name for path in (place / "out").iterdir()) == [
        "0_labels.ome.tif",
        "1_labels.ome.tif",
    ]
    with (place / "objects.csv").open(encoding="utf-8") as stream:
        images = {row["image"] for row in csv.DictReader(stream)}
    assert images == {str(place / "images" / "0.png"), str(place / "images" / "1.png")}


def test_the_table_as_parquet_is_the_one_as_csv(place: Path) -> None:
    import pyarrow.parquet

    for name in ("objects.csv", "objects.parquet"):
        assert run(place, "--objects", str(place / name), "--class", "Nucleus") == 0
    columns = pyarrow.parquet.read_table(place / "objects.parquet").to_pydict()
    with (place / "objects.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) > 1
    assert list(columns) == list(rows[0])
    assert [str(each) for each in columns["area_px"]] == [row["area_px"] for row in rows]
    assert set(columns["class"]) == {"Nucleus"}
    for title in ("centroid_row_px", "centroid_column_px"):
        assert columns[title] == pytest.approx([float(row[title]) for row in rows])


def test_files_in_a_folder_have_the_format_that_is_chosen(place: Path) -> None:
    assert run(place, "-o", str(place / "out"), "--format", "czi", image="images") == 0
    names = {path.name for path in (place / "out").iterdir()}
    assert names == {"0_labels.czi", "1_labels.czi"}


def test_what_json_says(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(place, "--json", "--min-confidence", "70", "--seams") == 0
    result = json.loads(capsys.readouterr().out)
    (plane,) = result["images"][0]["planes"]
    labels = expected(pixels((150, 130), 0), 70)
    assert plane["tiles"] == len(czcheck.tiles(labels.shape, TILE, 4))
    assert [each["pixels"] for each in plane["classes"]] == [
        (labels == 1).sum(),
        (labels == 2).sum(),
    ]
    assert plane["below_min_confidence"]["pixels"] == (labels == 0).sum()
    # Each pixel is answered by itself: it does not matter where tiles lie.
    assert plane["seams"]["changed_pixels"] == 0


@pytest.mark.parametrize("pad", ["reflect", "zeros"])
def test_an_image_smaller_than_a_tile_is_continued_and_warned_of(
    place: Path, pad: str, capsys: pytest.CaptureFixture[str]
) -> None:
    small = pixels((20, 33), 5)
    Image.fromarray(small).save(place / "images" / "small.png")
    target = place / "labels.ome.tif"
    assert run(place, "-o", str(target), "--pad", pad, image="images/small.png") == 0
    np.testing.assert_array_equal(np.squeeze(tifffile.imread(target)), expected(small))
    told = capsys.readouterr().out
    assert "warning: 33x20 pixels are less than a tile of 64x64" in told
    assert ("reflection" if pad == "reflect" else "zeros") in told


def test_a_complete_store_leaves_nothing_to_a_cluster(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = pytest.importorskip("czcheck.segmenting.cluster", reason="needs czcheck[dask]")
    target = place / "labels.ome.zarr"
    assert run(place, "-o", str(target)) == 0
    before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}
    monkeypatch.setattr(cluster, "Cluster", Idle)
    capsys.readouterr()
    assert run(place, "-o", str(target), "--resume", "--dask", "tcp://nobody:1", "--json") == 0
    (plane,) = json.loads(capsys.readouterr().out)["images"][0]["planes"]
    labels = expected(pixels((150, 130), 0))
    assert plane["classes"][1]["pixels"] == (labels == 2).sum()
    assert {path: path.read_bytes() for path in before} == before


class Idle:
    """A cluster that gets no work."""

    workers = 2

    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> Idle:  # noqa: PYI034 - as in czcheck
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def results(self, futures: Iterable[object]) -> Iterator[tuple[object, object]]:
        assert list(futures) == []
        return iter(())

    def finish(self) -> None:
        pass


def test_of_an_image_that_fails_half_way_no_object_is_in_the_table(place: Path) -> None:
    damaged = place / "images" / "2.tif"
    planes = np.stack([pixels((64, 64), each) for each in (2, 3)])
    tifffile.imwrite(damaged, planes, compression="zlib", photometric="minisblack")
    with tifffile.TiffFile(damaged) as file:
        offset, size = file.pages[1].dataoffsets[0], file.pages[1].databytecounts[0]
    data = bytearray(damaged.read_bytes())
    data[offset : offset + size] = bytes(size)
    damaged.write_bytes(data)
    table = place / "objects.csv"
    assert run(place, "-o", str(place / "out") + "/", "--objects", str(table), image="images") == 1
    with table.open(newline="") as stream:
        images = {Path(row["image"]).name for row in csv.DictReader(stream)}
    assert images == {"0.png", "1.png"}


def test_an_interrupted_store_is_gone_on_with(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target, table = place / "labels.ome.zarr", place / "objects.csv"
    options = ["-o", str(target), "--json"]
    monkeypatch.setattr(Threshold, "fails_at", 5)
    assert run(place, *options) == 1
    assert f"{target}.unfinished is unfinished; --resume continues it" in capsys.readouterr().err
    assert not target.exists()
    monkeypatch.setattr(Threshold, "fails_at", -1)
    asked = []
    submit = Threshold.submit

    def counted(self: Threshold, pixels: np.ndarray, where: str = "") -> None:
        asked.append(where)
        submit(self, pixels, where)

    monkeypatch.setattr(Threshold, "submit", counted)
    capsys.readouterr()
    assert run(place, *options, "--objects", str(table), "--resume") == 0
    resumed, objects = json.loads(capsys.readouterr().out), table.read_text("utf-8")
    total = len(czcheck.tiles((150, 130), TILE, 4))
    assert 0 < len(asked) < total
    with open_image(target) as image:
        labels = image.read(image.planes[0], 0, 0, 150, 130)[..., 0]
    np.testing.assert_array_equal(labels, expected(pixels((150, 130), 0)))
    # A run in one go says the same of itself.
    other = place / "again.ome.zarr"
    assert run(place, "-o", str(other), "--json", "--objects", str(table)) == 0
    again = json.loads(capsys.readouterr().out)
    assert (
        resumed["images"][0]["planes"][0]["classes"] == again["images"][0]["planes"][0]["classes"]
    )
    assert table.read_text("utf-8") == objects


def told_once(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error."""
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "image", "code", "words"),
    [
        (["-o", "{}/x.bmp"], "images/0.png", 2, "x.bmp: cannot be written in the format"),
        (["-o", "{}/none/x.tif"], "images/0.png", 2, "none does not exist"),
        (["-o", "{}/x.tif"], "images", 2, "one file for 2 images; name a folder"),
        (["-o", "{}/x.tif", "--probabilities", "{}/x.tif"], "images/0.png", 2, "the same place"),
        (["--overlay", "{}/x.jpg"], "images/0.png", 2, "name a .png file"),
        (["-o", "{}/images/0.png"], "images/0.png", 2, "would replace an image, which is read"),
        (["--class", "Nucleus"], "images/0.png", 2, "give --objects FILE"),
        (["--objects", "{}/x.xls"], "images/0.png", 2, "name a .csv or .parquet file"),
        (
            ["--objects", "{}/x.csv", "--class", "Cell"],
            "images/0.png",
            2,
            "'Background', 'Nucleus'",
        ),
        (["--scene", "3"], "images/0.png", 2, "--scene"),
        ([], "empty", 2, "holds no image"),
        ([], "nothing.png", 2, "no such image"),
        ([], "colour.png", 1, "Bgr24"),
        (["--resume", "-o", "{}/x.tif"], "images/0.png", 2, "only OME-Zarr can be resumed"),
    ],
)
def test_input_that_is_wrong_is_one_line_and_leaves_nothing(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    image: str,
    code: int,
    words: str,
) -> None:
    (place / "empty").mkdir()
    Image.fromarray(np.zeros((70, 70, 3), np.uint8)).save(place / "colour.png")
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert run(place, *(each.format(place) for each in arguments), image=image) == code
    line = told_once(capsys)
    assert line.startswith("czcheck: ")
    assert words in line
    assert before == {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_a_pixel_that_is_no_number_is_named(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "model.czmodel").write_bytes(czmodel(metadata_xml(("Gray16", "Gray32Float")), b"PK"))
    image = np.zeros((100, 100), np.float32)
    image[70, 31] = np.nan
    tifffile.imwrite(place / "images" / "nan.tif", image)
    target = place / "labels.ome.tif"
    assert run(place, "-o", str(target), image="images/nan.tif") == 1
    assert "row 70, column 31" in told_once(capsys)
    assert left(place) == set()


def test_a_network_that_dies_leaves_no_file(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Threshold, "fails_at", 3)
    options = ["-o", str(place / "x.ome.tif"), "--overlay", str(place / "x.png")]
    assert run(place, *options, "--objects", str(place / "x.csv")) == 1
    assert "it died" in told_once(capsys)
    assert left(place) == set()


@pytest.mark.parametrize(
    ("option", "name", "bytes_free"),
    [
        ("-o", "x.ome.tif", 4000),
        ("-o", "x.ome.zarr", 100),
        ("-o", "x.czi", 3000),
        ("--overlay", "x.png", 500),
        ("--objects", "x.csv", 500),
    ],
)
def test_a_full_disk_is_told_and_leaves_nothing(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    name: str,
    bytes_free: int,
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_free, limits[1]))
    try:
        code = run(place, option, str(place / name))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 3
    line = told_once(capsys)
    assert name in line
    assert "limit" in line or "full" in line
    assert left(place) == set()


ALL = ["-o", "{}/x.czi", "--probabilities", "{}/x.tif", "--confidence-map", "{}/c.ome.tif"]
ALL += ["--overlay", "{}/x.png", "--objects", "{}/x.csv"]


@pytest.mark.parametrize("where", ["confidence", "overlay", "table"])
def test_where_one_result_cannot_be_completed_there_is_none(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    def full(self: Any, *rest: Any, **named: Any) -> Any:
        if where == "confidence" and self.content.kind != where:
            return compress(self)
        raise OSError(errno.ENOSPC, "No space left on device")

    compress = TiffOutput._compress
    target = {
        "confidence": "czcheck.images.output_tiff.TiffOutput._compress",
        "overlay": "czcheck.segmenting.overlay.Overlay.save",
        "table": "czcheck.segmenting.segmentation.write_table",
    }
    monkeypatch.setattr(target[where], full)
    (place / "x.csv").write_text("of yesterday")
    assert run(place, *(each.format(place) for each in ALL)) == 3
    assert "the disk is full" in told_once(capsys)
    assert left(place) == {"x.csv"}
    assert (place / "x.csv").read_text() == "of yesterday"


def test_all_results_of_an_image_are_complete_before_the_first_appears(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(path: Path, temporary: Path) -> None:
        there.append({each for each in left(place) if not each.startswith(".")})
        settle(path, temporary)

    there: list[set[str]] = []
    for module in ("images.writer", "segmenting.outputs", "segmenting.segmentation"):
        monkeypatch.setattr(f"czcheck.{module}.settle", look)
    assert run(place, *(each.format(place) for each in ALL)) == 0
    assert there == [set()] * 5
    assert left(place) == {"x.czi", "x.tif", "c.ome.tif", "x.png", "x.csv"}


def test_labels_as_png_are_the_numbers_that_every_program_reads(place: Path) -> None:
    target = place / "labels.png"
    assert run(place, "-o", str(target), "--min-confidence", "60") == 0
    with Image.open(target) as png:
        labels, texts = np.asarray(png), png.info
    assert labels.dtype == np.uint8
    assert (labels == expected(pixels((150, 130), 0), 60)).all()
    assert [each["Name"] for each in json.loads(texts["czcheck/classes"])] == [
        "Background",
        "Nucleus",
    ]
    assert json.loads(texts["czcheck/source"])["image"].endswith("0.png")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "{}/x.png"], "PNG holds one plane, the image has 2; write "),
        (["--probabilities", "{}/x.png"], "PNG holds no fractions, as probabilities are; write "),
        (["-o", "{}/x.jpg"], "name a .tif, .tiff, .zarr, .czi, .png file"),
    ],
)
def test_what_no_png_holds_is_told_before_anything_is_run(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    words: str,
) -> None:
    monkeypatch.setattr(Threshold, "load", pytest.fail)
    stack = np.stack([pixels((70, 80), 1)] * 2)
    tifffile.imwrite(place / "images" / "two.tif", stack, metadata={"axes": "ZYX"})
    assert run(place, *(each.format(place) for each in options), image="images/two.tif") == 2
    line = told_once(capsys)
    assert words in line
    assert ("x.ome.tif" in line) == ("jpg" not in options[1])
    assert left(place) == set()


def test_results_among_the_images_are_left_out_and_told(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = str(place / "images")
    everything = ["-o", images, "--probabilities", images, "--confidence-map", images]
    everything += ["--overlay", images]
    assert run(place, *everything, image="images") == 0
    there = sorted(each.name for each in (place / "images").iterdir())
    assert len(there) == 2 + 2 * 4
    capsys.readouterr()
    assert run(place, *everything, image="images") == 0
    assert sorted(each.name for each in (place / "images").iterdir()) == there
    told = capsys.readouterr().out
    assert "left out, as czcheck wrote them: 0_confidence.ome.tif, 0_labels.ome.tif, " in told
    assert "and 5 more" in told
    assert "2 images segmented" in told
    assert run(place, "--json", image="images") == 0
    assert len(json.loads(capsys.readouterr().out)["left_out"]) == 8


def test_a_folder_of_png_has_other_results_beside_it(place: Path) -> None:
    out = str(place / "out")
    assert run(place, "-o", out, "--probabilities", out, "--format", "png", image="images") == 0
    assert {each.name for each in (place / "out").iterdir()} == {
        f"{number}_{kind}" for number in (0, 1) for kind in ("labels.png", "probabilities.ome.tif")
    }


@pytest.mark.parametrize(
    ("package", "arguments", "code", "words"),
    [
        ("cztile", [], 2, "pip install 'czcheck[images]'"),
        ("skimage", ["--objects", "{}/x.csv"], 2, "pip install 'czcheck[images]'"),
        ("pyarrow.parquet", ["--objects", "{}/x.parquet"], 2, "pip install pyarrow"),
    ],
)
def test_a_missing_package_is_one_line(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert run(place, *(each.format(place) for each in arguments)) == code
    assert words in told_once(capsys)
    assert left(place) == set()
