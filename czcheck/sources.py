"""Files that a command reads, and that nothing it writes may replace."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class Sources:
    """What a command reads: files, and folders of images.

    Of a folder only its images are read, so other files may be written into it; of a Zarr store
    everything is.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        """Look at what is read.

        Args:
            paths: Files and folders; those that are not there are passed over.
        """
        self._files: set[Path] = set()
        self._identities: set[tuple[int, int]] = set()
        self._stores: list[Path] = []
        for path in paths:
            self._add(path)

    def _add(self, path: Path) -> None:
        self._files.add(path.resolve())
        if not path.is_dir():
            identity = _identity(path)
            if identity is not None:
                self._identities.add(identity)
            return
        from czcheck.images.folders import ENDINGS, is_store  # noqa: PLC0415

        if is_store(path):
            self._stores.append(path.resolve())
            return
        for each in path.iterdir():
            if each.suffix.lower() in ENDINGS or is_store(each):
                self._add(each)

    def __contains__(self, path: Path) -> bool:
        """Whether writing a file, or a store, would replace one that is read, or part of one.

        Args:
            path: What would be written. Links are followed, and names that differ only in case are
                the same where the file system takes them for that.
        """
        place = path.resolve()
        return (
            place in self._files
            or _identity(place) in self._identities
            or any(place.is_relative_to(store) for store in self._stores)
            or any(each.is_relative_to(place) for each in self._files)
        )


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from all others; None where there is none, or the system has no such."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_ino else None
