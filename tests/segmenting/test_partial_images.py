"""`czcheck segment` with images that are a part of an acquisition, or lack a part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from czcheck.cli import main
from czcheck.images import open_image
from czcheck.segmenting import segmentation
from fixtures.archives import czmodel, metadata_xml
from fixtures.thresholds import Threshold, expected, pixels


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, `model.czmodel`."""
    monkeypatch.setattr(segmentation, "ModelRunner", Threshold)
    (tmp_path / "model.czmodel").write_bytes(czmodel(metadata_xml(), b"PK"))
    return tmp_path


def run(place: Path, image: str, *arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["segment", str(place / "model.czmodel"), str(place / image), *arguments])
    assert isinstance(stop.value.code, int)
    return stop.value.code


@pytest.mark.parametrize("ending", [".ome.tif", ".czi", ".ome.zarr"])
def test_planes_that_do_not_begin_with_0_are_numbered_anew(place: Path, ending: str) -> None:
    czi = pytest.importorskip("pylibCZIrw.czi", reason="pylibCZIrw is not installed")
    image = pixels((70, 90), 0)
    with czi.create_czi(str(place / "part.czi")) as writer:
        for time, z in ((5, 2), (5, 3), (6, 2), (6, 3)):
            writer.write(image + np.uint16(100 * time + z), plane={"T": time, "Z": z})
    target = place / f"labels{ending}"
    assert run(place, "part.czi", "-o", str(target), "--time", "6") == 0
    with open_image(target) as labels:
        assert [(each.time, each.z) for each in labels.planes] == [(0, 0), (0, 1)]
        for plane, z in zip(labels.planes, (2, 3), strict=True):
            found = labels.read(plane, 0, 0, 70, 90)[..., 0]
            np.testing.assert_array_equal(found, expected(image + np.uint16(600 + z)))


def test_what_is_missing_is_told_beside_what_was_segmented(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = np.stack([pixels((70, 90), number) for number in range(6)])
    path = place / "images" / "1.tif"
    path.parent.mkdir()
    tifffile.imwrite(path.with_name("0.tif"), stack[0], metadata=None)
    tifffile.imwrite(path, stack, metadata=None, compression="zlib", rowsperstrip=70)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    assert run(place, "images", "-o", str(place / "out") + "/") == 1
    assert "1.tif: the file breaks off behind page" in capsys.readouterr().out
    assert [each.name for each in (place / "out").iterdir()] == ["0_labels.ome.tif"]
    options = ["-o", str(place / "labels.ome.tif"), "--z", "0-1", "--allow-missing"]
    assert run(place, "images/1.tif", *options) == 0
    assert "missing: the file breaks off behind page" in capsys.readouterr().out
