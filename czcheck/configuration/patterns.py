"""Patterns of files, as `.gitignore` has them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any


def is_meant(pattern: str, file: Path, folder: Path) -> bool:
    """Whether a file is one that a pattern is for.

    Args:
        pattern: The pattern: `*.czmodel` at any depth, `legacy/*.czmodel` in that folder alone,
            `legacy/` everything below.
        file: The file.
        folder: The folder to which the pattern is relative. A file that lies elsewhere is meant
            by patterns of names alone.
    """
    absolute = file.parent.resolve() / file.name
    try:
        relative = absolute.relative_to(folder).as_posix()
    except ValueError:
        if "/" in pattern:
            return False
        relative = absolute.name
    found: bool = _compiled(pattern).match_file(relative)
    return found


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    import pathspec  # noqa: PLC0415 - only where there are patterns

    return pathspec.GitIgnoreSpec.from_lines([pattern])
