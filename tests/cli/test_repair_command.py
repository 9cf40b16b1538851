"""`czcheck repair`: what it prints, its exit codes, and that failure leaves no file."""

from __future__ import annotations

from pathlib import Path

import pytest

from czcheck.cli import main

BAD = Path(__file__).parents[2] / "fixtures" / "bad"


def call(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["repair", *map(str, arguments)])
    assert isinstance(stop.value.code, int)
    return stop.value.code


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("CZ116_pickle.czmodel", "-o", "new.czmodel"), 1, "cannot be repaired: CZ116"),
        (("CZ107_czann.czann", "-o", "new.czmodel"), 1, "cannot be repaired: CZ107"),
        (("CZ206_gap.czmodel", "-o", "new.czmodel"), 1, "cannot be repaired: CZ206"),
        (("CZ114_wrapped_payload.czmodel", "-o", "missing/new.czmodel"), 2, "does not exist"),
        (("missing.czmodel", "-o", "new.czmodel"), 2, "no such file"),
        (("CZ116_pickle.czmodel",), 2, "--output"),
        (("CZ116_pickle.czmodel", "-o", "new.czmodel", "--tile", "0x4"), 2, "is not a tile size"),
        (("CZ216_name_empty.czmodel", "-o", "new.czmodel", "--name", " "), 2, "the name is empty"),
    ],
)
def test_wrong_calls(
    arguments: tuple[str, ...],
    code: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(BAD / arguments[0], *arguments[1:]) == code
    out, err = capsys.readouterr()
    assert words in err
    assert "Traceback" not in out + err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.tensorflow
def test_changes_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new.czmodel"
    assert call(BAD / "CZ114_wrapped_payload.czmodel", "-o", new, "--no-verify") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"repaired {new} (")
    assert "changed   SavedModel taken out of the folder model in the payload" in out
    assert "labels equal to the source's on tiles of 32 x 32" in out
    again = tmp_path / "again.czmodel"
    assert call(new, "-o", again, "--no-verify") == 0
    assert "byte for byte the same" in capsys.readouterr().out
