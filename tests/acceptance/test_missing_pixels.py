"""Images that lack pixels, with a real network: refused, or the result says what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

import czcheck
from fixtures.ome_tiffs import HEIGHT, WIDTH, one_image, write_set

pytestmark = pytest.mark.tensorflow

MODEL = Path(__file__).parents[2] / "fixtures" / "models" / "nuclei.czmodel"
NAMES = ("z0.ome.tif", "z1.ome.tif", "z2.ome.tif")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first of three files, of which the second one is missing."""
    folder = tmp_path_factory.mktemp("set")
    write_set(folder, {0: NAMES[0], 2: NAMES[2]}, one_image(NAMES))
    return folder / NAMES[0]


def test_segment_writes_nothing_unless_it_is_allowed(image: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.ome.tif"
    command = [
        sys.executable,
        "-m",
        "czcheck",
        "segment",
        str(MODEL),
        str(image),
        "-o",
        str(labels),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the file z1.ome.tif of its OME-XML is missing" in done.stderr
    assert not list(tmp_path.iterdir())
    command += ["--allow-missing", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)["images"]
    assert "z1.ome.tif" in result["missing"][0]
    assert len(result["planes"]) == 3
    assert "z1.ome.tif" in str(tifffile.tiffcomment(labels))  # the file says so, too


def test_evaluate_scores_nothing_unless_it_is_allowed(image: Path, tmp_path: Path) -> None:
    masks = tmp_path / "mask.tif"
    tifffile.imwrite(masks, np.ones((3, HEIGHT, WIDTH), np.uint8), photometric="minisblack")
    with pytest.raises(
        czcheck.InputError, match=r"the file z1\.ome\.tif of its OME-XML is missing"
    ):
        czcheck.evaluate(MODEL, image, masks)
    folder = tmp_path / "masks"
    folder.mkdir()
    write_set(folder, {0: NAMES[0], 2: NAMES[2]}, one_image(NAMES))
    report = czcheck.evaluate(MODEL, image, folder / NAMES[0], mask="binary", allow_missing=True)
    found = report.files[0].looked_at["evaluation"]
    assert found["images"] == 3
    gone = "z0.ome.tif: the file z1.ome.tif of its OME-XML is missing"
    for what in ("image", "mask"):
        assert f"{what} {gone}" in found["missing"]
    assert "missing, counted as 0: image z0.ome.tif: " in report.render("text")
