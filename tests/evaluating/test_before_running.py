"""What no image or mask can be read for is found before the network runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import czcheck
from czcheck.errors import InputError
from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import classifier
from fixtures.ome_tiffs import HEIGHT, PLANES, WIDTH, one_image, write_set


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Two images with masks, of which the second is a set that lacks a file."""
    images, masks = tmp_path / "images", tmp_path / "masks"
    write_set(images, {0: "b.ome.tif"}, one_image(["b.ome.tif", "c.ome.tif"]))
    masks.mkdir()
    tifffile.imwrite(images / "a.tif", PLANES[0])
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(masks / name, np.ones((HEIGHT, WIDTH), np.uint8))
    (tmp_path / "m.czmodel").write_bytes(czmodel(metadata_xml(), classifier().payload()))
    return tmp_path


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object) -> None:
        pytest.fail("the network was started")

    monkeypatch.setattr("czcheck.segmenting.runner.ModelRunner.__enter__", start)


def test_missing_files_of_a_set(labelled: Path) -> None:
    with pytest.raises(InputError, match=r"the file c\.ome\.tif of its OME-XML is missing"):
        czcheck.evaluate(labelled / "m.czmodel", labelled / "images", labelled / "masks")


def test_a_mask_of_other_planes(labelled: Path) -> None:
    (labelled / "images" / "b.ome.tif").unlink()
    (labelled / "masks" / "b.tif").unlink()
    write_set(labelled / "masks", {0: "a.tif", 1: "z.tif"}, one_image(["a.tif", "z.tif"]))
    with pytest.raises(InputError, match="the mask has 2 planes"):
        czcheck.evaluate(labelled / "m.czmodel", labelled / "images", labelled / "masks")
