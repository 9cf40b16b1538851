"""What a folder of images stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from czcheck.errors import UsageError
from czcheck.images import images_in, is_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.ome.tif", "c.CZI", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    for name in ("d.zarr", "below", "bare"):
        (tmp_path / name).mkdir()
    (tmp_path / "bare" / "zarr.json").touch()
    (tmp_path / "below" / "x.png").touch()
    return tmp_path


def test_a_folder_stands_for_the_images_and_stores_in_it(folder: Path) -> None:
    assert [each.name for each in images_in(folder)] == [
        "a.ome.tif",
        "b.png",
        "bare",
        "c.CZI",
        "d.zarr",
    ]


def test_a_file_and_a_store_stand_for_themselves(folder: Path) -> None:
    assert images_in(folder / "b.png") == [folder / "b.png"]
    assert images_in(folder / "d.zarr") == [folder / "d.zarr"]
    assert not is_store(folder / "below")


def test_nothing_there(folder: Path, tmp_path: Path) -> None:
    (folder / "below" / "x.png").unlink()
    with pytest.raises(UsageError, match=r"below: the folder holds no image \(.png, .tif"):
        images_in(folder / "below")
    (folder / "below" / "train").mkdir()
    with pytest.raises(UsageError, match=r"; name one of the folders in it, such as train"):
        images_in(folder / "below")
    with pytest.raises(UsageError, match="no such image or folder"):
        images_in(tmp_path / "nowhere")
