"""A project's folder: archives with one finding each, and configurations written into it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.make import BAD

# Their findings: a warning, a note, an error.
ARCHIVES = {
    "colours": "CZ207_same_colour",
    "unknown": "CZ204_element",
    "other_id": "CZ205_other_id",
}
Write = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the archives, in which the test works."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name, bad in ARCHIVES.items():
        shutil.copy(BAD / f"{bad}.czmodel", folder / f"{name}.czmodel")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def write(project: Path) -> Write:
    """Writes a configuration into the project."""

    def to(text: str, name: str = "czcheck.toml") -> Path:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return to
