"""Folders of pytest that another user reaches, so that nothing but the sandbox is in the way."""

from __future__ import annotations

import os
from pathlib import Path


def reachable(folder: Path) -> None:
    """Let everybody into a temporary folder; pytest keeps those above it to the user."""
    for each in (folder, *folder.parents[:3]):
        if each.stat().st_uid == os.getuid() and not each.stat().st_mode & 0o001:
            each.chmod(0o755)
