"""Results of czcheck among images are known by what it wrote into them, whatever their name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from czcheck.errors import UsageError
from czcheck.images import Content, Kind, Plane, create, images_of, is_result, open_image
from czcheck.images.png import png_texts
from czcheck.metadata import SegmentationClass

PLANE = Plane(0, 0, 0, "", 40, 30)
KINDS = [
    ("a.ome.tif", "labels"),
    ("a.tif", "probabilities"),
    ("a.tif", "confidence"),
    ("a.zarr", "labels"),
    ("a.zarr", "probabilities"),
    ("a.czi", "labels"),
    ("a.czi", "confidence"),
    ("a.png", "labels"),
]


def write(path: Path, kind: Kind = "labels") -> Path:
    classes = (SegmentationClass(1, "A", (255, 0, 0)), SegmentationClass(2, "B", (0, 0, 255)))
    content = Content(kind, (PLANE,), classes, source={"model": "m", "image": "i.tif"})
    shape = (40, 30, 2) if kind == "probabilities" else (40, 30)
    with create(path, content) as writer:
        writer.write(PLANE, 0, 0, np.ones(shape, content.dtype))
    return path


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_every_result_says_what_it_is(tmp_path: Path, name: str, kind: Kind) -> None:
    path = write(tmp_path / name, kind)
    with open_image(path) as image:
        assert image.result == kind
    assert is_result(path)


def test_an_unfinished_store_is_a_result(tmp_path: Path) -> None:
    content = Content("labels", (PLANE,), (SegmentationClass(1, "A", (255, 0, 0)),))
    with create(tmp_path / "a.zarr", content):
        assert is_result(tmp_path / "a.zarr.unfinished")


def test_files_of_others_are_images_whatever_their_names(tmp_path: Path) -> None:
    pixels = np.zeros((40, 30), np.uint8)
    tifffile.imwrite(tmp_path / "a_labels.ome.tif", pixels, ome=True)
    Image.fromarray(pixels).save(tmp_path / "a_overlay.png", pnginfo=png_texts({"Title": "a"}))
    Image.fromarray(pixels).save(
        tmp_path / "b.png", pnginfo=png_texts({"czcheck/source": "[no json"})
    )
    (tmp_path / "damaged_labels.tif").write_bytes(b"II*")
    files = sorted(tmp_path.iterdir())
    assert [is_result(each) for each in files] == [False] * 4
    assert images_of([tmp_path]) == (files, [])


def test_results_are_images_only_where_they_are_named(tmp_path: Path) -> None:
    result = write(tmp_path / "a.ome.tif")
    with pytest.raises(UsageError, match="holds nothing but results of czcheck"):
        images_of([tmp_path])
    assert images_of([result]) == ([result], [])
    image = tmp_path / "b.png"
    Image.fromarray(np.zeros((40, 30), np.uint8)).save(image)
    assert images_of([tmp_path]) == ([image], [result])
