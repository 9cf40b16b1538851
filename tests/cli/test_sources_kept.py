"""Nothing that a command writes takes the place of what it reads."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from czcheck.errors import UsageError
from czcheck.segmenting.places import Wanted, places_for
from czcheck.verifying.baselines import write_baseline
from fixtures.make import BAD

if TYPE_CHECKING:
    from calls import Call

EVALUATE = ("evaluate", "m.czmodel", "images", "masks")
VERIFY = ("verify", "m.czmodel", "--level", "network")


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(BAD.parent / "models" / "nuclei.czmodel", tmp_path / "m.czmodel")
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        pixels = np.ones((8, 8), np.uint8)
        Image.fromarray(pixels).save(tmp_path / folder / "field.png")
    (tmp_path / "link").symlink_to("m.czmodel")
    os.link(tmp_path / "m.czmodel", tmp_path / "hard")
    (tmp_path / "czcheck.toml").write_text('level = "network"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "args",
    [
        ("baseline", "m.czmodel", "-o", "m.czmodel"),
        ("baseline", "m.czmodel", "-o", "link"),
        ("baseline", "link", "-o", "m.czmodel"),
        (*EVALUATE, "--csv", "m.czmodel"),
        (*EVALUATE, "--csv", "masks/field.png"),
        (*EVALUATE, "--csv", "x.csv", "--report", "json=x.csv"),
        (*EVALUATE, "--report", "html=masks/field.png"),
        (*EVALUATE, "--report", "html=images/field.png"),
        (*EVALUATE, "--config", "czcheck.toml", "--report", "json=czcheck.toml"),
        (*VERIFY, "--report", "json=hard"),
        (*VERIFY, "--tiles", "images", "--report", "json=images/field.png"),
        (*VERIFY, "--tiles", "images/field.png", "--report", "json=images/field.png"),
        ("diff", "m.czmodel", "hard", "--picture", "link"),
        ("diff", "m.czmodel", "hard", "--tiles", "images", "--picture", "images/field.png"),
        ("diff", "m.czmodel", "hard", "--picture", "x.png", "--report", "json=x.png"),
    ],
)
def test_an_output_onto_what_is_read(czcheck: Call, work: Path, args: tuple[str, ...]) -> None:
    before = contents(work)
    done = czcheck(*args)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert contents(work) == before


def test_a_baseline_from_python(work: Path) -> None:
    before = contents(work)
    with pytest.raises(UsageError, match="is the model; name another file"):
        write_baseline("m.czmodel", "link")
    assert contents(work) == before


def test_a_report_beside_what_is_read_is_written(czcheck: Call, work: Path) -> None:
    for _ in range(2):  # what an earlier run wrote is replaced
        done = czcheck(*VERIFY, "--tiles", "images", "--report", "json=images/report.json")
        assert done.code == 0
    assert (work / "images/report.json").stat().st_size > 0


def test_a_store_that_would_replace_the_folder_of_an_image(work: Path) -> None:
    store = work / "data.zarr"
    store.mkdir()
    (store / ".zgroup").write_text('{"zarr_format": 2}')
    image = store / "field.png"
    shutil.copy("images/field.png", image)
    with pytest.raises(UsageError, match="is an image that is read"):
        places_for([image], Wanted(labels=str(store)), folder_of=None)
