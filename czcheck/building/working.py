"""A block of code in which a worker's process runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

    from czcheck.runtime.networks import Worker


class Working:
    """Starts a worker's process where a block is entered, and ends it where the block is left."""

    _worker: Worker

    def __enter__(self) -> Self:
        """Start the process; it imports its framework while others work."""
        self._worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the process; everything it wrote is removed."""
        self._worker.close()
