"""Where there is no room to work in, a build is incomplete; the network is not at fault."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from czcheck.building import BuildProcess
from czcheck.errors import IncompleteError
from czcheck.runtime import CommandFailed


class FullDisk:
    """A worker whose process answers every question as TensorFlow does on a full disk."""

    def __init__(self, **_: Any) -> None:
        self.folder = Path("full") / "czcheck-build"

    def start(self) -> None:
        """Nothing to start."""

    def close(self) -> None:
        """Nothing to end."""

    def hello(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {}

    def command(self, *_: Any, **__: Any) -> dict[str, Any]:
        full = f"[Errno {errno.ENOSPC}] {os.strerror(errno.ENOSPC)}"
        raise CommandFailed({"kind": "OSError", "error": full})


def test_no_room_is_told_with_the_folder_that_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("czcheck.building.process.Worker", FullDisk)
    with (
        pytest.raises(IncompleteError, match="no space left in full; TMPDIR names another"),
        BuildProcess(tmp_path / "nuclei.keras") as process,
    ):
        process.export(tmp_path / "nuclei.keras", None)
