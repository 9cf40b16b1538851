"""Only what TensorFlow reads is written, under names that cannot lead out of the folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from czcheck.errors import IncompleteError, InputError
from czcheck.limits import DEFAULT_LIMITS
from czcheck.runtime.unpack import unpack


class Files:
    """A SavedModel in memory."""

    def __init__(self, files: dict[str, bytes], claimed: int | None = None) -> None:
        self.files = files
        self.claimed = claimed

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.files))

    def size(self, name: str) -> int:
        return len(self.files[name]) if self.claimed is None else self.claimed

    def chunks(self, name: str) -> Iterator[bytes]:
        data = self.files[name]
        for start in range(0, len(data), 3):
            yield data[start : start + 3]


WANTED = {
    "saved_model.pb": b"graph bytes",
    "variables/variables.index": b"index",
    "variables/variables.data-00000-of-00001": b"numbers",
    "assets/words.txt": b"a b c",
}
STRANGE = (
    "../evil",
    "/etc/evil",
    "assets/../../evil",
    "assets/deep/er",
    "assets/.hidden",
    "assets/",
    "variables/evil",
    "variables/variables.data-00000-of-00001\n",
    "variables\\variables.index",
    "keras_metadata.pb",
    "saved_model.pb.exe",
    "assets/\u0661",
)


def test_it_writes_what_tensorflow_reads_and_nothing_else(tmp_path: Path) -> None:
    files = Files({**WANTED, **dict.fromkeys(STRANGE, b"evil")})
    folder = unpack(files, tmp_path / "model")
    written = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert written == {f"model/{name}": data for name, data in WANTED.items()}
    assert folder == tmp_path / "model"
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("bounds", [{"member_bytes": 10}, {"archive_bytes": 12}])
def test_the_limits_hold_against_what_really_comes(tmp_path: Path, bounds: dict[str, int]) -> None:
    with pytest.raises(InputError, match="larger than the limit"):
        unpack(Files(WANTED, claimed=1), tmp_path / "model", replace(DEFAULT_LIMITS, **bounds))
    left = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert left <= 14 < sum(map(len, WANTED.values()))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, mode: str) -> object:
        return os.fdopen(os.open("/dev/full", os.O_WRONLY), "wb", buffering=0)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(IncompleteError, match="no space left"):
        unpack(Files(WANTED), tmp_path / "model")


def test_it_does_not_write_into_a_folder_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match="cannot be unpacked"):
        unpack(Files(WANTED), tmp_path)
