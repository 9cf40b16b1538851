"""What the writers of single files have in common: how they end."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import ExitStack
from pathlib import Path

from czcheck.images.output import Writer
from czcheck.images.placing import AbandonedError, settle


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
