"""The demo's workflow from end to end: a CZI of two scenes, segmented, thresholded, measured."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from pylibCZIrw import czi
from scipy.sparse import coo_array
from skimage.measure import label

from czcheck.cli import main
from czcheck.test_tiles import synthetic_nuclei

pytestmark = pytest.mark.tensorflow
MODEL = Path(__file__).parents[2] / "fixtures" / "models" / "nuclei.czmodel"
SIZES = ((420, 520), (300, 640))
MICROMETRES = 0.5


@pytest.fixture(scope="module")
def truth() -> list[np.ndarray]:
    return [synthetic_nuclei(*size, seed)[1] for seed, size in enumerate(SIZES, start=40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of one run over the two scenes."""
    place = tmp_path_factory.mktemp("demo")
    with czi.create_czi(str(place / "plate.czi")) as document:
        for scene, size in enumerate(SIZES):
            pixels = (synthetic_nuclei(*size, 40 + scene)[0] * 65535).astype(np.uint16)
            document.write(pixels[..., None], scene=scene, location=(1000 * scene, 0))
        document.write_metadata(
            document_name="plate", scale_x=MICROMETRES * 1e-6, scale_y=MICROMETRES * 1e-6
        )
    arguments = ["segment", str(MODEL), str(place / "plate.czi"), "--min-confidence", "51"]
    for option, name in (
        ("--output", "labels.ome.tif"),
        ("--confidence-map", "confidence.ome.tif"),
        ("--overlay", "overlay.png"),
        ("--objects", "objects.csv"),
    ):
        arguments += [option, str(place / name)]
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--class", "Nucleus"])
    assert stop.value.code == 0
    return place


def f1(found: np.ndarray, truth: np.ndarray) -> float:
    """F1 of objects that share at least half of what they cover together."""
    pairs = coo_array((np.ones(found.size), (found.ravel(), truth.ravel()))).toarray()
    union = pairs.sum(1)[:, None] + pairs.sum(0)[None] - pairs
    matched = (pairs[1:, 1:] / union[1:, 1:] >= 0.5).sum()
    return float(2 * matched / (pairs.shape[0] + pairs.shape[1] - 2))


def test_the_nuclei_are_found(folder: Path, truth: list[np.ndarray]) -> None:
    with tifffile.TiffFile(folder / "labels.ome.tif") as file:
        scenes = [series.asarray() for series in file.series]
    assert [scene.shape for scene in scenes] == list(SIZES)
    for labels, mask in zip(scenes, truth, strict=True):
        assert set(np.unique(labels)) <= {0, 1, 2}
        # Nuclei that touch are one object for whoever labels what is connected.
        assert f1(label(labels == 2), label(mask > 0)) >= 0.9


def test_every_nucleus_is_measured_in_pixels_and_micrometres(folder: Path) -> None:
    with (folder / "objects.csv").open(encoding="utf-8", newline="") as stream:
        rows: list[dict[str, Any]] = list(csv.DictReader(stream))
    with tifffile.TiffFile(folder / "labels.ome.tif") as file:
        scenes = [series.asarray() for series in file.series]
    for scene, labels in enumerate(scenes):
        mine = [row for row in rows if row["scene"] == str(scene)]
        assert len(mine) == label(labels == 2).max()
        assert sum(int(row["area_px"]) for row in mine) == (labels == 2).sum()
    for row in rows:
        assert row["class"] == "Nucleus"
        assert float(row["area_um2"]) == pytest.approx(int(row["area_px"]) * MICROMETRES**2)
        assert float(row["intensity_min"]) <= float(row["intensity_mean"])
        centre = (float(row["centroid_column_px"]) + 0.5) * MICROMETRES
        assert float(row["centroid_x_um"]) == pytest.approx(centre)


def test_confidence_and_labels_agree(folder: Path) -> None:
    with (
        tifffile.TiffFile(folder / "labels.ome.tif") as labels,
        tifffile.TiffFile(folder / "confidence.ome.tif") as confidence,
    ):
        for one, other in zip(labels.series, confidence.series, strict=True):
            best = other.asarray()
            assert best.dtype == np.float32
            np.testing.assert_array_equal(one.asarray() == 0, best < np.float32(0.51))


def test_each_scene_has_a_picture_with_a_legend(folder: Path) -> None:
    for scene, (height, width) in enumerate(SIZES):
        with Image.open(folder / f"overlay_s{scene}.png") as picture:
            assert picture.width == width
            assert picture.height > height
    assert not list(folder.glob(".*"))
    assert json.dumps(sorted(path.name for path in folder.iterdir())) == json.dumps(
        [
            "confidence.ome.tif",
            "labels.ome.tif",
            "objects.csv",
            "overlay_s0.png",
            "overlay_s1.png",
            "plate.czi",
        ]
    )
