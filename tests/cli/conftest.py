"""The command line, called in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from calls import Call, Result

from czcheck.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def czcheck(capsys: pytest.CaptureFixture[str]) -> Call:
    def call(*args: str | Path) -> Result:
        with pytest.raises(SystemExit) as stop:
            main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert isinstance(stop.value.code, int)
        return Result(stop.value.code, out, err)

    return call
