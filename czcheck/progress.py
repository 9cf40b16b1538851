"""What functions call to report how far they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

CountProgress: TypeAlias = Callable[[int, int], None]
"""Called after each tile or image with the number done and the number of all."""

FileProgress: TypeAlias = Callable[[Path, int, int], None]
"""Called after each tile with the file, the number of its tiles done and of all its tiles."""

StepProgress: TypeAlias = Callable[[str], None]
"""Called before each step with the words for it."""
