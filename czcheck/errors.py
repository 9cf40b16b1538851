"""The exception families that cross module borders.

Bad *content* of an archive is data: rules report it as findings. An exception is raised only where
nothing can be said about the content any more, or where the user has to change the call.
"""

from __future__ import annotations


class CzcheckError(Exception):
    """Base class. Its text is for the user: file, place and fix, safe to print."""

    def __str__(self) -> str:
        from czcheck.text import printable_lines  # noqa: PLC0415 - only when one is told

        return printable_lines(super().__str__())


class UsageError(CzcheckError):
    """The call cannot be carried out as given: no such path, bad option (exit code 2)."""


class InputError(CzcheckError):
    """A spec, SavedModel or archive that cannot be read, built or converted (exit code 1)."""


class IncompleteError(CzcheckError):
    """The tool could not do its work: no runner, no space, no memory (exit code 3)."""


class NotApplicableError(InputError):
    """A fact that there is nothing to say about in this file. Rules that need it are skipped."""


class UnavailableError(InputError):
    """A fact that this file does not yield. Its text says why; rules that need it are skipped."""
