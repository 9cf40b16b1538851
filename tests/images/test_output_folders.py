"""Folders of stores while they are written."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from czcheck.images.output_folders import folder_for


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
