"""What `evaluate` needs beside czcheck's own dependencies."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import czcheck
from czcheck.errors import UsageError


@pytest.mark.parametrize("package", ["cztile", "skimage"])
def test_a_missing_package_is_told_before_anything_is_read(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UsageError, match=r"pip install 'czcheck\[images\]'"):
        czcheck.evaluate(tmp_path / "x.czmodel", tmp_path, tmp_path, mask="instances")
