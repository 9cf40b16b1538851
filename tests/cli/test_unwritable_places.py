"""One mistake, one exit code: a folder that cannot be written, in every command that writes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import good_payload

if TYPE_CHECKING:
    from calls import Call

# Modes do not stop root. /proc is a folder in which nobody can make files.
LOCKED = "/proc"
pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="needs /proc, in which nobody can make files"
)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive in the working folder, with an image and a mask."""
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    path = tmp_path / "good.czmodel"
    path.write_bytes(czmodel(metadata_xml(), good_payload()))
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
        Image.new("I;16", (32, 32)).save(tmp_path / name / "a.png")
    return path


@pytest.mark.parametrize(
    "args",
    [
        ("verify", "good.czmodel", "--report", "json={}/x.json"),
        ("verify", "good.czmodel", "--evidence", "{}/x"),
        ("verify", "good.czmodel", "--cache", "--cache-dir", "{}/x"),
        ("repair", "good.czmodel", "-o", "{}/x.czmodel"),
        ("init", "-o", "{}/x.json"),
        ("init", "good.czmodel", "-o", "{}/x.json"),
        ("baseline", "good.czmodel", "-o", "{}/x.npz"),
        ("diff", "good.czmodel", "good.czmodel", "--report", "json={}/x.json"),
        ("diff", "good.czmodel", "good.czmodel", "--html", "{}/x.html"),
        ("diff", "good.czmodel", "good.czmodel", "--picture", "{}/x.png"),
        ("evaluate", "good.czmodel", "images", "masks", "--csv", "{}/x.csv"),
        ("evaluate", "good.czmodel", "images", "masks", "--pictures", "{}/x"),
        ("evaluate", "good.czmodel", "images", "masks", "--report", "html={}/x.html"),
        ("segment", "good.czmodel", "images/a.png", "-o", "{}/x.ome.tif"),
        ("segment", "good.czmodel", "images/a.png", "-o", "{}/x.ome.zarr"),
        ("segment", "good.czmodel", "images", "-o", "{}/x"),
        ("segment", "good.czmodel", "images/a.png", "--overlay", "{}/x.png"),
        ("segment", "good.czmodel", "images/a.png", "--objects", "{}/x.csv"),
    ],
    ids=lambda args: " ".join(each for each in args if each.startswith("-") or each.isalpha()),
)
def test_it_is_a_usage_error(czcheck: Call, model: Path, args: tuple[str, ...]) -> None:
    before = {path.name for path in model.parent.iterdir()}
    result = czcheck(*(each.format(LOCKED) for each in args))
    assert result.code == 2, result.err
    assert result.out == ""
    assert LOCKED in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert {path.name for path in model.parent.iterdir()} == before


@pytest.mark.parametrize("given", [True, False])
def test_building_into_it_is_one(
    czcheck: Call, model: Path, monkeypatch: pytest.MonkeyPatch, given: bool
) -> None:
    """Without --output the archive goes into the working folder, which may be the locked one."""
    assert czcheck("init", model, "-o", "spec.json").code == 0
    spec = model.parent / "spec.json"
    if not given:
        monkeypatch.chdir(LOCKED)
    result = czcheck("build", spec, *(("-o", f"{LOCKED}/x.czmodel") if given else ()))
    assert (result.code, result.out) == (2, "")
    assert "cannot be written" in result.err


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="modes do not stop root"
)
def test_so_is_a_folder_without_permission(czcheck: Call, model: Path) -> None:
    locked = model.parent / "locked"
    locked.mkdir(mode=0o500)
    assert czcheck("repair", model, "-o", locked / "x.czmodel").code == 2
