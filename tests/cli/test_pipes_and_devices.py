"""What is no file is told at once: a pipe would be waited for, and a device may have no end."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.make import BAD

if TYPE_CHECKING:
    from calls import Call

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes as POSIX has them")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("given", ["pipe", "pipe.json", "/dev/zero"])
@pytest.mark.parametrize(
    "args",
    [
        ("verify", "--level", "network"),
        ("inspect",),
        ("diff", "m.czmodel"),
        ("repair", "-o", "x.czmodel"),
        ("verify", "m.czmodel", "--baseline"),
    ],
)
def test_a_pipe_or_a_device(
    czcheck: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
    given: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(BAD.parent / "models" / "nuclei.czmodel", "m.czmodel")
    for name in ("pipe", "pipe.json"):
        os.mkfifo(name)
    done = czcheck(*args, given)
    assert done.code == 2
    assert f"{given}: is a device or a pipe" in done.err
