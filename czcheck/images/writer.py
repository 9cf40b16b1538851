"""What all writers have in common, and what those of single files have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck.files import AbandonedError, settle
from czcheck.images.content import Content

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

    from czcheck.images.image import Plane


class Writer(ABC):
    """Writes one file or store, block by block; nothing stands under its name before `commit`.

    A context manager: leaving it by an exception (Ctrl-C, a full disk) aborts, leaving it otherwise
    commits. A store that can be resumed keeps what is written when it is aborted, marked as
    unfinished. `write` is called from one thread at a time.

    Attributes:
        path: Where it goes.
        content: What is written.
    """

    path: str
    content: Content

    @abstractmethod
    def write(self, plane: Plane, top: int, left: int, block: NDArray[Any]) -> None:
        """Write a block of one plane. Blocks may come in any order and must not overlap.

        Args:
            plane: One of `content.planes`.
            top: First row.
            left: First column.
            block: `(height, width)`, or `(height, width, classes)` for probabilities, of
                `content.dtype`.

        Raises:
            IncompleteError: The disk is full, or cannot be written.
        """

    def written(self, plane: Plane, top: int, left: int, height: int, width: int) -> bool:  # noqa: ARG002
        """Whether a block is already there from a run that is resumed.

        Args:
            plane: One of `content.planes`.
            top: First row.
            left: First column.
            height: Rows.
            width: Columns.
        """
        return False

    def read(self, plane: Plane, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        """Read a block that `written` says is there.

        Args:
            plane: One of `content.planes`.
            top: First row.
            left: First column.
            height: Rows.
            width: Columns.

        Returns:
            `(height, width)`, or `(height, width, classes)` for probabilities.

        Raises:
            IncompleteError: It cannot be read.
        """
        raise NotImplementedError(f"{self.path} is only written")

    @property
    def resumable(self) -> str | None:
        """Where an interrupted run left what can be gone on with; None if there is nothing."""
        return None

    @abstractmethod
    def complete(self) -> None:
        """Do all that is left to do, so that `commit` only has to put it in place.

        Raises:
            IncompleteError: The disk is full, or cannot be written.
        """

    @abstractmethod
    def commit(self) -> None:
        """Complete what was written, unless that is done, and put it in place.

        Raises:
            IncompleteError: The disk is full, or cannot be written.
        """

    @abstractmethod
    def abort(self) -> None:
        """Leave nothing behind, or what can be resumed; what stood there before stays."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None:
            self.commit()
        else:
            self.abort()


class FileWriter(Writer):
    """A writer of one file, which is written beside its place.

    Attributes:
        _target: Where the file stands until it is put in place.
        _stack: Holds the file, and what else is open while it is written.
    """

    _target: Path
    _stack: ExitStack
    _is_complete = False

    def complete(self) -> None:
        """Write the file to its end; see `Writer.complete`."""
        try:
            self._finish()
            settle(Path(self.path), self._target)
        except BaseException:
            self.abort()
            raise
        self._is_complete = True

    def commit(self) -> None:
        """Put the file in place; see `Writer.commit`."""
        if not self._is_complete:
            self.complete()
        self._stack.__exit__(None, None, None)

    def abort(self) -> None:
        """Leave nothing behind."""
        self._stack.__exit__(AbandonedError, AbandonedError(), None)

    @abstractmethod
    def _finish(self) -> None:
        """Write what is still to be written to `_target`."""
