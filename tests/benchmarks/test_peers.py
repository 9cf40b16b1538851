"""Other programs that are measured: what cannot be had is told and left out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.peers import side_by_side
from benchmarks.peers.environments import UnavailableError, checked, environment


def work(folder: Path) -> side_by_side.Work:
    image = folder / "image.tif"
    return side_by_side.Work(folder / "network", image, 512, 8, folder / "cache", folder)


def test_a_failure_is_told_with_the_last_line() -> None:
    script = "import sys; print('first', file=sys.stderr); sys.exit('no wheel for this Python')"
    with pytest.raises(UnavailableError, match=r"^exit code 1: no wheel for this Python$"):
        checked([sys.executable, "-c", script])


def test_an_environment_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    ran: list[list[str]] = []

    def create(folder: Path, *, clear: bool, with_pip: bool) -> None:
        assert clear
        assert with_pip
        folder.mkdir(exist_ok=True)
        made.append(folder)

    monkeypatch.setattr("benchmarks.peers.environments.venv.create", create)
    monkeypatch.setattr("benchmarks.peers.environments.checked", ran.append)
    python = environment(tmp_path / "peer", ["peer", "more<2"])
    assert environment(tmp_path / "peer", ["peer", "more<2"]) == python
    assert [command[-2:] for command in ran] == [["peer", "more<2"]]
    environment(tmp_path / "peer", ["peer"])
    assert len(made) == 2


def test_what_does_not_install_or_run_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(_: side_by_side.Work) -> list[str]:
        raise UnavailableError("no such package")

    def failing(_: side_by_side.Work) -> list[str]:
        return [sys.executable, "-c", "raise SystemExit('no such operation')"]

    def good(_: side_by_side.Work) -> list[str]:
        return [sys.executable, "-c", "import time; time.sleep(0.3)"]

    peers = {"missing": missing, "failing": failing, "good": good}
    monkeypatch.setattr(side_by_side, "PEERS", peers)
    found = side_by_side.ready(work(tmp_path))
    assert list(found) == ["good"]
    told = capsys.readouterr().err
    assert "missing: not measured: no such package\n" in told
    assert "no such operation\n" in told
