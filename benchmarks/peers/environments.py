"""Python environments for programs that are measured beside this one."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 3600.0  # seconds for one environment


class UnavailableError(Exception):
    """A program cannot be measured here; says why."""


def environment(folder: Path, requirements: Sequence[str]) -> Path:
    """Make an environment, or find the one that an earlier run made.

    Args:
        folder: Where it stands.
        requirements: What pip has to install.

    Returns:
        Its Python.

    Raises:
        UnavailableError: pip cannot install it.
    """
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    installed = folder / "installed.txt"
    wanted = "\n".join(requirements)
    if installed.exists() and installed.read_text("utf-8") == wanted:
        return python
    venv.create(folder, clear=True, with_pip=True)
    install = ["-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    checked([str(python), *install, *requirements])
    installed.write_text(wanted, "utf-8")
    return python


def checked(command: Sequence[str]) -> None:
    """Run a command to its end.

    Raises:
        UnavailableError: It fails; with the last line that it says.
    """
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"not done after {PATIENCE:.0f} s: {' '.join(command)}") from error
    if ended.returncode != 0:
        said = (ended.stderr.strip() or ended.stdout.strip() or "nothing said").splitlines()
        raise UnavailableError(f"exit code {ended.returncode}: {said[-1]}")
