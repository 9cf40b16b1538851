"""Which floor of the package may import which, as `pyproject.toml` says it."""

from __future__ import annotations

from pathlib import Path

from importlinter.cli import lint_imports

SETTINGS = Path(__file__).parents[1] / "pyproject.toml"


def test_arrows_run_one_way() -> None:
    # What breaks a contract is printed, which pytest shows.
    assert lint_imports(config_filename=str(SETTINGS), no_cache=True) == 0
