"""Folders of stores while they are written."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from czcheck.errors import UsageError
from czcheck.images import folder_for


def test_nothing_is_left_though_chunks_are_still_on_their_way(tmp_path: Path) -> None:
    folder = folder_for(str(tmp_path / "labels.ome.zarr"))
    folder.begin()
    begun = threading.Event()

    def write() -> None:  # as zarr does: with the folders that a chunk needs
        for number in range(30):
            chunk = Path(folder.place, str(number), "0")
            try:
                chunk.parent.mkdir(parents=True, exist_ok=True)
                chunk.write_bytes(b"late")
            except FileNotFoundError:  # removed between the two
                pass
            begun.set()
            time.sleep(0.005)

    late = threading.Thread(target=write)
    late.start()
    begun.wait()
    folder.remove()
    late.join()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["field.png", "0", None])
def test_what_is_no_unfinished_store_is_not_removed(tmp_path: Path, content: str | None) -> None:
    other = tmp_path / "labels.ome.zarr.unfinished"
    if content is None:
        other.write_text("a file")
    else:
        other.mkdir()
        (other / content).write_text("somebody's")
    with pytest.raises(UsageError, match=r"unfinished: is in the way"):
        folder_for(str(tmp_path / "labels.ome.zarr"))
    assert other.exists()


def test_what_a_killed_run_left_is_begun_anew(tmp_path: Path) -> None:
    for left in ((), (".zgroup",), ("czcheck-progress", "0")):
        folder = tmp_path / "labels.ome.zarr.unfinished"
        folder.mkdir()
        for name in left:
            (folder / name).write_text("")
        folder_for(str(tmp_path / "labels.ome.zarr")).begin()
        assert list(folder.iterdir()) == []
        folder.rmdir()
